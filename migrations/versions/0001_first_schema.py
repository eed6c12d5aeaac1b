"""The first schema: projects, keys, jobs with their leases and stories, checkpoints, artifacts, workers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A migration keeps its own picture of the types: the models move on, the past does not.
MOMENT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


TABLES = (
    "dead_files",
    "projects",
    "workers",
    "api_keys",
    "idempotency_records",
    "jobs",
    "state_counts",
    "artifacts",
    "attempts",
    "checkpoints",
    "events",
    "job_labels",
    "job_specs",
    "metric_points",
    "checkpoint_files",
)
QUEUED = _where("status = 'queued'")
LEASED = _where("lease_owner IS NOT NULL")


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Makes every table."""
    _dead_files()
    _projects()
    _workers()
    _api_keys()
    _idempotency_records()
    _jobs()
    _state_counts()
    _artifacts()
    _attempts()
    _checkpoints()
    _events()
    _job_labels()
    _job_specs()
    _metric_points()
    _checkpoint_files()


def downgrade() -> None:
    """Removes every table."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _dead_files() -> None:
    op.create_table(
        "dead_files",
        sa.Column("key", text(200), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_dead_files"),
    )
    op.create_index("ix_dead_files_since", "dead_files", ["since"])


def _projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", text(40), nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("quota", sa.Integer()),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("name", name="uq_projects_name"),
    )


def _workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", text(120), nullable=False),
        sa.Column("facts", DOCUMENT, nullable=False),
        sa.Column("resource_classes", DOCUMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("heartbeat_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_index("ix_workers_heartbeat_at", "workers", ["heartbeat_at"])


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", text(40), nullable=False),
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("hint", text(16), nullable=False),
        sa.Column("digest", text(64), nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_api_keys_project_id", ondelete="CASCADE"),
    )
    op.create_index("ix_api_keys_project_id", "api_keys", ["project_id"])


def _idempotency_records() -> None:
    op.create_table(
        "idempotency_records",
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("key", text(255), nullable=False),
        sa.Column("fingerprint", text(64), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("location", text(400)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "key", name="pk_idempotency_records"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_idempotency_records_project_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_idempotency_records_created_at", "idempotency_records", ["created_at"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", text(40), nullable=False),
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("name_key", text(200), nullable=False),
        sa.Column("method", text(200), nullable=False),
        sa.Column("dataset", text(200), nullable=False),
        sa.Column("teacher", text(200)),
        sa.Column("student", text(200)),
        sa.Column("labels", DOCUMENT, nullable=False),
        sa.Column("resource_class", text(40), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("termination_reason", text(80)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event_seq", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("attempts_max", sa.Integer(), nullable=False),
        sa.Column("not_before", MOMENT),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_owner", text(120)),
        sa.Column("lease_expires_at", MOMENT),
        sa.Column("heartbeat_at", MOMENT),
        sa.Column("phase", text(40)),
        sa.Column("phase_at", MOMENT),
        sa.Column("durations", DOCUMENT, nullable=False),
        sa.Column("progress", DOCUMENT),
        sa.Column("metrics", DOCUMENT, nullable=False),
        sa.Column("estimate", DOCUMENT),
        sa.Column("warnings", DOCUMENT, nullable=False),
        sa.Column("error", DOCUMENT),
        sa.Column("verdict", DOCUMENT),
        sa.Column("retry_of", text(40)),
        sa.Column("resume_from", text(40)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("queued_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_jobs_project_id"),
    )
    op.create_index("ix_jobs_lease_expiry", "jobs", ["lease_expires_at"], **LEASED)
    op.create_index("ix_jobs_lease_owner", "jobs", ["lease_owner"], **LEASED)
    op.create_index("ix_jobs_list", "jobs", ["project_id", "created_at", "id"])
    op.create_index("ix_jobs_list_method", "jobs", ["project_id", "method", "created_at", "id"])
    op.create_index("ix_jobs_list_name", "jobs", ["project_id", "name_key"])
    op.create_index("ix_jobs_list_status", "jobs", ["project_id", "status", "created_at", "id"])
    op.create_index("ix_jobs_queue", "jobs", ["project_id", "resource_class", "urgency", "queued_at", "id"], **QUEUED)
    op.create_index("ix_jobs_ring", "jobs", ["resource_class"], **QUEUED)


def _state_counts() -> None:
    op.create_table(
        "state_counts",
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", SERIAL, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "status", "shard", name="pk_state_counts"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_state_counts_project_id", ondelete="CASCADE"),
    )


def _artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("id", text(40), nullable=False),
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("kind", text(40), nullable=False),
        sa.Column("media_type", text(120), nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.Column("bytes", SERIAL, nullable=False),
        sa.Column("key", text(200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artifacts"),
        sa.UniqueConstraint("job_id", "name", name="uq_artifacts_job_id_name"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_artifacts_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_artifacts_key", "artifacts", ["key"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("worker_id", text(120), nullable=False),
        sa.Column("checkpoint_id", text(40)),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("outcome", text(20)),
        sa.Column("error", DOCUMENT),
        sa.Column("log_key", text(200)),
        sa.Column("log_bytes", SERIAL),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_attempts"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_attempts_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_attempts_log_key", "attempts", ["log_key"])


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("id", text(40), nullable=False),
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("run", text(60)),
        sa.Column("step", SERIAL, nullable=False),
        sa.Column("epoch", sa.Double()),
        sa.Column("damaged", sa.Boolean(), nullable=False),
        sa.Column("bytes", SERIAL, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoints"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_checkpoints_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_checkpoints_job", "checkpoints", ["job_id", "attempt", "id"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", text(20), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("data", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "seq", name="pk_events"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_events_job_id", ondelete="CASCADE"),
    )


def _job_labels() -> None:
    op.create_table(
        "job_labels",
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("key", text(63), nullable=False),
        sa.Column("value", text(200), nullable=False),
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "key", name="pk_job_labels"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_labels_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_job_labels_list", "job_labels", ["project_id", "key", "value", "created_at", "job_id"])


def _job_specs() -> None:
    op.create_table(
        "job_specs",
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("resolved", sa.JSON()),
        sa.Column("result", sa.JSON()),
        sa.PrimaryKeyConstraint("job_id", name="pk_job_specs"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_specs_job_id", ondelete="CASCADE"),
    )


def _metric_points() -> None:
    op.create_table(
        "metric_points",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("run", text(60), nullable=False),
        sa.Column("stage", text(60)),
        sa.Column("split", text(20), nullable=False),
        sa.Column("step", SERIAL, nullable=False),
        sa.Column("epoch", sa.Double()),
        sa.Column("point_values", DOCUMENT, nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_metric_points"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_metric_points_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_metric_points_series", "metric_points", ["job_id", "run", "split", "step"])


def _checkpoint_files() -> None:
    op.create_table(
        "checkpoint_files",
        sa.Column("checkpoint_id", text(40), nullable=False),
        sa.Column("path", text(400), nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.Column("bytes", SERIAL, nullable=False),
        sa.Column("key", text(200), nullable=False),
        sa.PrimaryKeyConstraint("checkpoint_id", "path", name="pk_checkpoint_files"),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoints.id"], name="fk_checkpoint_files_checkpoint_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_checkpoint_files_key", "checkpoint_files", ["key"])
