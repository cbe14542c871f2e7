"""Who bears the name of a new customer or item in QuickBooks, and whether that record is linked already."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from include.model.staged import RefusedLookup, StagedRecord
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.qbo.names import find_named
from include.sync import links


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
    ids = [one.qbo_id for found in by_name.values() for one in found]
    linked = links.linked_ids(connection, client.realm_id, entities, ids)
    linked -= links.orphaned_ids(connection, client.realm_id, entities, ids)
    for record in records:
        name = wanted[record.record_id]
        record.known.bearers = tuple(
            replace(one, linked=one.kind in ("Customer", "Item") and one.qbo_id in linked)
            for one in by_name.get(name.casefold(), [])
        )
        if name in refused:
            record.known.refused_lookup = RefusedLookup(name=name, fault=refused[name].as_detail())
