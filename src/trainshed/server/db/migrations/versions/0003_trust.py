"""Sessions that end with the token they came from; numbers of events that are never given twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tokens") as table:
        table.add_column(sa.Column("parent", sa.String(length=64), nullable=True))
        table.create_foreign_key(op.f("fk_tokens_parent"), "tokens", ["parent"], ["hash"], ondelete="CASCADE")
        table.create_index(op.f("ix_tokens_parent"), ["parent"])
    _renumber(never_twice=True)


def _renumber(*, never_twice: bool) -> None:
    """SQLite gives the number of a deleted last row again, unless told not to when the table is made."""
    if op.get_bind().dialect.name == "sqlite":
        kwargs = {"sqlite_autoincrement": never_twice}
        with op.batch_alter_table("events", recreate="always", table_kwargs=kwargs):
            pass


def downgrade() -> None:
    _renumber(never_twice=False)
    with op.batch_alter_table("tokens") as table:
        table.drop_index(op.f("ix_tokens_parent"))
        table.drop_constraint(op.f("fk_tokens_parent"), type_="foreignkey")
        table.drop_column("parent")
