"""Models that users bring or keep from their jobs, their versions, files and aliases."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
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
    """Makes the four tables."""
    _models()
    _versions()
    _files()
    _aliases()


def _models() -> None:
    op.create_table(
        "models",
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
        sa.PrimaryKeyConstraint("id", name="pk_models"),
        sa.UniqueConstraint("project_id", "name", name="uq_models_project_id_name"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_models_project_id", ondelete="CASCADE"),
    )
    op.create_index("ix_models_list", "models", ["project_id", "created_at", "id"])
    op.create_index("ix_models_name", "models", ["project_id", "name_key"])


def _versions() -> None:
    op.create_table(
        "model_versions",
        sa.Column("model_id", text(40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", text(12), nullable=False),
        sa.Column("job_id", text(40), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("source", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("parents", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("card", sa.JSON()),
        sa.Column("report", sa.JSON()),
        sa.Column("error", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
        sa.Column("sha256", text(64)),
        sa.Column("bytes", BIG),
        moment("created_at"),
        moment("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("model_id", "number", name="pk_model_versions"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_model_versions_model_id", ondelete="CASCADE"),
    )
    op.create_index("ix_model_versions_job_id", "model_versions", ["job_id"])


def _files() -> None:
    op.create_table(
        "model_files",
        sa.Column("model_id", text(40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", text(400), nullable=False),
        sa.Column("role", text(12), nullable=False),
        sa.Column("media_type", text(120), nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.Column("bytes", BIG, nullable=False),
        sa.Column("key", text(200), nullable=False),
        sa.PrimaryKeyConstraint("model_id", "number", "path", name="pk_model_files"),
        sa.ForeignKeyConstraint(
            ["model_id", "number"],
            ["model_versions.model_id", "model_versions.number"],
            name="fk_model_files_version",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_model_files_key", "model_files", ["key"])


def _aliases() -> None:
    op.create_table(
        "model_aliases",
        sa.Column("model_id", text(40), nullable=False),
        sa.Column("alias", text(60), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", "alias", name="pk_model_aliases"),
        sa.ForeignKeyConstraint(
            ["model_id", "number"],
            ["model_versions.model_id", "model_versions.number"],
            name="fk_model_aliases_version",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Removes them."""
    for table in ("model_aliases", "model_files", "model_versions", "models"):
        op.drop_table(table)
