"""Which jobs have ended long ago, and which of them have lost their details."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds ``jobs.trimmed_at`` and the indexes that retention reads."""
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.add_column(sa.Column("trimmed_at", sa.DateTime(timezone=True)))
    untrimmed = sa.text("trimmed_at IS NULL AND finished_at IS NOT NULL")
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"])
    op.create_index("ix_jobs_untrimmed", "jobs", ["finished_at"], postgresql_where=untrimmed, sqlite_where=untrimmed)


def downgrade() -> None:
    """Removes them."""
    op.drop_index("ix_jobs_untrimmed", "jobs")
    op.drop_index("ix_jobs_finished_at", "jobs")
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.drop_column("trimmed_at")


def _recreate() -> Literal["always", "never"]:
    """SQLite appends a column behind the constraints, where its schema would not read as the models'."""
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
