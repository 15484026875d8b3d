"""What Alembic runs; the connection comes from `monitor.store.upgrade`, its transaction too."""

from __future__ import annotations

from alembic import context

from monitor.store import schema

context.configure(
    connection=context.config.attributes["connection"], target_metadata=schema.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
