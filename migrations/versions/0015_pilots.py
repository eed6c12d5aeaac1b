"""What a pilot has come to: its decision, what was approved, and its history."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Adds the column."""
    with op.batch_alter_table("studies", recreate=_recreate()) as studies:
        studies.add_column(sa.Column("pilot", DOCUMENT))


def downgrade() -> None:
    """Removes it."""
    with op.batch_alter_table("studies", recreate=_recreate()) as studies:
        studies.drop_column("pilot")


def _recreate() -> Literal["always", "never"]:
    """SQLite appends a column behind the constraints, where its schema would not read as the models'."""
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
