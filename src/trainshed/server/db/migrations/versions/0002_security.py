"""Roles, tokens that expire, quotas, an audit log that only grows, notifications."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REFUSED = "the audit log only grows"


def upgrade() -> None:
    _columns()
    _audit()
    _notifications()


def _columns() -> None:
    text, no = sa.text("''"), sa.false()
    with op.batch_alter_table("projects") as table:
        table.add_column(sa.Column("description", sa.String(length=256), server_default=text, nullable=False))
        table.add_column(sa.Column("quota", sa.JSON(), nullable=True))
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("email", sa.String(length=254), server_default=text, nullable=False))
        table.add_column(sa.Column("disabled", sa.Boolean(), server_default=no, nullable=False))
    with op.batch_alter_table("access_keys") as table:
        table.add_column(sa.Column("description", sa.String(length=256), server_default=text, nullable=False))
        table.add_column(sa.Column("disabled", sa.Boolean(), server_default=no, nullable=False))
        table.add_column(sa.Column("expires_at", sa.Float(), nullable=True))
        table.add_column(sa.Column("last_used_at", sa.Float(), nullable=True))
    with op.batch_alter_table("tokens") as table:
        kind = sa.Column("kind", sa.String(length=16), server_default="personal", nullable=False)
        table.add_column(kind)
        table.add_column(sa.Column("project_id", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("role", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("last_used_at", sa.Float(), nullable=True))
        table.create_foreign_key(
            op.f("fk_tokens_project_id"), "projects", ["project_id"], ["id"], ondelete="CASCADE"
        )
        table.create_index(op.f("ix_tokens_user_id"), ["user_id"])
    op.execute("UPDATE tokens SET kind = 'session' WHERE name = 'console'")


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True),
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("credential", sa.String(length=80), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=256), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("request_id", name=op.f("uq_audit_request_id")),
    )
    op.create_index(op.f("ix_audit_project_id_id"), "audit", ["project_id", "id"])
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()"
    )


def _notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("mine", sa.Boolean(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("target_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_notifications_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_notifications_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_notifications_project_id_name")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("notification_id", sa.String(length=36), nullable=False),
        sa.Column("occasion", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.id"],
            name=op.f("fk_deliveries_notification_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "notification_id", "occasion", name=op.f("uq_deliveries_notification_id_occasion")
        ),
    )
    op.create_index(op.f("ix_deliveries_state_next_at"), "deliveries", ["state", "next_at"])
    op.create_table(
        "cursors",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursors")),
    )


def downgrade() -> None:
    op.drop_table("cursors")
    op.drop_table("deliveries")
    op.drop_table("notifications")
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_only_grows")
    with op.batch_alter_table("tokens") as table:
        table.drop_index(op.f("ix_tokens_user_id"))
        table.drop_constraint(op.f("fk_tokens_project_id"), type_="foreignkey")
        for column in ("kind", "project_id", "role", "last_used_at"):
            table.drop_column(column)
    with op.batch_alter_table("access_keys") as table:
        for column in ("description", "disabled", "expires_at", "last_used_at"):
            table.drop_column(column)
    with op.batch_alter_table("users") as table:
        table.drop_column("email")
        table.drop_column("disabled")
    with op.batch_alter_table("projects") as table:
        table.drop_column("description")
        table.drop_column("quota")
