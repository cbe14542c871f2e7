"""The migrated databases of the tests: a new one each time, or one that is emptied and used again.

A new database costs PostgreSQL a quarter of a second of work, and each connection to it has everything to look up
again; to empty one costs a hundredth.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from types import TracebackType

import psycopg

from include.migrations import roles
from include.stack.postgres import ThrowawayServer
from tests.support.connections import Connections, as_role, reset

_numbers = itertools.count(1)

#: The name of the sessions that may stay while the database is emptied.
_OURS = "tests"
_END_OTHERS = (
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database()"
    "   and backend_type = 'client backend' and pid <> pg_backend_pid() and application_name <> %s"
)
_TABLES = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('lms', 'qbo_sync')"
_RESTART_IDS = "select count(setval(seqrelid, seqstart, false)) from pg_sequence"
#: Whatever changes the schema adds rows to these, replaces some or takes some away.
_CATALOGS = ("class", "attribute", "attrdef", "constraint", "index", "trigger", "proc", "rewrite")
_SCHEMA = "select count(*), max(xmin::text::bigint) from ({}) as rows".format(
    " union all ".join(f"select xmin from pg_{catalog}" for catalog in _CATALOGS)
)


@contextmanager
def new_database(server: ThrowawayServer, template: str) -> Iterator[str]:
    """The URL of a copy of the template for the time of the `with`."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        # Copying files beats writing each block to the log (the default) where nothing is ever flushed: 40 ms, not 180.
        admin.execute(f"create database {name} template {template} owner pilot strategy file_copy".encode())
    yield _at(server.url, name)
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())


class ReusedDatabase:
    """One database for test after test, and connections to it that stay open. Begin each test with `empty()`.

    Where a test has changed the schema, another database takes its place. Only for a template without rows in the
    schemas lms and qbo_sync.
    """

    def __init__(self, server: ThrowawayServer, template: str) -> None:
        self._server, self._template = server, template
        self._open()

    def _open(self) -> None:
        self._opened = ExitStack()
        self.url = self._opened.enter_context(new_database(self._server, self._template))
        superuser = _at(self._server.admin_url, self.url.rpartition("/")[2])
        self._admin = self._opened.enter_context(closing(psycopg.connect(superuser, autocommit=True)))
        pipelines = as_role(self.url, roles.PIPELINE)
        self.connections = self._opened.enter_context(closing(Connections(psycopg.Connection, pipelines, _OURS)))
        pages = as_role(self.url, roles.PAGE)
        self.pages = self._opened.enter_context(closing(Connections(psycopg.Connection, pages, _OURS)))
        self._owner: psycopg.Connection | None = None
        # No trigger and no foreign key looks at the rows that are taken away.
        self._admin.execute("set session_replication_role = replica")
        tables = [table for (table,) in self._admin.execute(_TABLES)]
        for table in tables:
            assert not self._admin.execute(f"select from {table}".encode()).rowcount, f"{table} would lose its rows"
        self._delete_all = ";".join(f"delete from {table}" for table in tables).encode()
        self._schema = self._admin.execute(_SCHEMA.encode()).fetchone()

    def empty(self) -> None:
        """As the template is: no rows, ids from 1, nobody else connected."""
        self._admin.execute(_END_OTHERS.encode(), [_OURS])
        if self._admin.execute(_SCHEMA.encode()).fetchone() != self._schema:
            self._opened.close()
            self._open()
            return
        self._admin.execute(self._delete_all)
        self._admin.execute(_RESTART_IDS.encode())

    def owner(self) -> psycopg.Connection:
        """The session of the LMS and of a test: in autocommit, as new, but it has planned what the triggers do."""
        if self._owner is None or self._owner.closed:
            self._owner = self._opened.enter_context(
                closing(psycopg.connect(self.url, autocommit=True, application_name=_OURS))
            )
            # A statement that it had planned would fail in a test that changes a table.
            self._owner.prepare_threshold = None
            return self._owner
        reset(self._owner)
        return self._owner

    def __enter__(self) -> "ReusedDatabase":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()


def _at(url: str, database: str) -> str:
    return url.rpartition("/")[0] + f"/{database}"
