"""Studies, the places that jobs have in their tables, and which study a job belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
DUE, OF_STUDIES = sa.text("next_at IS NOT NULL"), sa.text("study_id IS NOT NULL")


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    """A column for a time."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Makes the two tables, and the columns of jobs that name a place in them."""
    _studies()
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.add_column(sa.Column("study_id", text(40)))
        jobs.add_column(sa.Column("study_arm", text(121)))
        jobs.add_column(sa.Column("study_seed", sa.Integer()))
        jobs.create_foreign_key("fk_jobs_study_id", "studies", ["study_id"], ["id"], ondelete="SET NULL")
    op.create_index(
        "ix_jobs_list_study",
        "jobs",
        ["study_id", "created_at", "id"],
        postgresql_where=OF_STUDIES,
        sqlite_where=OF_STUDIES,
    )
    _runs()


def _studies() -> None:
    op.create_table(
        "studies",
        sa.Column("id", text(40), nullable=False),
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("kind", text(20), nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("name_key", text(200), nullable=False),
        sa.Column("question", text(2000), nullable=False),
        sa.Column("status", text(16), nullable=False),
        sa.Column("reason", text(400)),
        sa.Column("waits_for", text(400)),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("stopped", DOCUMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        moment("next_at", nullable=True),
        moment("created_at"),
        moment("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_studies_project_id", ondelete="CASCADE"),
    )
    op.create_index("ix_studies_list", "studies", ["project_id", "created_at", "id"])
    op.create_index("ix_studies_due", "studies", ["next_at"], postgresql_where=DUE, sqlite_where=DUE)


def _runs() -> None:
    op.create_table(
        "study_runs",
        sa.Column("study_id", text(40), nullable=False),
        sa.Column("arm", text(121), nullable=False),
        sa.Column("seed", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("job_id", text(40)),
        sa.Column("status", text(16), nullable=False),
        sa.Column("score", sa.Double()),
        sa.Column("validation", sa.Double()),
        sa.Column("seconds", sa.Double()),
        sa.Column("figures", DOCUMENT),
        sa.Column("error", DOCUMENT),
        sa.Column("model_id", text(40)),
        moment("created_at"),
        moment("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("study_id", "arm", "seed", name="pk_study_runs"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_study_runs_study_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_study_runs_job_id", ondelete="SET NULL"),
    )
    op.create_index("ix_study_runs_job_id", "study_runs", ["job_id"])


def downgrade() -> None:
    """Removes them."""
    op.drop_table("study_runs")
    op.drop_index("ix_jobs_list_study", "jobs")
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.drop_constraint("fk_jobs_study_id", type_="foreignkey")
        for column in ("study_seed", "study_arm", "study_id"):
            jobs.drop_column(column)
    op.drop_table("studies")


def _recreate() -> Literal["always", "never"]:
    """SQLite appends a column behind the constraints, where its schema would not read as the models'."""
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
