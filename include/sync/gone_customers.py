"""QuickBooks customers that are not there any more, for they were merged into others: who stood for them is free."""

from collections.abc import Iterable

import psycopg

from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync import marks
from include.sync.intents import Intent

#: An unknown or inactive reference; which of the two, the words do not say for sure (dossier 8.4).
_REFERENCE_FAULTS = ("610", "2500")


def find_gone(client: QboClient, intent: Intent, fault: Fault) -> tuple[str, ...]:
    """The customers that a refused write needs and that QuickBooks does not have; an inactive one can be read."""
    if fault.code not in _REFERENCE_FAULTS:
        return ()
    return tuple(qbo_id for qbo_id in _customers_of(intent) if _is_gone(client, qbo_id))


def _customers_of(intent: Intent) -> list[str]:
    references = [intent.payload.get("CustomerRef"), intent.payload.get("ParentRef")]
    own = [intent.payload["Id"]] if intent.resource == "Customer" and "Id" in intent.payload else []
    return [*(reference["value"] for reference in references if reference), *own]


def _is_gone(client: QboClient, qbo_id: str) -> bool:
    found = client.read("Customer", qbo_id)
    return isinstance(found, Fault) and found.code == "610"


def forget(connection: psycopg.Connection, realm_id: str, qbo_ids: Iterable[str], billing_lab_id: int | None) -> None:
    """Their links go, and whoever had one is looked at: its customer is found by name, or made again."""
    freed = connection.execute(
        "delete from qbo_sync.entity_link where realm_id = %s and entity in ('billing_account', 'doctor_office')"
        "   and qbo_id = any(%s) returning entity, lms_id",
        [realm_id, list(qbo_ids)],
    ).fetchall()
    # In the order in which the customers' own load settles them, so that the two do not deadlock.
    for entity, lms_id in sorted(freed):
        marks.mark_one(connection, realm_id, "lms_to_qbo", entity, str(lms_id), billing_lab_id)
    if freed:
        connection.execute("select pg_notify('qbo_sync', '')")
