"""Datasets that users bring, their versions and their files."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    """A column for a time."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Makes the three tables."""
    _datasets()
    _versions()
    _files()


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", text(40), nullable=False),
        sa.Column("project_id", text(40), nullable=False),
        sa.Column("name", text(200), nullable=False),
        sa.Column("name_key", text(200), nullable=False),
        sa.Column("description", text(4000), nullable=False),
        sa.Column("licence", text(200)),
        sa.Column("status", text(12), nullable=False),
        sa.Column("task", text(40)),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("latest", sa.Integer()),
        sa.Column("version", sa.Integer(), nullable=False),
        moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("project_id", "name", name="uq_datasets_project_id_name"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_datasets_project_id", ondelete="CASCADE"),
    )
    op.create_index("ix_datasets_list", "datasets", ["project_id", "created_at", "id"])
    op.create_index("ix_datasets_name", "datasets", ["project_id", "name_key"])


def _versions() -> None:
    op.create_table(
        "dataset_versions",
        sa.Column("dataset_id", text(40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", text(12), nullable=False),
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("source", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("card", sa.JSON()),
        sa.Column("report", sa.JSON()),
        sa.Column("error", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
        sa.Column("sha256", text(64)),
        sa.Column("bytes", BIG),
        moment("created_at"),
        moment("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("dataset_id", "number", name="pk_dataset_versions"),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name="fk_dataset_versions_dataset_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_dataset_versions_job_id", "dataset_versions", ["job_id"])


def _files() -> None:
    op.create_table(
        "dataset_files",
        sa.Column("dataset_id", text(40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", text(400), nullable=False),
        sa.Column("role", text(12), nullable=False),
        sa.Column("media_type", text(120), nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.Column("bytes", BIG, nullable=False),
        sa.Column("key", text(200), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", "number", "path", name="pk_dataset_files"),
        sa.ForeignKeyConstraint(
            ["dataset_id", "number"],
            ["dataset_versions.dataset_id", "dataset_versions.number"],
            name="fk_dataset_files_version",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_dataset_files_key", "dataset_files", ["key"])


def downgrade() -> None:
    """Removes them."""
    for table in ("dataset_files", "dataset_versions", "datasets"):
        op.drop_table(table)
