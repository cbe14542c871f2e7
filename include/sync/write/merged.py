"""QuickBooks customers and items that were merged into others: the records that stood for them are free again."""

from collections.abc import Collection, Sequence

import psycopg

from include.company.runtime import Run
from include.model.record import RecordKey
from include.model.typed_json import Canonical
from include.qbo import customer, product
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync import audit, links, marks
from include.sync.intents import Intent

#: An unknown or inactive reference; which of the two, the words do not say for sure (fact 8.4).
_REFERENCE_FAULTS = ("610", "2500")

#: (Customer or Item, QuickBooks' id).
Merged = tuple[str, str]


def find_merged(client: QboClient, intent: Intent, fault: Fault) -> tuple[Merged, ...]:
    """The customers and items that a refused write needs and that QuickBooks does not have any more."""
    if fault.code not in _REFERENCE_FAULTS:
        return ()
    needed = {
        customer.RESOURCE: customer.referenced(intent.resource, intent.payload),
        product.RESOURCE: product.referenced(intent.payload),
    }
    return tuple((kind, id_) for kind, ids in needed.items() for id_ in _gone(client, kind, ids))


def _gone(client: QboClient, kind: str, ids: Sequence[str]) -> list[str]:
    """Those that cannot even be read; an inactive one can. (The words of 610 speak of inactive ones here, too.)"""
    there = {one["Id"] for one in client.find(kind, "Id", ids, also="Active IN (true, false)")}
    missing = {id_: client.read(kind, id_) for id_ in ids if id_ not in there}
    return [id_ for id_, found in missing.items() if isinstance(found, Fault) and found.code == "610"]


def forget(
    connection: psycopg.Connection, run: Run, realm_id: str, merged: Collection[Merged], billing_lab_id: int | None
) -> None:
    """Their links are removed, and each record that had one is synced again: it is found by name, or created. Under
    `marks.lock_alone`: its order of locks is not that of the records' own load."""
    items = [id_ for kind, id_ in merged if kind == product.RESOURCE]
    freed = connection.execute(
        "delete from qbo_sync.entity_link"
        " where realm_id = %s and (entity in ('billing_account', 'doctor_office') and qbo_id = any(%s)"
        "                          or entity = 'product' and qbo_id = any(%s)) returning entity, lms_id, qbo_id, base",
        [realm_id, [id_ for kind, id_ in merged if kind == customer.RESOURCE], items],
    ).fetchall()
    special = connection.execute(
        "delete from qbo_sync.special_item where realm_id = %s and qbo_id = any(%s) returning name, qbo_id",
        [realm_id, items],
    ).fetchall()
    gone: list[tuple[RecordKey, str, Canonical | None]] = [
        (RecordKey(entity, str(lms_id)), qbo_id, links.readable_base(entity, str(lms_id), base))
        for entity, lms_id, qbo_id, base in freed
    ]
    gone += [(RecordKey("special_item", name), qbo_id, None) for name, qbo_id in special]
    for key, qbo_id, base in gone:
        entry = audit.Entry(
            side="qbo",
            realm_id=realm_id,
            entity=key.entity,
            record_id=key.id,
            qbo_id=qbo_id,
            billing_lab_id=billing_lab_id,
            operation="unlink",
            before=base,
            after=None,
        )
        audit.keep(connection, run, entry)
        marks.mark_one(connection, realm_id, "lms_to_qbo", key.entity, key.id, billing_lab_id)
    if gone:
        connection.execute("select pg_notify('qbo_sync', '')")
