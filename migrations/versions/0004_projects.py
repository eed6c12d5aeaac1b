"""What a project may use, and what it has used."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Adds the quotas and makes ``usage_days``."""
    with op.batch_alter_table("projects", recreate=_recreate()) as table:
        table.add_column(sa.Column("jobs_in_flight", sa.Integer()))
        table.add_column(sa.Column("month_hours", sa.Double()))
        table.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.create_table(
        "usage_days",
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("day", text(10), nullable=False),
        sa.Column("resource_class", text(40), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day", "resource_class", name="pk_usage_days"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_usage_days_project_id", ondelete="CASCADE"),
    )


def downgrade() -> None:
    """Removes them."""
    op.drop_table("usage_days")
    with op.batch_alter_table("projects", recreate=_recreate()) as table:
        for name in ("version", "month_hours", "jobs_in_flight"):
            table.drop_column(name)


def _recreate() -> Literal["always", "never"]:
    """SQLite appends a column behind the constraints, where its schema would not read as the models'."""
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
