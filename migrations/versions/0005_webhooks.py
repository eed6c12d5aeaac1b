"""Who is told of a project's jobs, and every message."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def moment(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    """A column for a time."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Makes both tables."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", text(40), nullable=False),
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("url", text(2000), nullable=False),
        sa.Column("events", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        moment("rotated_at"),
        moment("disabled_at"),
        sa.Column("disabled_reason", text(80)),
        sa.Column("version", sa.Integer(), nullable=False),
        moment("created_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_webhook_endpoints_project_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_webhook_endpoints_project_id", "webhook_endpoints", ["project_id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", text(40), nullable=False),
        sa.Column("endpoint_id", text(40), nullable=False),
        sa.Column("type", text(40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("status", text(12), nullable=False),
        sa.Column("tries", sa.JSON(), nullable=False),
        moment("next_at"),
        moment("created_at", nullable=False),
        moment("finished_at"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name="fk_webhook_deliveries_endpoint_id",
            ondelete="CASCADE",
        ),
    )
    pending = sa.text("status = 'pending'")
    op.create_index("ix_webhook_deliveries_list", "webhook_deliveries", ["endpoint_id", "created_at", "id"])
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["next_at"],
        postgresql_where=pending,
        sqlite_where=pending,
    )
    op.create_index("ix_webhook_deliveries_created_at", "webhook_deliveries", ["created_at"])


def downgrade() -> None:
    """Removes them."""
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_endpoints")
