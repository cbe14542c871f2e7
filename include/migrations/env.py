"""Alembic's way in: hands it the connection that the runner opened."""

from alembic import context

from include.migrations.runner import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema="public",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
