"""Database connections that the runs of tests share: a new server process costs more than most steps."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from include.lms.database import prepare


def as_role(url: str, role: str) -> str:
    """The database of a throw-away server as another of its roles: they share a password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}{rest[rest.index(':') :]}"


class Connections:
    """Opens a connection when all are in use. The one given back last is taken first: it has planned most already."""

    def __init__(self, url: str, application_name: str = "") -> None:
        self._url, self._application_name = url, application_name
        self._idle: list[psycopg.Connection] = []

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A connection, not in autocommit, for the time of a `with`, which commits, or rolls back after an error."""
        connection = self._take()
        try:
            yield connection
            if not connection.closed:
                connection.commit()
        finally:
            if not connection.closed:
                connection.rollback()
                connection.autocommit = False
                self._idle.append(connection)

    def _take(self) -> psycopg.Connection:
        if self._idle:
            return self._idle.pop()
        connection = prepare(psycopg.connect(self._url, application_name=self._application_name))
        # To plan a statement costs ten times what it costs to run it on a few rows, and runs repeat them all.
        connection.prepare_threshold = 1
        connection.prepared_max = 1000
        return connection

    def close(self) -> None:
        """Close those that are not in use."""
        while self._idle:
            self._idle.pop().close()
