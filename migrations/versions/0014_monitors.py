"""Monitors of finished jobs, and their re-evaluations."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
DUE = sa.text("next_at IS NOT NULL")


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    """A column for a time."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Makes both tables."""
    _monitors()
    op.create_table(
        "reevaluations",
        sa.Column("id", text(40), nullable=False),
        sa.Column("monitor_id", text(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("job_id", text(40)),
        sa.Column("dataset_version", sa.Integer(), nullable=False),
        sa.Column("cause", text(12), nullable=False),
        moment("due_at"),
        sa.Column("status", text(12), nullable=False),
        sa.Column("figures", DOCUMENT),
        sa.Column("document", sa.JSON(none_as_null=True)),
        sa.Column("error", DOCUMENT),
        moment("created_at"),
        moment("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_reevaluations"),
        sa.UniqueConstraint("monitor_id", "number", name="uq_reevaluations_monitor_id_number"),
        sa.ForeignKeyConstraint(
            ["monitor_id"], ["monitors.id"], name="fk_reevaluations_monitor_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_reevaluations_job_id", ondelete="SET NULL"),
    )
    op.create_index("ix_reevaluations_list", "reevaluations", ["monitor_id", "created_at", "id"])
    op.create_index("ix_reevaluations_job_id", "reevaluations", ["job_id"])


def _monitors() -> None:
    op.create_table(
        "monitors",
        sa.Column("id", text(40), nullable=False),
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("dataset_id", text(40), nullable=False),
        sa.Column("every_hours", sa.Double()),
        sa.Column("on_new_version", sa.Boolean(), nullable=False),
        sa.Column("distance", text(8), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("action", text(12), nullable=False),
        sa.Column("status", text(12), nullable=False),
        sa.Column("reason", text(400)),
        sa.Column("waits_for", text(400)),
        sa.Column("seen", sa.Integer()),
        sa.Column("reevaluations", sa.Integer(), nullable=False),
        moment("due_at", nullable=True),
        moment("next_at", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_monitors"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_monitors_project_id", ondelete="CASCADE"),
    )
    op.create_index("ix_monitors_list", "monitors", ["project_id", "created_at", "id"])
    op.create_index("ix_monitors_job_id", "monitors", ["job_id"])
    op.create_index("ix_monitors_dataset_id", "monitors", ["dataset_id"])
    op.create_index("ix_monitors_due", "monitors", ["next_at"], postgresql_where=DUE, sqlite_where=DUE)


def downgrade() -> None:
    """Removes them; jobs that re-evaluate go with them."""
    op.drop_table("reevaluations")
    op.drop_table("monitors")
    op.execute("DELETE FROM jobs WHERE kind = 'reevaluation'")
    op.execute("DELETE FROM state_counts WHERE kind = 'reevaluation'")
