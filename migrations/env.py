"""Where Alembic meets our models; the connection and its transaction come from store.migrate."""

from __future__ import annotations

from alembic import context

from store.models import Base


def run() -> None:
    """Runs the steps inside the caller's transaction, so that a failed upgrade leaves nothing behind."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
