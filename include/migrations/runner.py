"""Runs Alembic on one database, one process at a time, in one transaction."""

from pathlib import Path

import psycopg
from alembic import command, op
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

HERE = Path(__file__).parent

# Not Alembic's default name: Airflow keeps a table alembic_version of its own, perhaps in this very database.
VERSION_TABLE = "pilot_schema_version"

# Any number that nobody else uses as an advisory lock: "pilot-qb" in ASCII.
MIGRATION_LOCK = 0x70696C6F742D7162


def upgrade(database_url: str) -> None:
    """Apply what is missing, all or nothing. A second process waits and then finds nothing to do."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(database_url, application_name="pilot-migrations"),
        poolclass=NullPool,
    )
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config = Config()
        config.set_main_option("script_location", str(HERE).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def run_sql(revision: str) -> None:
    """Send `sql/<revision>.sql` to the server as a whole, untouched by any templating."""
    statements = (HERE / "sql" / f"{revision}.sql").read_bytes()
    driver_connection = op.get_bind().connection.driver_connection
    if not isinstance(driver_connection, psycopg.Connection):
        raise TypeError("migrations run over psycopg only")
    driver_connection.execute(statements)
