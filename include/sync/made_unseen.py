"""Finds what an earlier create of ours left in QuickBooks although it was answered with a fault (trap 6).

QuickBooks has been seen to do the work and to answer that it failed. Such a record is planned anew later; created
again, it would be there twice. So what an earlier run has planned to create is looked for first, by all that was sent.
"""

from collections.abc import Sequence
from dataclasses import replace

import psycopg

from include.qbo.client import QboClient
from include.sync import links
from include.sync.company import Company
from include.sync.entity.rules import EntityRules
from include.sync.plan.action import Plan
from include.sync.staging import StagedRecord


def find_made_unseen(
    connection: psycopg.Connection,
    client: QboClient,
    company: Company,
    rules: EntityRules,
    records: Sequence[StagedRecord],
) -> None:
    """Notes it as `made`: [id, SyncToken]. Records that no run has planned to create yet cost no request."""
    new = {record.record_id: record for record in records if record.link is None and record.lms}
    rows = connection.execute(
        "select distinct record_id from qbo_sync.staged_record where realm_id = %s and entity = %s"
        "   and record_id = any(%s) and action = 'create' and outcome is distinct from 'created'",
        [company.realm_id, rules.entity, list(new)],
    )
    tried = [new[record_id] for (record_id,) in rows]
    needed = {record.record_id: rules.references(rules.from_plain(record.lms or {})) for record in tried}
    ids = links.qbo_ids(connection, company.realm_id, {key for keys in needed.values() for key in keys})
    again = [
        (record, rules.body(record, ids, company))
        for record in tried
        if all(key in ids for key in needed[record.record_id])
    ]
    found = rules.candidates(client, [sent for _, sent in again]) if again else []
    taken = links.linked_ids(connection, company.realm_id, rules.same_family, [made["Id"] for made in found])
    free = {made["Id"]: made for made in found if made["Id"] not in taken}
    for record, sent in again:
        made = next((one for one in free.values() if rules.came_from(one, sent)), None)
        if made:
            record.qbo["made"] = [made["Id"], made["SyncToken"]]
            del free[made["Id"]]


def adopt_made_unseen(record: StagedRecord, plan: Plan) -> Plan:
    """The plan, unless it would create what is there already."""
    if plan.action != "create" or "made" not in record.qbo:
        return plan
    qbo_id, sync_token = record.qbo["made"]
    reason = "made by an earlier create that was answered with a fault"
    return replace(plan, action="adopt", reason=reason, qbo_id=qbo_id, sync_token=sync_token)
