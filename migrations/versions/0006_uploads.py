"""Files that users bring, in parts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    """A column for a time."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Makes both tables."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "uploads",
        sa.Column("id", text(40), nullable=False),
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("bytes", big, nullable=False),
        sa.Column("part_bytes", big, nullable=False),
        sa.Column("status", text(12), nullable=False),
        sa.Column("digest", text(64)),
        moment("created_at"),
        moment("expires_at"),
        moment("completed_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_uploads_project_id", ondelete="CASCADE"),
    )
    still_open = sa.text("status = 'open'")
    op.create_index("ix_uploads_list", "uploads", ["project_id", "created_at", "id"])
    op.create_index(
        "ix_uploads_expiry", "uploads", ["expires_at"], postgresql_where=still_open, sqlite_where=still_open
    )
    op.create_table(
        "upload_parts",
        sa.Column("upload_id", text(40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.Column("bytes", big, nullable=False),
        sa.Column("key", text(200), nullable=False),
        moment("created_at"),
        sa.PrimaryKeyConstraint("upload_id", "number", name="pk_upload_parts"),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name="fk_upload_parts_upload_id", ondelete="CASCADE"),
    )
    op.create_index("ix_upload_parts_key", "upload_parts", ["key"])


def downgrade() -> None:
    """Removes them."""
    op.drop_table("upload_parts")
    op.drop_table("uploads")
