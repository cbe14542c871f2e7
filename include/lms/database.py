"""Connections to the LMS database, with JSON numbers as Decimal both ways."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads

from include.model.typed_json import dumps, loads

#: A connection, not in autocommit, for the time of a `with`, which commits, or rolls back after an error.
Connect = Callable[[], AbstractContextManager[psycopg.Connection]]


def prepare(connection: psycopg.Connection) -> psycopg.Connection:
    """Make a connection read and write jsonb without floats."""
    set_json_loads(loads, connection)
    set_json_dumps(dumps, connection)
    return connection


def jsonb(value: Any) -> Jsonb:
    """A parameter for a jsonb column: plain values, or dataclasses of the model."""
    return Jsonb(value, dumps=dumps)


@contextmanager
def exclusive(connection: psycopg.Connection, *names: str) -> Iterator[None]:
    """Hold the advisory lock of these names on this connection: one worker at a time, freed if it dies."""
    key = "/".join(names)
    connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [key])
    connection.commit()
    try:
        yield
    finally:
        if not connection.closed:
            connection.rollback()
            connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [key])
            connection.commit()
