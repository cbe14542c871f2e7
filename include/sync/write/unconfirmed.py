"""Finds what an earlier create of ours left in QuickBooks although it was answered with a fault (trap 6).

QuickBooks has been seen to do the work and to answer that it failed. Such a record is planned anew later; created
again, it would be there twice. So such a create is remembered with all that was sent and the time of it, by QuickBooks'
own clock where its answer says it, and what QuickBooks has made since then is compared with that: the LMS may have
changed the record meanwhile. What was there before is the bookkeeper's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from include.company.company import Company
from include.model.record import RecordKey
from include.model.staged import StagedRecord
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.qbo.faults import Fault, malformed, may_hide_a_write
from include.sync import links
from include.sync.entity.base import Json, ToQuickBooks
from include.sync.lab import settings_for

#: QuickBooks' clock may be behind ours. For where it did not say when it answered.
CLOCKS_DIFFER = timedelta(minutes=2)


def may_have_been_done(fault: Fault) -> bool:
    """Or QuickBooks kept breaking off at the request (recover.py). Other faults are clean refusals."""
    return may_hide_a_write(fault) or not fault.code


def note_unconfirmed(connection: psycopg.Connection, realm_id: str, key: RecordKey, fault: Fault) -> None:
    """Remember what was sent, and since when. Its intent must still be there.

    Before it was sent again, what was sent first was looked for and not found.
    """
    connection.execute(
        "insert into qbo_sync.unconfirmed_create (realm_id, entity, record_id, sent_after, payload, base)"
        " select i.realm_id, i.entity, i.record_id, coalesce(%s, r.created_at - %s), i.payload, i.base"
        "   from qbo_sync.write_intent i join qbo_sync.write_request r using (request_id)"
        "  where i.realm_id = %s and i.entity = %s and i.record_id = %s"
        " on conflict (realm_id, entity, record_id) do update set payload = excluded.payload, base = excluded.base,"
        "  answered_at = excluded.answered_at",
        [fault.sent_after, CLOCKS_DIFFER, realm_id, key.entity, key.id],
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
    form that nobody can read. Records without such a create cost no request.

    What the LMS has deleted since is not looked for: most such faults are true refusals, and what is there may be the
    bookkeeper's, entered in its place.
    """
    asked = [record for record in records if _may_be_new(record) and record.lms and not record.known.refused_lookup]
    sent = _read_sent(connection, company.realm_id, sync, asked)
    if not sent:
        return
    asked = [record for record in asked if record.record_id in sent]
    now = _would_be_sent(connection, company, sync, asked)
    bodies = [one.payload for one in sent.values() if one.payload]
    free, unclear = free_candidates(connection, client, sync, [*bodies, *now.values()])
    for record in asked:
        earlier = sent[record.record_id]
        made = made_from(free, sync, earlier.payload, earlier.after)
        if made:
            record.known.unconfirmed = qbo_record.version(free.pop(made))
            record.known.unconfirmed_base = earlier.base
    for record in asked:
        if record.known.unconfirmed:
            continue
        # QuickBooks may show it otherwise than it was sent: its customer was merged into another.
        made = made_from(free, sync, now.get(record.record_id), sent[record.record_id].after)
        if made:
            record.known.unconfirmed = qbo_record.version(free.pop(made))
    for record in asked:
        if record.known.unconfirmed:
            continue
        earlier = sent[record.record_id]
        made = changed_from(free, sync, earlier.payload, earlier.after, earlier.answered_at + CLOCKS_DIFFER)
        if made:
            record.known.unconfirmed = qbo_record.version(free.pop(made))
            record.known.unconfirmed_base = earlier.base
        else:
            record.known.unclear = unclear


def _may_be_new(record: StagedRecord[Any, Any, Any, Any]) -> bool:
    """Unlinked; or a credit's application, which is made anew while the link stands to the one that is gone."""
    return record.link is None or record.entity == "credit_application"


