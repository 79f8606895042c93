"""Runs migrations on the connection that models.db.schema hands over; there is no other way.

A new migration: copy the newest one or, with a database file at the current revision,
``command.revision(config, "what changes", autogenerate=True)`` with the Config of
``schema._run_alembic``; check it by hand; add its revision to ``schema.MIGRATIONS``.
"""

from __future__ import annotations

from alembic import context

from models.db.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a table in place
    transactional_ddl=True,  # it can undo one, which Alembic does not expect of it
)
with context.begin_transaction():
    context.run_migrations()
