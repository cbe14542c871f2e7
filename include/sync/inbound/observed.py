"""QuickBooks' present records for the staged rows. What is not there any more is deleted."""

from collections.abc import Sequence
from typing import Any

import psycopg

from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync.staging import StagedRecord
from include.sync.words import is_gone

Json = dict[str, Any]


def read_bodies(
    connection: psycopg.Connection, client: QboClient, resource: str, records: Sequence[StagedRecord]
) -> dict[str, Json]:
    """The records by id.

    A linked one that a query does not show is asked for by itself before it counts as deleted, unless change data
    capture has said so: what follows from it cannot be undone. So is one that a query shows in an older version than
    was captured (trap 8).
    """
    ids = [record.record_id for record in records]
    bodies = {body["Id"]: body for body in client.find(resource, "Id", ids)}
    seen = _seen(connection, client.realm_id, resource, ids)
    missing = {record.record_id for record in records if record.link and record.record_id not in bodies}
    doubtful = {qbo_id for qbo_id in missing if seen.get(qbo_id, "") is not None}
    doubtful |= {qbo_id for qbo_id, body in bodies.items() if int(seen.get(qbo_id) or 0) > int(body["SyncToken"])}
    for qbo_id in sorted(doubtful):
        found = client.read(resource, qbo_id)
        if not isinstance(found, Fault):
            bodies[qbo_id] = found
        elif is_gone(found):
            bodies.pop(qbo_id, None)
        else:
            raise RuntimeError(f"QuickBooks does not tell what became of {resource} {qbo_id}: {found.message}")
    return bodies


def _seen(connection: psycopg.Connection, realm_id: str, resource: str, ids: Sequence[str]) -> dict[str, str | None]:
    """The captured versions of those that were captured; None: deleted."""
    rows = connection.execute(
        "select qbo_id, sync_token from qbo_sync.qbo_seen where realm_id = %s and resource = %s and qbo_id = any(%s)",
        [realm_id, resource, list(ids)],
    )
    return dict(rows.fetchall())
