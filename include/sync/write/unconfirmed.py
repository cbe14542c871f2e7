"""Finds what an earlier create of ours left in QuickBooks although it was answered with a fault (trap 6).

QuickBooks has been seen to do the work and to answer that it failed. Such a record is planned anew later; created
again, it would be there twice. So such a create is remembered with the time at which it was sent, by QuickBooks' own
clock where its answer says it, and what QuickBooks has made since then is compared with all that was sent. What was
there before is the bookkeeper's.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg

from include.company.company import Company
from include.model.record import RecordKey
from include.model.staged import StagedRecord
from include.qbo import record as qbo_record
from include.qbo.client import LeftOut, QboClient
from include.qbo.faults import Fault, malformed, may_hide_a_write
from include.sync import links
from include.sync.entity.base import Json, ToQuickBooks
from include.sync.lab import settings_for

#: Where QuickBooks did not say when it answered: its clock may be behind ours.
_CLOCKS_DIFFER = timedelta(minutes=2)


def may_have_been_done(fault: Fault) -> bool:
    """Or QuickBooks kept breaking off at the request (recover.py). Other faults are clean refusals."""
    return may_hide_a_write(fault) or not fault.code


def note_unconfirmed(connection: psycopg.Connection, realm_id: str, key: RecordKey, fault: Fault) -> None:
    """Remember when the create was first sent. Its intent must still be there."""
    connection.execute(
        "insert into qbo_sync.unconfirmed_create (realm_id, entity, record_id, sent_after)"
        " select i.realm_id, i.entity, i.record_id, coalesce(%s, r.created_at - %s)"
        "   from qbo_sync.write_intent i join qbo_sync.write_request r using (request_id)"
        "  where i.realm_id = %s and i.entity = %s and i.record_id = %s"
        " on conflict do nothing",
        [fault.sent_after, _CLOCKS_DIFFER, realm_id, key.entity, key.id],
    )


def confirm(connection: psycopg.Connection, realm_id: str, key: RecordKey) -> None:
    """It is linked now."""
    connection.execute(
        "delete from qbo_sync.unconfirmed_create where realm_id = %s and entity = %s and record_id = %s",
        [realm_id, key.entity, key.id],
    )


def find_unconfirmed(
    connection: psycopg.Connection,
    client: QboClient,
    company: Company,
    sync: ToQuickBooks[Any, Any, Any, Any],
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
) -> None:
    """Fill `unconfirmed` of records whose earlier create is found, `unclear` where QuickBooks shows what may be it in a
    form that nobody can read. Records without such a create cost no request."""
    new = {record.record_id: record for record in records if record.link is None and record.lms}
    rows = connection.execute(
        "select record_id, sent_after from qbo_sync.unconfirmed_create"
        " where realm_id = %s and entity = %s and record_id = any(%s)",
        [company.realm_id, sync.entity, list(new)],
    )
    sent_after: dict[str, datetime] = dict(rows.fetchall())
    again = _would_be_sent(connection, company, sync, [new[record_id] for record_id in sent_after])
    if not again:
        return
    with client.noting_what_is_left_out() as left_out:
        found = sync.find_candidates(client, [body for _, body in again])
    versions = {qbo_record.version(one).qbo_id: one for one in found}
    taken = links.linked_ids(connection, company.realm_id, sync.same_resource, list(versions))
    free = {qbo_id: one for qbo_id, one in versions.items() if qbo_id not in taken}
    for record, body in again:
        since = sent_after[record.record_id]
        made = next(
            (one for one in free.values() if qbo_record.created_at(one) >= since and sync.is_made_from(one, body)), None
        )
        if made:
            record.known.unconfirmed = qbo_record.version(made)
            del free[record.known.unconfirmed.qbo_id]
        else:
            record.known.unclear = perhaps_ours(connection, company.realm_id, sync, left_out)


def perhaps_ours(
    connection: psycopg.Connection,
    realm_id: str,
    sync: ToQuickBooks[Any, Any, Any, Any],
    left_out: Sequence[LeftOut],
) -> Json | None:
    """Why nobody can tell whether a create of ours is there: a malformed record, unless it is another's."""
    taken = links.linked_ids(connection, realm_id, sync.same_resource, [one.qbo_id for one in left_out if one.qbo_id])
    return next((malformed(one.wrong).as_detail() for one in left_out if one.qbo_id not in taken), None)


def _would_be_sent(
    connection: psycopg.Connection,
    company: Company,
    sync: ToQuickBooks[Any, Any, Any, Any],
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
) -> list[tuple[StagedRecord[Any, Any, Any, Any], Json]]:
    """The bodies with which the records would be created now: those of which nothing is missing."""
    plans = [(record, sync.plan(record, settings_for(company, record, sync.lab_of(record)))) for record in records]
    needed = {key for _, plan in plans if plan.target for key in sync.references(plan.target)}
    ids = links.qbo_ids(connection, company.realm_id, needed)
    return [
        (record, sync.body(record, plan, ids, company))
        for record, plan in plans
        if plan.step in ("create", "adopt") and plan.target and all(key in ids for key in sync.references(plan.target))
    ]
