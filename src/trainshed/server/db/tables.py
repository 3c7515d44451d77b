"""The tables, in SQLAlchemy Core. Times are seconds since the epoch; ids are UUID text."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("description", String(256), nullable=False, server_default=""),
    # {"jobs", "cards", "storage_bytes", "job_hours"}, each a number; what is missing has no limit
    Column("quota", JSON),
    Column("created_at", Float, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    # "admin" of the service, or "user"
    Column("role", String(16), nullable=False),
    Column("password_hash", Text),
    Column("email", String(254), nullable=False, server_default=""),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("created_at", Float, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    # auth.roles.Role
    Column("role", String(16), nullable=False),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("access_key", String(64), primary_key=True),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("description", String(256), nullable=False, server_default=""),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("last_used_at", Float),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    # "personal", or "session" for somebody who is signed in to the console
    Column("kind", String(16), nullable=False, server_default="personal"),
    Column("name", String(64), nullable=False, default=""),
    # what it is cut down to: one project, and a role that is not exceeded anywhere
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE")),
    Column("role", String(16)),
    # of a session: the token that it was opened by, with which it ends
    Column("parent", String(64), ForeignKey("tokens.hash", ondelete="CASCADE")),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("last_used_at", Float),
    Index(None, "user_id"),
    Index(None, "parent"),
)

algorithms = Table(
    "algorithms",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("workspace_id", String(64), nullable=False, default="0"),
    Column("name", String(64), nullable=False),
    Column("description", String(256), nullable=False, default=""),
    Column("version", Integer, nullable=False, default=1),
    Column("spec", JSON, nullable=False),
    Column("size", BigInteger, nullable=False, default=0),
    Column("user_id", String(64), nullable=False, default=""),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("project_id", "name"),
    Index(None, "project_id", "created_at"),
)

algorithm_versions = Table(
    "algorithm_versions",
    metadata,
    Column("algorithm_id", String(36), ForeignKey("algorithms.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("spec", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("workspace_id", String(64), nullable=False, default="0"),
    Column("name", String(64), nullable=False),
    Column("description", String(256), nullable=False, default=""),
    Column("user_id", String(64), nullable=False, default=""),
    Column("user_name", String(64), nullable=False, default=""),
    Column("annotations", JSON, nullable=False),
    Column("algorithm_id", String(36), nullable=False, default=""),
    Column("algorithm_name", String(64), nullable=False, default=""),
    Column("algorithm_version", Integer, nullable=False, default=0),
    Column("engine_id", String(128), nullable=False, default=""),
    Column("flavor_id", String(64), nullable=False, default=""),
    Column("pool_id", String(64), nullable=False, default="local"),
    Column("node_count", Integer, nullable=False, default=1),
    Column("priority", Integer, nullable=False, default=1),
    # what is fixed: core.job.JobSpec by core.wire
    Column("spec", JSON, nullable=False),
    # what the request said and the service only gives back (descriptions, volumes, …)
    Column("extra", JSON),
    # where it is: core.lifecycle.JobState
    Column("phase", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("outcome", JSON),
    Column("secondary_phase", String(32), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    # of the present attempt: [{"node": …, "devices": […], "host": …}], ports
    Column("placements", JSON),
    Column("stop_requested_at", Float),
    Column("created_at", Float, nullable=False),
    Column("queued_at", Float),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("project_id", "name"),
    # covers every filter of a search, so that 100,000 rows are looked through in milliseconds
    Index(
        "ix_jobs_listing",
        "project_id",
        "created_at",
        "id",
        "name",
        "phase",
        "workspace_id",
        "user_name",
        "engine_id",
        "algorithm_name",
    ),
    Index(None, "project_id", "phase", "created_at"),
    Index(None, "phase", "pool_id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("outcome", JSON),
)

tasks = Table(
    "tasks",
    metadata,
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("node", String(128), nullable=False, default=""),
    Column("host", String(128), nullable=False, default=""),
    Column("stage", String(16), nullable=False, default=""),
    Column("next_seq", Integer, nullable=False, default=0),
    Column("heard_at", Float),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("outcome", JSON),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    # "service", or "worker-0"
    Column("source", String(64), nullable=False),
    # seq of an agent's event; -1 for the service's own
    Column("seq", Integer, nullable=False, default=-1),
    Column("time", Float, nullable=False),
    Column("level", String(8), nullable=False, default="Info"),
    Column("stage", String(16), nullable=False, default=""),
    Column("kind", String(32), nullable=False),
    Column("duration", Float, nullable=False, default=0.0),
    Column("message", Text, nullable=False, default=""),
    Column("message_zh", Text, nullable=False, default=""),
    Column("detail", JSON),
    Index(None, "job_id", "time"),
    # a number is never given twice: readers of the table remember how far they came
    sqlite_autoincrement=True,
)

resource_samples = Table(
    "resource_samples",
    metadata,
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("time", Float, primary_key=True),
    Column("values", JSON, nullable=False),
)

training_metrics = Table(
    "training_metrics",
    metadata,
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("step", Integer, nullable=False),
    # NULL where the script printed no finite number
    Column("value", Float),
    Column("time", Float, nullable=False),
)

buckets = Table(
    "buckets",
    metadata,
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("secret_sealed", LargeBinary),
    Column("is_default", Boolean, nullable=False, default=False),
    Column("created_at", Float, nullable=False),
)

# Append-only: triggers refuse to change or delete a row.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    # of the request; makes writing a record twice harmless
    Column("request_id", String(32), nullable=False, unique=True),
    Column("time", Float, nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("user_name", String(64), nullable=False),
    # "session", "token:3f2a…", "key:ABC…", "open" (authentication is off), or "" for nobody
    Column("credential", String(80), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("target", String(256), nullable=False),
    Column("status", Integer, nullable=False),
    Column("error_code", String(32), nullable=False),
    Column("detail", JSON),
    Index(None, "project_id", "id"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(64), nullable=False),
    # "webhook", "email", "feishu", "dingtalk", "wecom" or "slack"
    Column("kind", String(16), nullable=False),
    # only for jobs of this user
    Column("mine", Boolean, nullable=False),
    Column("events", JSON, nullable=False),
    Column("language", String(8), nullable=False),
    Column("enabled", Boolean, nullable=False),
    # address (its path is a secret of most bots) and secret, as JSON
    Column("target_sealed", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("project_id", "name"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("notification_id", String(36), ForeignKey("notifications.id", ondelete="CASCADE"), nullable=False),
    # what it tells of, once for each notification: "event:123", "disk:…", "test:…"
    Column("occasion", String(64), nullable=False),
    Column("event", String(32), nullable=False),
    Column("message", JSON, nullable=False),
    # "waiting", "delivered" or "failed"
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("error", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float),
    UniqueConstraint("notification_id", "occasion"),
    Index(None, "state", "next_at"),
)

# How far readers of other tables have come.
cursors = Table(
    "cursors",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Beside the machine itself, which is always there.
pools = Table(
    "pools",
    metadata,
    Column("name", String(64), primary_key=True),
    # "slurm"
    Column("kind", String(16), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)
