"""One index for the queue: beside a second one Postgres without statistics took the wrong one for every claim."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Removes ``ix_jobs_ring``."""
    op.drop_index("ix_jobs_ring", "jobs")


def downgrade() -> None:
    """Makes it again."""
    queued = sa.text("status = 'queued'")
    op.create_index("ix_jobs_ring", "jobs", ["resource_class"], postgresql_where=queued, sqlite_where=queued)
