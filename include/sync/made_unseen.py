"""Finds what an earlier create of ours left in QuickBooks although it was answered with a fault (trap 6).

QuickBooks has been seen to do the work and to answer that it failed. Such a record is planned anew later; created
again, it would be there twice. So such a create is remembered with the time at which it was sent, and what QuickBooks
has made since then is compared with all that was sent.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg

from include.company.company import Company
from include.model.record import RecordKey
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync import links
from include.sync.entity.rules import EntityRules, Json
from include.sync.plan.action import Plan
from include.sync.staging import StagedRecord

#: The faults that have been seen to hide a write, and a request at which QuickBooks keeps breaking off (recover.py).
_DOUBTFUL_CODES = ("6000", "10000", "")

#: QuickBooks' clock may be behind ours.
_CLOCKS_DIFFER = timedelta(minutes=2)


def may_have_been_done(fault: Fault) -> bool:
    """Other faults are clean refusals."""
    return fault.code in _DOUBTFUL_CODES


def note_doubt(connection: psycopg.Connection, realm_id: str, key: RecordKey) -> None:
    """Remember when the create was first sent. Its intent must still be there."""
    connection.execute(
        "insert into qbo_sync.doubtful_create (realm_id, entity, record_id, sent_at)"
        " select i.realm_id, i.entity, i.record_id, r.created_at"
        "   from qbo_sync.write_intent i join qbo_sync.write_request r using (request_id)"
        "  where i.realm_id = %s and i.entity = %s and i.record_id = %s"
        " on conflict do nothing",
        [realm_id, key.entity, key.id],
    )


def end_doubt(connection: psycopg.Connection, realm_id: str, key: RecordKey) -> None:
    """It is linked now."""
    connection.execute(
        "delete from qbo_sync.doubtful_create where realm_id = %s and entity = %s and record_id = %s",
        [realm_id, key.entity, key.id],
    )


def find_made_unseen(
    connection: psycopg.Connection,
    client: QboClient,
    company: Company,
    rules: EntityRules,
    records: Sequence[StagedRecord],
) -> None:
    """Notes it as `made`: [id, SyncToken]. Records of which there is no doubt cost no request."""
    new = {record.record_id: record for record in records if record.link is None and record.lms}
    rows = connection.execute(
        "select record_id, sent_at from qbo_sync.doubtful_create"
        " where realm_id = %s and entity = %s and record_id = any(%s)",
        [company.realm_id, rules.entity, list(new)],
    )
    sent_at: dict[str, datetime] = dict(rows.fetchall())
    tried = [new[record_id] for record_id in sent_at]
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
        since = sent_at[record.record_id] - _CLOCKS_DIFFER
        made = next((one for one in free.values() if _made_at(one) >= since and rules.came_from(one, sent)), None)
        if made:
            record.qbo["made"] = [made["Id"], made["SyncToken"]]
            del free[made["Id"]]


def _made_at(record: Json) -> datetime:
    return datetime.fromisoformat(record["MetaData"]["CreateTime"])


def adopt_made_unseen(record: StagedRecord, plan: Plan) -> Plan:
    """The plan, unless it would create what is there already."""
    if plan.action != "create" or "made" not in record.qbo:
        return plan
    qbo_id, sync_token = record.qbo["made"]
    reason = "made by an earlier create that was answered with a fault"
    return replace(plan, action="adopt", reason=reason, qbo_id=qbo_id, sync_token=sync_token)
