"""QuickBooks customers that were merged into others: the records that stood for them are free again."""

from collections.abc import Iterable

import psycopg

from include.company.runtime import Run
from include.qbo.client import QboClient
from include.qbo.customer import is_merged_away, referenced
from include.qbo.faults import Fault
from include.sync import audit, links, marks
from include.sync.intents import Intent

#: An unknown or inactive reference; which of the two, the words do not say for sure (fact 8.4).
_REFERENCE_FAULTS = ("610", "2500")


def find_merged(client: QboClient, intent: Intent, fault: Fault) -> tuple[str, ...]:
    """The customers that a refused write needs and that QuickBooks does not have any more."""
    if fault.code not in _REFERENCE_FAULTS:
        return ()
    return tuple(id_ for id_ in referenced(intent.resource, intent.payload) if is_merged_away(client, id_))


def forget(
    connection: psycopg.Connection, run: Run, realm_id: str, qbo_ids: Iterable[str], billing_lab_id: int | None
) -> None:
    """Their links are removed, and each record that had one is synced again: its customer is found by name, or
    created. Under `marks.lock_alone`: its order of locks is not that of the customers' own load."""
    freed = connection.execute(
        "delete from qbo_sync.entity_link where realm_id = %s and entity in ('billing_account', 'doctor_office')"
        "   and qbo_id = any(%s) returning entity, lms_id, qbo_id, base",
        [realm_id, list(qbo_ids)],
    ).fetchall()
    for entity, lms_id, qbo_id, base in freed:
        entry = audit.Entry(
            side="qbo",
            realm_id=realm_id,
            entity=entity,
            record_id=str(lms_id),
            qbo_id=qbo_id,
            billing_lab_id=billing_lab_id,
            operation="unlink",
            before=links.readable_base(entity, str(lms_id), base),
            after=None,
        )
        audit.keep(connection, run, entry)
        marks.mark_one(connection, realm_id, "lms_to_qbo", entity, str(lms_id), billing_lab_id)
    if freed:
        connection.execute("select pg_notify('qbo_sync', '')")
