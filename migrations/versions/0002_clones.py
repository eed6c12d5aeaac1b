"""A job knows the job whose spec its own was made from."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds ``jobs.clone_of``."""
    text = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.add_column(sa.Column("clone_of", text))


def downgrade() -> None:
    """Removes it."""
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.drop_column("clone_of")


def _recreate() -> Literal["always", "never"]:
    """SQLite appends a column behind the constraints, where its schema would not read as the models'."""
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
