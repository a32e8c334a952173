"""How alembic runs the steps: on the connection, and in the transaction, that it is handed."""

from __future__ import annotations

from alembic import context

from headgate.registry.tables import metadata

# Batch mode: SQLite cannot alter a constraint, so alembic copies the table.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
context.run_migrations()
