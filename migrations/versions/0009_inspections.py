"""Jobs that look at what somebody brought, and the files that any job starts from."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Adds ``jobs.kind`` with the index of inspections, and makes ``job_inputs``."""
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.add_column(sa.Column("kind", text(20), nullable=False, server_default="distillation"))
    inspections = sa.text("kind = 'inspection'")
    op.create_index(
        "ix_jobs_list_inspections",
        "jobs",
        ["project_id", "created_at", "id"],
        postgresql_where=inspections,
        sqlite_where=inspections,
    )
    op.create_table(
        "job_inputs",
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("path", text(400), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", text(200)),
        sa.Column("bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.Column("origin", text(60)),
        sa.PrimaryKeyConstraint("job_id", "path", "number", name="pk_job_inputs"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_inputs_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_job_inputs_key", "job_inputs", ["key"])
    op.create_index("ix_job_inputs_origin", "job_inputs", ["origin"])


def downgrade() -> None:
    """Removes them."""
    op.drop_table("job_inputs")
    op.drop_index("ix_jobs_list_inspections", "jobs")
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.drop_column("kind")


def _recreate() -> Literal["always", "never"]:
    """SQLite appends a column behind the constraints, where its schema would not read as the models'."""
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
