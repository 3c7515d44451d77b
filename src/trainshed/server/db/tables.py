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
    Column("created_at", Float, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text),
    Column("created_at", Float, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(16), nullable=False),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("access_key", String(64), primary_key=True),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("project_id", String(64), ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Float, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(64), nullable=False, default=""),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
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
