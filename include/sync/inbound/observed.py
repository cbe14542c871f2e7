"""QuickBooks' present records for the staged rows. What is not there any more is deleted."""

from collections.abc import Sequence
from typing import Any

import psycopg

from include.model.problem import Problem
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync.plan.inbound import InboundPlan, refuse
from include.sync.staging import StagedRecord
from include.sync.words import is_gone

Json = dict[str, Any]


def read_bodies(
    connection: psycopg.Connection, client: QboClient, resource: str, records: Sequence[StagedRecord]
) -> dict[str, Json]:
    """The records by id.

    A linked one that a query does not show is asked for by itself before it counts as deleted, unless change data
    capture has said so: what follows from it cannot be undone. So is one that a query shows in an older version than
    was captured (trap 8). One that QuickBooks refuses to show is no body and not deleted either (`plan_unread`).
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
            continue
        bodies.pop(qbo_id, None)
        if not is_gone(found):
            [record] = [one for one in records if one.record_id == qbo_id]
            record.qbo = {"unread": found.as_detail()}
    return bodies


def plan_unread(record: StagedRecord) -> InboundPlan | None:
    """What became of it cannot be told: nothing is done with this one record (sync rules, section 8.3)."""
    if "unread" not in record.qbo:
        return None
    problem = Problem(
        code="unreadable",
        message=f"QuickBooks refuses to show its {record.entity} with id {record.record_id}, so it cannot come.",
        resolution="Open it in QuickBooks, save it again, and retry. If that does not help, ask support and quote the"
        " tracking id in the details.",
        detail=record.qbo["unread"],
    )
    return refuse(problem)


def _seen(connection: psycopg.Connection, realm_id: str, resource: str, ids: Sequence[str]) -> dict[str, str | None]:
    """The captured versions of those that were captured; None: deleted."""
    rows = connection.execute(
        "select qbo_id, sync_token from qbo_sync.qbo_seen where realm_id = %s and resource = %s and qbo_id = any(%s)",
        [realm_id, resource, list(ids)],
    )
    return dict(rows.fetchall())