def free_candidates(
    connection: psycopg.Connection,
    client: QboClient,
    sync: ToQuickBooks[Any, Any, Any, Any],
    bodies: Sequence[Json],
) -> tuple[dict[str, Json], Json | None]:
    """QuickBooks' records that creates with these bodies may have made and that are linked to nothing, by id. And why
    nobody can tell whether there are more: a malformed record, unless it is another's."""
    with client.noting_what_is_left_out() as left_out:
        found = sync.find_candidates(client, bodies)
    candidates = {qbo_record.version(one).qbo_id: one for one in found}
    ids = [*candidates, *(one.qbo_id for one in left_out if one.qbo_id)]
    taken = links.linked_ids(connection, client.realm_id, sync.same_resource, ids)
    unclear = next((malformed(one.wrong).as_detail() for one in left_out if one.qbo_id not in taken), None)
    return {qbo_id: one for qbo_id, one in candidates.items() if qbo_id not in taken}, unclear


def changed_from(
    free: Mapping[str, Json],
    sync: ToQuickBooks[Any, Any, Any, Any],
    body: Json | None,
    after: datetime,
    until: datetime,
) -> str | None:
    """As `made_from`, of those that were made in that time and that somebody has changed since: an invoice that a
    payment pays was deleted, say. For bodies of which nothing else was made."""
    if body is None:
        return None
    return next(
        (
            qbo_id
            for qbo_id, one in free.items()
            if qbo_record.is_changed(one)
            and after <= qbo_record.created_at(one) <= until
            and sync.may_be_made_from(one, body)
        ),
        None,
    )


def made_from(
    free: Mapping[str, Json], sync: ToQuickBooks[Any, Any, Any, Any], body: Json | None, since: datetime | None
) -> str | None:
    """The id of the first of QuickBooks' records, by id, that was made from this body and not before. One that nobody
    has changed since goes first: another may be like it only by now."""
    if body is None:
        return None
    return next(
        (
            qbo_id
            for qbo_id, one in sorted(free.items(), key=lambda item: qbo_record.is_changed(item[1]))
            if (since is None or qbo_record.created_at(one) >= since) and sync.is_made_from(one, body)
        ),
        None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    """An earlier create."""

    after: datetime
    #: With the fault, the last time.
    answered_at: datetime
    #: The rest is None if nobody knows it.
    payload: Json | None
    base: Json | None


def _read_sent(
    connection: psycopg.Connection,
    realm_id: str,
    sync: ToQuickBooks[Any, Any, Any, Any],
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
) -> dict[str, _Sent]:
    rows = connection.execute(
        "select record_id, sent_after, answered_at, payload, base from qbo_sync.unconfirmed_create"
        " where realm_id = %s and entity = %s and record_id = any(%s)",
        [realm_id, sync.entity, [record.record_id for record in records]],
    )
    return {
        record_id: _Sent(after=after, answered_at=answered_at, payload=payload, base=base)
        if links.readable_base(sync.entity, record_id, base)
        else _Sent(after=after, answered_at=answered_at, payload=None, base=None)
        for record_id, after, answered_at, payload, base in rows
    }


def _would_be_sent(
    connection: psycopg.Connection,
    company: Company,
    sync: ToQuickBooks[Any, Any, Any, Any],
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
) -> dict[str, Json]:
    """The bodies with which the records would be created now: those of which nothing is missing, by the LMS's id."""
    plans = [(record, sync.plan(record, settings_for(company, record, sync.lab_of(record)))) for record in records]
    needed = {key for _, plan in plans if plan.target for key in sync.references(plan.target)}
    ids = links.qbo_ids(connection, company.realm_id, needed)
    return {
        record.record_id: sync.body(record, plan, ids, company)
        for record, plan in plans
        if plan.step in ("create", "adopt") and plan.target and all(key in ids for key in sync.references(plan.target))
    }
