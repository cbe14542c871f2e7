"""Database connections that the runs of tests share: a new server process costs more than most steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import psycopg

from include.lms.database import prepare

Kind = TypeVar("Kind", bound=psycopg.Connection[Any])


def reset(connection: psycopg.Connection[Any]) -> None:
    """Leave nothing of a session, except what it has planned; in autocommit."""
    connection.rollback()
    connection.autocommit = True
    connection.execute("reset all; select pg_advisory_unlock_all(); unlisten *; discard temp", prepare=False)


def as_role(url: str, role: str) -> str:
    """The database of a throw-away server as another of its roles: they share a password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}{rest[rest.index(':') :]}"


class Connections(Generic[Kind]):
    """Opens a connection when all are in use. The one given back last is taken first: it has planned most already."""

    def __init__(self, kind: type[Kind], url: str, application_name: str = "") -> None:
        self._kind, self._url, self._application_name = kind, url, application_name
        self._idle: list[Kind] = []

    @contextmanager
    def connection(self) -> Iterator[Kind]:
        """A connection, not in autocommit, for the time of a `with`, which commits, or rolls back after an error."""
        connection = self.take()
        try:
            yield connection
            if not connection.closed:
                connection.commit()
        finally:
            self.give_back(connection)

    def give_back(self, connection: Kind) -> None:
        """For others, without what was not committed."""
        if not connection.closed:
            connection.rollback()
            connection.autocommit = False
            self._idle.append(connection)

    def take(self) -> Kind:
        """A connection, not in autocommit."""
        if self._idle:
            return self._idle.pop()
        connection = self._kind.connect(self._url, application_name=self._application_name)
        prepare(connection)
        # To plan a statement costs ten times what it costs to run it on a few rows, and runs repeat them all.
        connection.prepare_threshold = 1
        connection.prepared_max = 1000
        return connection

    def close(self) -> None:
        """Close those that are not in use."""
        while self._idle:
            self._idle.pop().close()
