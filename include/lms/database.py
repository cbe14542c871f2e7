"""Connections to the LMS database, with JSON numbers as Decimal both ways."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import psycopg
import simplejson
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads

#: A connection, not in autocommit, for the time of a `with`, which commits, or rolls back after an error.
Connect = Callable[[], AbstractContextManager[psycopg.Connection]]

_dumps = partial(simplejson.dumps, use_decimal=True, ensure_ascii=False)


def prepare(connection: psycopg.Connection) -> psycopg.Connection:
    """Make a connection read and write jsonb without floats."""
    set_json_loads(partial(simplejson.loads, use_decimal=True), connection)
    set_json_dumps(_dumps, connection)
    return connection


def jsonb(value: Any) -> Jsonb:
    """A parameter for a jsonb column."""
    return Jsonb(value, dumps=_dumps)


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
