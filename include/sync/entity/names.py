"""Who bears the name of a new customer or item in QuickBooks, which LMS record that is, and which name is free."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg

from include.lms.names import read_names
from include.model.staged import RefusedLookup, StagedRecord
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.qbo.names import find_named
from include.sync import links
from include.sync.intents import Intent

#: Kinds that can be linked to a record of the LMS.
_LINKABLE = ("Customer", "Item")


def find_bearers(
    connection: psycopg.Connection,
    client: QboClient,
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
    kinds: Sequence[str],
    entities: Sequence[str],
) -> None:
    """Fill `bearers` of new customers or items, or `refused_lookup` where QuickBooks refuses the question.

    `entities`: whose links say whether a record is linked already.
    """
    if not records:
        return
    refused: dict[str, Fault] = {}
    wanted = {record.record_id: record.lms.name for record in records if record.lms}
    by_name = find_named(client, kinds, list(wanted.values()), refused)
    ids = [one.qbo_id for found in by_name.values() for one in found if one.kind in _LINKABLE]
    linked = links.keys_of(connection, client.realm_id, entities, ids)
    for orphan in links.orphaned_ids(connection, client.realm_id, entities, ids):
        linked.pop(orphan, None)
    names = read_names(connection, set(linked.values()))
    for record in records:
        name = wanted[record.record_id]
        record.known.bearers = tuple(
            replace(one, linked_to=names[linked[one.qbo_id]]) if one.kind in _LINKABLE and one.qbo_id in linked else one
            for one in by_name.get(name.casefold(), [])
        )
        if name in refused:
            record.known.refused_lookup = RefusedLookup(name=name, fault=refused[name].as_detail())


def find_free_names(
    client: QboClient,
    kinds: Sequence[str],
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
    proposals: Mapping[str, Sequence[str]],
) -> None:
    """Fill `free_name`: the first of a record's proposals (by record id) that nobody has, nor another was told.

    QuickBooks is asked only where there are proposals, and for all of them at once.
    """
    names = [name for of_record in proposals.values() for name in of_record]
    if not names:
        return
    refused: dict[str, Fault] = {}
    taken = set(find_named(client, kinds, names, refused)) | {name.casefold() for name in refused}
    for record in records:
        for name in proposals.get(record.record_id, ()):
            if name.casefold() not in taken:
                record.known.free_name = name
                taken.add(name.casefold())
                break


def shows_in_quickbooks(client: QboClient, kinds: Sequence[str], intent: Intent, fault: Fault, name: str) -> bool:
    """After a create: whether the refusal says that the name is taken (6240), and QuickBooks shows by whom.

    Planned again, the record is adopted, or its error says who has the name.
    """
    return intent.operation == "create" and fault.code == "6240" and bool(find_named(client, kinds, [name], {}))
