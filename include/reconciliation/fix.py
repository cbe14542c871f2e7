"""What a person does about a difference: have the record compared again, or link what both sides have."""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from include.model.record import Direction
from include.sync.marks import lock_alone, mark_one

Row = Mapping[str, Any]

#: What comes from QuickBooks as well; a credit only goes there.
_BOTH_WAYS = ("invoice", "payment")


def mark_again(connection: psycopg.Connection, realm_id: str, differences: Iterable[Row]) -> set[tuple[Direction, str]]:
    """Mark these records on both sides, in the caller's transaction; (direction, entity) of what was marked.

    `differences`: rows of qbo_sync.reconciliation_difference; only those with a fix are marked. Those that are to be
    linked are linked first, unless one of the two has got another link meanwhile.
    """
    marked: set[tuple[Direction, str]] = set()
    lock_alone(connection)
    for one in differences:
        if one["fix"] is None:
            continue
        entity, lab = one["entity"], one["billing_lab_id"]
        if one["fix"] == "link":
            _link(connection, realm_id, one)
        if one["lms_id"] is not None:
            for own in ("credit", "credit_application") if entity == "credit" else (entity,):
                mark_one(connection, realm_id, "lms_to_qbo", own, str(one["lms_id"]), lab)
                marked.add(("lms_to_qbo", own))
        if one["qbo_id"] is not None and entity in _BOTH_WAYS:
            # What only QuickBooks has names no lab: it goes by the one that receives when it is looked at.
            own_lab = lab if one["lms_id"] is not None else None
            mark_one(connection, realm_id, "qbo_to_lms", entity, one["qbo_id"], own_lab)
            marked.add(("qbo_to_lms", entity))
    connection.execute("select pg_notify('qbo_sync', '')")
    return marked


def _link(connection: psycopg.Connection, realm_id: str, one: Row) -> None:
    """As a person would link them by hand: nothing is agreed on yet, and the next run compares the two."""
    connection.execute(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        [realm_id, one["entity"], one["lms_id"], one["qbo_id"]],
    )
