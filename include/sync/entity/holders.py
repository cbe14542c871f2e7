"""Looks up who holds a name in QuickBooks, for customers and items alike."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from include.model.settings import CompanyPreferences
from include.qbo.client import QboClient
from include.qbo.customer import DELETED_SUFFIX, without_suffix
from include.qbo.errors import RequestRefused
from include.qbo.faults import Fault
from include.qbo.product import SELLABLE_TYPES
from include.qbo.query import chunks, where_in
from include.sync import links
from include.sync.plan.currency import foreign_currency
from include.sync.plan.names import NameHolder

Json = dict[str, Any]

#: The name's field by kind of record.
_NAME_FIELD = {"Customer": "DisplayName", "Vendor": "DisplayName", "Employee": "DisplayName", "Item": "Name"}
_ALL = "Active IN (true, false)"


def holders_of(
    connection: psycopg.Connection,
    client: QboClient,
    names: Iterable[str],
    kinds: Sequence[str],
    entities: Sequence[str],
    refused: dict[str, Fault],
    preferences: CompanyPreferences,
) -> dict[str, list[Json]]:
    """By wanted name (case folded): the records that bear it, or bore it until they were deactivated, as JSON.

    `entities`: whose links tell whether a record is linked already. `refused`: takes the names for which QuickBooks
    refuses the question.
    """
    wanted = set(names)
    spellings = wanted | {name + DELETED_SUFFIX for name in wanted}
    found = _ask(client, kinds, spellings, refused)
    ids = [record["Id"] for _, record in found]
    linked = links.linked_ids(connection, client.realm_id, entities, ids)
    linked -= links.ids_of_gone(connection, client.realm_id, entities, ids)
    by_name: dict[str, list[Json]] = defaultdict(list)
    for kind, record in found:
        name = record[_NAME_FIELD[kind]]
        active = bool(record.get("Active", True))
        by_name[(name if active else without_suffix(name)).casefold()].append(
            {
                "kind": kind,
                "qbo_id": record["Id"],
                "sync_token": record["SyncToken"],
                "name": name,
                "active": active,
                "linked": kind in ("Customer", "Item") and record["Id"] in linked,
                "parent_id": record.get("ParentRef", {}).get("value"),
                "foreign_currency": foreign_currency(record, preferences),
                "usable": kind != "Item" or record.get("Type") in SELLABLE_TYPES,
            }
        )
    return by_name


def _ask(
    client: QboClient, kinds: Sequence[str], spellings: set[str], refused: dict[str, Fault]
) -> list[tuple[str, Json]]:
    """All kinds in one batch; where that is refused, kind by kind, and in the end name by name."""
    statements = [
        (kind, where_in(kind, _NAME_FIELD[kind], part, also=_ALL)) for kind in kinds for part in chunks(spellings)
    ]
    try:
        pages = client.queries([statement for _, statement in statements])
        return [(kind, record) for (kind, _), page in zip(statements, pages, strict=True) for record in page]
    except RequestRefused:
        odd: dict[str, Fault] = {}
        found = [
            (kind, record)
            for kind in kinds
            for record in client.find(kind, _NAME_FIELD[kind], sorted(spellings), also=_ALL, refused=odd)
        ]
        refused.update({spelling.removesuffix(DELETED_SUFFIX): fault for spelling, fault in odd.items()})
        return found


def read_back(holders: Iterable[Json]) -> tuple[NameHolder, ...]:
    """The staged JSON as the planner takes it."""
    return tuple(NameHolder(**holder) for holder in holders)
