"""What lists of jobs need: counts by kind, results in a few figures, and an index for each way to sort."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
ENDED = sa.text("finished_at IS NOT NULL")
BATCH = 200


def text(length: int) -> sa.String:
    """Compared by code point on Postgres too."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


JOBS = sa.table("jobs", sa.column("id", text(40)), sa.column("headline", DOCUMENT))
SPECS = sa.table("job_specs", sa.column("job_id", text(40)), sa.column("result", sa.JSON(none_as_null=True)))


def upgrade() -> None:
    """Adds ``jobs.headline`` and the indexes, and counts the jobs anew."""
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.add_column(sa.Column("headline", DOCUMENT))
    op.drop_index("ix_jobs_list_name", "jobs")
    op.create_index("ix_jobs_list_name", "jobs", ["project_id", "name_key", "id"])
    op.create_index("ix_jobs_list_status_name", "jobs", ["project_id", "status", "name_key", "id"])
    op.create_index(
        "ix_jobs_list_finished",
        "jobs",
        ["project_id", "status", "finished_at", "id", "kind"],
        postgresql_where=ENDED,
        sqlite_where=ENDED,
    )
    _count_anew("kind")
    _fill_headlines()


def downgrade() -> None:
    """Removes them."""
    _count_anew()
    op.drop_index("ix_jobs_list_finished", "jobs")
    op.drop_index("ix_jobs_list_status_name", "jobs")
    op.drop_index("ix_jobs_list_name", "jobs")
    op.create_index("ix_jobs_list_name", "jobs", ["project_id", "name_key"])
    with op.batch_alter_table("jobs", recreate=_recreate()) as jobs:
        jobs.drop_column("headline")


def _count_anew(*kind: str) -> None:
    """Makes the table of counts from the jobs themselves, by kind or not."""
    by = ["project_id", *kind, "status"]
    op.drop_table("state_counts")
    op.create_table(
        "state_counts",
        sa.Column("project_id", text(40), nullable=False),
        *(sa.Column(name, text(20), nullable=False) for name in kind),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.PrimaryKeyConstraint(*by, "shard", name="pk_state_counts"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_state_counts_project_id", ondelete="CASCADE"),
    )
    names = ", ".join(by)
    op.execute(
        f"INSERT INTO state_counts ({names}, shard, count) SELECT {names}, 0, count(*) FROM jobs GROUP BY {names}"  # noqa: S608 - names of our own
    )


def _fill_headlines() -> None:
    """A batch of results at a time: they are large, and there may be many."""
    bind, last = op.get_bind(), ""
    some = sa.select(SPECS.c.job_id, SPECS.c.result).where(SPECS.c.result.is_not(None)).order_by(SPECS.c.job_id)
    change = sa.update(JOBS).where(JOBS.c.id == sa.bindparam("job")).values(headline=sa.bindparam("told"))
    while rows := bind.execute(some.where(SPECS.c.job_id > last).limit(BATCH)).all():
        last = rows[-1].job_id
        told = [{"job": row.job_id, "told": _headline(row.result)} for row in rows]
        bind.execute(change, told)


def _headline(result: dict[str, Any]) -> dict[str, Any] | None:
    models = result.get("models")
    if not models:
        return None
    few = ("score", "parameters", "bytes")
    return {
        **{name: result.get(name) for name in ("metric", "score_kept", "gap_closed")},
        "models": {role: {name: model.get(name) for name in few} for role, model in models.items() if model},
    }


def _recreate() -> Literal["always", "never"]:
    """SQLite appends a column behind the constraints, where its schema would not read as the models'."""
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
