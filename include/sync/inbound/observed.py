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
    """The records by id. A linked one that a query does not show is asked for by itself before it counts as deleted,

    unless change data capture has said so: what follows from it cannot be undone.
    """
    bodies = {body["Id"]: body for body in client.find(resource, "Id", [record.record_id for record in records])}
    missing = [record.record_id for record in records if record.link and record.record_id not in bodies]
    rows = connection.execute(
        "select qbo_id from qbo_sync.qbo_seen where realm_id = %s and resource = %s and qbo_id = any(%s)"
        "   and sync_token is null",
        [client.realm_id, resource, missing],
    ).fetchall()
    for qbo_id in sorted(set(missing) - {qbo_id for (qbo_id,) in rows}):
        found = client.read(resource, qbo_id)
        if isinstance(found, Fault):
            if not is_gone(found):
                raise RuntimeError(f"QuickBooks does not tell what became of {resource} {qbo_id}: {found.message}")
        else:
            bodies[qbo_id] = found
    return bodies
