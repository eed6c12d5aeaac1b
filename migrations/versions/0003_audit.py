"""Who changed what, when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Makes ``audit_entries``."""
    op.create_table(
        "audit_entries",
        sa.Column("id", text(40), nullable=False),
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", text(40)),
        sa.Column("key_name", text(200)),
        sa.Column("request_id", text(80)),
        sa.Column("action", text(60), nullable=False),
        sa.Column("target", text(120), nullable=False),
        sa.Column("details", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_audit_entries_project_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_audit_entries_list", "audit_entries", ["project_id", "created_at", "id"])
    op.create_index("ix_audit_entries_target", "audit_entries", ["project_id", "target", "created_at", "id"])


def downgrade() -> None:
    """Removes it."""
    op.drop_table("audit_entries")
