"""Brings one database up to date, one process at a time, in one transaction: migrations, then views and functions."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import psycopg
from alembic import command, op
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

HERE = Path(__file__).parent
SQL = HERE / "sql"

# Not Alembic's default name: Airflow keeps a table alembic_version of its own, perhaps in this very database.
VERSION_TABLE = "pilot_schema_version"

# Any number that nobody else uses as an advisory lock: "pilot-qb" in ASCII.
MIGRATION_LOCK = 0x70696C6F742D7162

#: The tables, changed by migrations only.
TABLES = ("lms/tables.sql", "qbo_sync/table_behind.sql", "qbo_sync/tables.sql")

#: Views, functions and triggers, in an order in which each finds what it needs. They can be run again at any time.
CODE = (
    "qbo_sync/table_behind.sql",
    "lms/updated_at.sql",
    "lms/actions.sql",
    "qbo_sync/links.sql",
    "qbo_sync/change_feed.sql",
    "qbo_sync/audit.sql",
    "qbo_sync/marks.sql",
    "qbo_sync/left_alone.sql",
    "qbo_sync/undo.sql",
    "qbo_sync/due.sql",
    "qbo_sync/hold.sql",
    "qbo_sync/errors.sql",
    "qbo_sync/duplicates.sql",
    "qbo_sync/dispatch.sql",
    "qbo_sync/outcomes.sql",
    "qbo_sync/capture.sql",
    "qbo_sync/balances.sql",
    "qbo_sync/webhook.sql",
    "qbo_sync/throttle.sql",
    "qbo_sync/clock.sql",
    "qbo_sync/quota.sql",
    "qbo_sync/restored.sql",
    "qbo_sync/ledger.sql",
    "qbo_sync/roles.sql",
)


def upgrade(database_url: str, passwords: Mapping[str, str]) -> None:
    """Apply what is missing and set these passwords by role, all or nothing. A second process waits for the first."""
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
        run_changed_code(_psycopg(connection))
        for role, password in passwords.items():
            _set_password(_psycopg(connection), role, password)


def run_tables() -> None:
    """For the first migration: create the tables of both schemas, those of the LMS if it has none of its own
    (docs/other-lms.md)."""
    connection = _psycopg(op.get_bind())
    there = connection.execute("select to_regclass('lms.invoice') is not null").fetchone()
    for file in TABLES[1:] if there == (True,) else TABLES:
        connection.execute((SQL / file).read_bytes())


def run_changed_code(connection: psycopg.Connection) -> None:
    """Run the files of CODE whose text is not the one that this database has, and remember their hashes."""
    connection.execute(
        "create table if not exists public.pilot_schema_file (path text primary key, sha256 text not null)"
    )
    present: dict[str, str] = dict(connection.execute("select path, sha256 from public.pilot_schema_file").fetchall())
    for file in CODE:
        statements = (SQL / file).read_bytes()
        digest = hashlib.sha256(statements).hexdigest()
        if present.get(file) != digest:
            connection.execute(statements)
            connection.execute(
                "insert into public.pilot_schema_file values (%s, %s)"
                " on conflict (path) do update set sha256 = excluded.sha256",
                [file, digest],
            )


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    """Hashed here: no log of the server, and no statistics of its statements, can hold it."""
    hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(hashed)))


def _psycopg(connection: Connection) -> psycopg.Connection:
    """The driver's own connection: it sends a file to the server as a whole, untouched by any templating."""
    driver_connection = connection.connection.driver_connection
    if not isinstance(driver_connection, psycopg.Connection):
        raise TypeError("migrations run over psycopg only")
    return driver_connection
