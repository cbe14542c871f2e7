"""Connections to the LMS database, with JSON numbers as Decimal both ways."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.types.datetime import DateLoader
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from psycopg.types.numeric import NumericLoader

from include.model.money import NO_NUMBER
from include.model.typed_json import dumps, loads

#: A connection, not in autocommit, for the time of a `with`, which commits, or rolls back after an error.
Connect = Callable[[], AbstractContextManager[psycopg.Connection]]


class _AnyDate(DateLoader):
    """PostgreSQL keeps days that Python has no word for, from 4713 BC to infinity: they are read as Python's first or
    last one, which the expectations let no record have. One such day would else stop the step that reads it."""

    def load(self, data: Buffer) -> date:
        try:
            return super().load(data)
        except psycopg.DataError:
            text = bytes(data)
            return date.min if text.endswith(b"BC") or text.startswith(b"-") else date.max


class _AnyNumber(NumericLoader):
    """PostgreSQL's numeric keeps NaN, which no comparison and no JSON takes."""

    def load(self, data: Buffer) -> Decimal:
        number = super().load(data)
        return number if number.is_finite() else NO_NUMBER


def prepare(connection: psycopg.Connection) -> psycopg.Connection:
    """Make a connection read whatever the LMS keeps, and read and write jsonb without floats."""
    set_json_loads(loads, connection)
    set_json_dumps(dumps, connection)
    connection.adapters.register_loader("date", _AnyDate)
    connection.adapters.register_loader("numeric", _AnyNumber)
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
