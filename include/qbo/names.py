"""Who bears a name in QuickBooks, for customers and items alike (facts 9.1 and 9.2)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from include.model.staged import NamedRecord
from include.qbo import record
from include.qbo.client import QboClient
from include.qbo.customer import DELETED_SUFFIX, without_suffix
from include.qbo.errors import RequestRefused
from include.qbo.faults import Fault
from include.qbo.product import SELLABLE_TYPES
from include.qbo.query import chunks, where_in

Json = dict[str, Any]

#: The name's field by kind of record.
_NAME_FIELD = {"Customer": "DisplayName", "Vendor": "DisplayName", "Employee": "DisplayName", "Item": "Name"}
_ALL = "Active IN (true, false)"


def find_named(
    client: QboClient, kinds: Sequence[str], names: Iterable[str], refused: dict[str, Fault]
) -> dict[str, list[NamedRecord]]:
    """By wanted name (case folded): the records that bear it, or bore it until they were deactivated.

    `refused` takes the names about which QuickBooks refuses to be asked.
    """
    wanted = set(names)
    by_name: dict[str, list[NamedRecord]] = defaultdict(list)
    for kind, body in _ask(client, kinds, wanted | {name + DELETED_SUFFIX for name in wanted}, refused):
        name, active = body[_NAME_FIELD[kind]], bool(body.get("Active", True))
        by_name[(name if active else without_suffix(name)).casefold()].append(
            NamedRecord(
                kind=kind,
                qbo_id=body["Id"],
                sync_token=body["SyncToken"],
                name=name,
                active=active,
                parent_id=record.parent_id(body),
                parent_name=_parent_name(body),
                usable=kind != "Item" or body.get("Type") in SELLABLE_TYPES,
                currency=record.currency(body),
            )
        )
    return by_name


def _parent_name(body: Json) -> str | None:
    """Full names are “Grandparent:Parent:Name”; no name has a colon of its own."""
    above = str(body.get("FullyQualifiedName", "")).split(":")[:-1]
    return above[-1] if above else None


def _ask(
    client: QboClient, kinds: Sequence[str], spellings: set[str], refused: dict[str, Fault]
) -> list[tuple[str, Json]]:
    """All kinds in one batch; where that is refused, kind by kind, and in the end name by name."""
    statements = [
        (kind, where_in(kind, _NAME_FIELD[kind], part, also=_ALL)) for kind in kinds for part in chunks(spellings)
    ]
    try:
        pages = client.queries([statement for _, statement in statements])
        return [(kind, body) for (kind, _), page in zip(statements, pages, strict=True) for body in page]
    except RequestRefused:
        odd: dict[str, Fault] = {}
        found = [
            (kind, body)
            for kind in kinds
            for body in client.find(kind, _NAME_FIELD[kind], sorted(spellings), also=_ALL, refused=odd)
        ]
        refused.update({spelling.removesuffix(DELETED_SUFFIX): fault for spelling, fault in odd.items()})
        return found


def inactive_in_words(client: QboClient, customer_ids: Sequence[str], item_ids: Sequence[str]) -> list[str]:
    """Those of the customers and items that are inactive, as a bookkeeper names them."""
    wanted = (("Customer", "customer", customer_ids), ("Item", "product", item_ids))
    return [
        f"the {noun} “{without_suffix(record.name(body))}”"
        for resource, noun, ids in wanted
        for body in client.find(resource, "Id", ids, also="Active = false")
    ]
