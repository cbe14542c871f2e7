"""Companies and their records, in memory.

A record keeps its JSON as bytes, ready to be sent, beside the few values that queries look at: about 2 kB a
record whatever it holds, and a read or a page of a query needs no serialising.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .money import ZERO, decimal_of, loads
from .schema import Body

_INDEXED_TEXT = str.casefold


@dataclass(frozen=True, slots=True)
class Column:
    """A property that queries may name (fact 4.5)."""

    name: str
    kind: str = "text"  # text, ref, number, bool, date
    filterable: bool = True
    sortable: bool = True
    indexed: bool = False
    live: bool = False  # computed when asked, as a customer's balance

    def read(self, body: Body) -> Any:
        """The value in a finished body."""
        value = body.get(self.name)
        if value is None or value == "":
            return None
        if isinstance(value, dict):
            value = value.get("value") or value.get("Address")
            return sys.intern(value) if isinstance(value, str) else value
        if self.kind == "number":
            return decimal_of(value)
        if self.kind == "date":
            return sys.intern(value)
        return value


class Record:
    """One version of one record."""

    __slots__ = ("body", "created", "customer", "id", "keys", "owed", "token", "updated")

    def __init__(self, body: bytes, token: str, created: int, updated: int, keys: tuple[Any, ...]) -> None:
        self.id = ""
        self.body, self.token, self.created, self.updated, self.keys = body, token, created, updated, keys
        self.customer: str | None = None
        self.owed = ZERO

    def load(self) -> Body:
        """A fresh, changeable copy of the body."""
        body: Body = loads(self.body)
        return body


def id_order(record: Record) -> int:
    """Ids are numbers, but for a few pseudo records (TAX, NON)."""
    return int(record.id) if record.id.isdigit() else 0


class Table:
    """All records of one entity in a company, in the order of their ids."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        self.position = {column.name.lower(): place for place, column in enumerate(columns)}
        self.records: dict[str, Record] = {}
        self.deleted: dict[str, int] = {}
        self._indexes: dict[int, dict[Any, str | dict[str, None]]] = {
            place: {} for place, column in enumerate(columns) if column.indexed
        }

    def put(self, record: Record) -> None:
        """Insert or replace, indexes included."""
        old = self.records.get(record.id)
        for place, index in self._indexes.items():
            value = record.keys[place]
            if old is not None:
                before = old.keys[place]
                if before == value:
                    continue
                self._unindex(index, before, record.id)
            self._index(index, value, record.id)
        self.records[record.id] = record

    def drop(self, record_id: str, epoch: int) -> None:
        """Delete; what stays is a stub for change data capture (fact 5)."""
        old = self.records.pop(record_id, None)
        self.deleted[record_id] = epoch
        if old is not None:
            for place, index in self._indexes.items():
                self._unindex(index, old.keys[place], record_id)

    def is_indexed(self, place: int) -> bool:
        """Whether `find` knows this column."""
        return place in self._indexes

    def find(self, place: int, value: Any) -> list[Record]:
        """Records whose indexed column has this value (text in any letter case), oldest first."""
        held = self._indexes[place].get(_INDEXED_TEXT(value) if isinstance(value, str) else value)
        if held is None:
            return []
        if isinstance(held, str):
            return [self.records[held]]
        return sorted((self.records[key] for key in held), key=id_order)

    def named(self, column: str, value: str) -> list[Record]:
        """`find` by the column's name."""
        return self.find(self.position[column.lower()], value)

    def value(self, record: Record, column: str) -> Any:
        """One of a record's query values by the column's name."""
        return record.keys[self.position[column.lower()]]

    @staticmethod
    def _index(index: dict[Any, str | dict[str, None]], value: Any, record_id: str) -> None:
        if value is None:
            return
        key = _INDEXED_TEXT(value) if isinstance(value, str) else value
        held = index.get(key)
        if held is None:
            index[key] = record_id
        elif isinstance(held, str):
            index[key] = {held: None, record_id: None}
        else:
            held[record_id] = None

    @staticmethod
    def _unindex(index: dict[Any, str | dict[str, None]], value: Any, record_id: str) -> None:
        if value is None:
            return
        key = _INDEXED_TEXT(value) if isinstance(value, str) else value
        held = index.get(key)
        if held == record_id:
            del index[key]
        elif isinstance(held, dict):
            held.pop(record_id, None)
            if not held:
                del index[key]


class Company:
    """One QuickBooks company."""

    def __init__(self, realm: str, name: str, columns_of: Callable[[str], tuple[Column, ...]]) -> None:
        self.realm, self.name = realm, name
        self.subscription_ended = False
        self.counters: dict[str, int] = {}
        self.switches: dict[str, Any] = {}
        self.balances: dict[str, Decimal] = {}
        self._columns_of = columns_of
        self._tables: dict[str, Table] = {}
        self._peeked: dict[tuple[str, str], tuple[Record, Body]] = {}

    def peek(self, kind: str, record_id: str) -> Body | None:
        """A parsed body to look at, never to change; the busy ones (customers, preferences) are remembered."""
        record = self.table(kind).records.get(record_id)
        if record is None:
            return None
        key = (kind, record_id)
        held = self._peeked.get(key)
        if held is not None and held[0] is record:
            return held[1]
        if len(self._peeked) >= 1000:
            self._peeked.clear()
        body = record.load()
        self._peeked[key] = (record, body)
        return body

    @property
    def preferences(self) -> Body:
        """The company's Preferences entity."""
        return self.peek("Preferences", "1") or {}

    def table(self, kind: str) -> Table:
        """The table of an entity, made when first asked for."""
        table = self._tables.get(kind)
        if table is None:
            table = self._tables[kind] = Table(self._columns_of(kind))
        return table

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Every entity that has or had a record."""
        return iter(self._tables.items())

    def next_id(self, family: str) -> str:
        """Ids count up per family of entities (fact 9.0)."""
        self.counters[family] = self.counters.get(family, 0) + 1
        return str(self.counters[family])

    def seen_id(self, family: str, record_id: str) -> None:
        """Keeps the counter ahead of records that come back from the state file."""
        if record_id.isdigit():
            self.counters[family] = max(self.counters.get(family, 0), int(record_id))

    def put(self, kind: str, record: Record) -> None:
        """Insert or replace, with the customer's balance."""
        table = self.table(kind)
        old = table.records.get(record.id)
        if old is not None:
            self._owe(old, -1)
        table.put(record)
        self._owe(record, 1)

    def drop(self, kind: str, record_id: str, epoch: int) -> None:
        """Delete, with the customer's balance."""
        table = self.table(kind)
        old = table.records.get(record_id)
        if old is not None:
            self._owe(old, -1)
        table.drop(record_id, epoch)

    def balance(self, customer: str) -> Decimal:
        """What a customer owes, without its sub-customers."""
        return self.balances.get(customer, ZERO)

    def family_balance(self, customer: str) -> Decimal:
        """What a customer and everything below it owe."""
        return self.balance(customer) + sum(
            (self.family_balance(child.id) for child in self.children("Customer", customer)), ZERO
        )

    def children(self, kind: str, parent: str) -> Iterable[Record]:
        """Records whose ParentRef is this one."""
        return self.table(kind).named("ParentRef", parent)

    def _owe(self, record: Record, sign: int) -> None:
        if record.customer is not None and record.owed:
            self.balances[record.customer] = self.balance(record.customer) + sign * record.owed
