"""Notices what changed in a QuickBooks company, and marks the invoices and payments that have to be looked at.

One question for all entities together, with QuickBooks' own clock as the cursor. It only marks: what to do is decided
from the present state of both sides. Everything of one capture is committed together, so that one which dies is as if
it had never been.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.company.company import Company, read_company, require_known
from include.company.runtime import Runtime
from include.lms.database import exclusive
from include.qbo import cdc
from include.qbo.cdc import Sighting
from include.qbo.client import QboClient
from include.qbo.errors import RequestRefused
from include.sync import marks
from include.sync.inbound import notices

log = logging.getLogger(__name__)

RESOURCES = ("Customer", "Vendor", "Employee", "Item", "Invoice", "CreditMemo", "Payment")

#: The transactions that flow to the LMS, and what they are called there.
TRANSACTIONS = {"Invoice": "invoice", "Payment": "payment"}

#: QuickBooks may show a change only after some seconds, so each question begins before the last answer.
OVERLAP = timedelta(minutes=3)

#: QuickBooks looks back 30 days (dossier 5); a little less, for the clocks need not agree.
LOOK_BACK = timedelta(days=29, hours=12)

#: Errors whose cause may be gone when a customer, vendor, employee or item has changed.
_NAME_ERRORS = ("name_taken", "qbo_6240", "inactive_reference")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cursor:
    changed_since: datetime
    compare_asked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What one capture has seen."""

    time: datetime
    sightings: Sequence[Sighting]
    #: Everything was compared: also what was seen before and left alone is looked at again.
    everything: bool = False


def companies(runtime: Runtime, realm_id: str | None, *, told_only: bool = False) -> list[dict[str, Any]]:
    """The connected companies: [{realm_id, name}]. Several labs on one company: it is read once.

    `told_only`: those of which QuickBooks has told by webhook that they changed, and that were not read since.
    Raises UnknownCompany.
    """
    with runtime.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        require_known(connection, realm_id)
        return cursor.execute(
            "select realm_id, name from qbo_sync.company c where status = 'connected'"
            "   and (%(realm)s::text is null or realm_id = %(realm)s)"
            "   and exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id)"
            "   and (not %(told_only)s or exists (select 1 from qbo_sync.webhook_notice w"
            "         where w.realm_id = c.realm_id and w.told_at is distinct from w.answered_at))"
            " order by realm_id",
            {"realm": realm_id, "told_only": told_only},
        ).fetchall()


def capture(runtime: Runtime, realm_id: str) -> dict[str, int]:
    """Mark what changed since the last capture: {seen, marked}. The first one, or one after a gap, compares all."""
    with (
        runtime.connect() as connection,
        exclusive(connection, realm_id, "capture"),
        runtime.client(realm_id) as client,
    ):
        company = read_company(connection, realm_id)
        cursor = _read_cursor(connection, realm_id)
        known = _known_ids(connection, realm_id)
        told_at = notices.unanswered(connection, realm_id)
        connection.commit()
        if cursor is None or cursor.compare_asked_at:
            found = _compare_everything(client, company, known)
        else:
            found = _changes(client, company, known, cursor.changed_since)
        return _keep(connection, realm_id, cursor, found, told_at)


def _read_cursor(connection: psycopg.Connection, realm_id: str) -> _Cursor | None:
    row = connection.execute(
        "select changed_since, compare_asked_at from qbo_sync.qbo_cursor where realm_id = %s", [realm_id]
    ).fetchone()
    return _Cursor(changed_since=row[0], compare_asked_at=row[1]) if row else None


def _known_ids(connection: psycopg.Connection, realm_id: str) -> dict[str, set[str]]:
    """By resource: the ids that are linked or stand in an error, for no query tells what was deleted (trap 20)."""
    known: dict[str, set[str]] = {}
    for resource, entity in TRANSACTIONS.items():
        rows = connection.execute(
            "select qbo_id from qbo_sync.entity_link where realm_id = %(realm)s and entity = %(entity)s"
            " union select record_id from qbo_sync.sync_error where realm_id = %(realm)s"
            "   and record_entity = %(entity)s and direction = 'qbo_to_lms' and status in ('open', 'ignored')",
            {"realm": realm_id, "entity": entity},
        )
        known[resource] = {qbo_id for (qbo_id,) in rows}
    return known


# -------------------------------------------------------------------------------------------- asking QuickBooks


def _changes(client: QboClient, company: Company, known: dict[str, set[str]], since: datetime) -> _Found:
    """What changed since the cursor; by halves where an answer may have been cut."""
    try:
        together = cdc.changes(client, RESOURCES, since)
    except RequestRefused:
        # Not by the words of the fault: nobody has documented them (trap 25).
        if cdc.instant(client.server_time()) - since < LOOK_BACK:
            raise
        log.warning("company %s was last read %s: comparing everything", client.realm_id, since)
        return _compare_everything(client, company, known)
    if not together.perhaps_cut:
        return _Found(time=together.time, sightings=together.sightings)
    sightings: list[Sighting] = []
    for resource in RESOURCES:
        alone = cdc.changes(client, [resource], since)
        sightings += alone.sightings
        if alone.perhaps_cut:
            live = list(cdc.changed_since(client, resource, since))
            sightings += live
            seen = {sighting.qbo_id for sighting in [*live, *alone.sightings]}
            sightings += _gone(client, resource, known.get(resource, set()) - seen, together.time)
    # The time of the first answer: what changed while the others were asked for comes again.
    return _Found(time=together.time, sightings=sightings)


def _compare_everything(client: QboClient, company: Company, known: dict[str, set[str]]) -> _Found:
    """All transactions that the labs' start dates leave, and those of ours that are not there any more."""
    time = cdc.instant(client.server_time())
    sightings: list[Sighting] = []
    for resource in TRANSACTIONS:
        live = list(cdc.all_transactions(client, resource, _dated_from(company)))
        sightings += live
        unseen = known[resource] - {sighting.qbo_id for sighting in live}
        sightings += _gone(client, resource, unseen, time)
    return _Found(time=time, sightings=sightings, everything=True)


def _dated_from(company: Company) -> date | None:
    """The earliest start date, if every lab has one."""
    dates = [settings.sync_start_date for settings in company.settings.values()]
    return min((day for day in dates if day), default=None) if all(dates) else None


def _gone(client: QboClient, resource: str, ids: Iterable[str], time: datetime) -> list[Sighting]:
    """Those of the records that QuickBooks does not have any more."""
    wanted = set(ids)
    there = {record["Id"] for record in client.find(resource, "Id", sorted(wanted))}
    return [
        Sighting(resource=resource, qbo_id=qbo_id, sync_token=None, last_updated=time)
        for qbo_id in sorted(wanted - there)
    ]


# -------------------------------------------------------------------------------------------- keeping it

#: What is new: not seen in this version before. QuickBooks has been seen to answer with an older one (trap 8).
_NEWS = """
    create temporary table news on commit drop as
    select distinct on (s.resource, s.qbo_id) s.resource, s.qbo_id, s.sync_token, s.last_updated
      from unnest(%(resources)s::text[], %(ids)s::text[], %(tokens)s::text[], %(moments)s::timestamptz[])
           as s (resource, qbo_id, sync_token, last_updated)
      left join qbo_sync.qbo_seen k on k.realm_id = %(realm)s and k.resource = s.resource and k.qbo_id = s.qbo_id
     where k.qbo_id is null or %(everything)s
        or (s.sync_token is distinct from k.sync_token and s.last_updated >= k.last_updated)
     order by s.resource, s.qbo_id, s.last_updated desc, s.sync_token is null desc, length(s.sync_token) desc,
              s.sync_token desc
"""

_REMEMBER = """
    insert into qbo_sync.qbo_seen (realm_id, resource, qbo_id, sync_token, last_updated)
    select %(realm)s, resource, qbo_id, sync_token, last_updated from news
    on conflict (realm_id, resource, qbo_id) do update
       set sync_token = excluded.sync_token, last_updated = excluded.last_updated
"""

#: No echo: a version that our own link knows is our own write. A credit's application is a payment of ours. What is
#: deleted and neither linked nor in anybody's way concerns nobody.
_MARK = """
    select qbo_sync.mark(%(realm)s, 'qbo_to_lms', c.entity, c.qbo_id, c.lab)
      from (select e.entity, n.qbo_id, coalesce(i.billing_lab_id, p.billing_lab_id) as lab
              from news n
              join unnest(%(transactions)s::text[], %(entities)s::text[]) as e (resource, entity) using (resource)
              left join qbo_sync.entity_link l on l.realm_id = %(realm)s and l.entity = e.entity
                                              and l.qbo_id = n.qbo_id
              left join lms.invoice i on e.entity = 'invoice' and i.id = l.lms_id
              left join lms.payment p on e.entity = 'payment' and p.id = l.lms_id
             where (l.qbo_id is null or l.sync_token is distinct from n.sync_token)
               and not exists (select 1 from qbo_sync.credit_application_link a
                                where e.entity = 'payment' and a.realm_id = %(realm)s and a.qbo_id = n.qbo_id)
               and (n.sync_token is not null or l.qbo_id is not null
                    or exists (select 1 from qbo_sync.change_mark m
                                where m.realm_id = %(realm)s and m.direction = 'qbo_to_lms' and m.entity = e.entity
                                  and m.record_id = n.qbo_id)
                    or exists (select 1 from qbo_sync.sync_error x
                                where x.realm_id = %(realm)s and x.direction = 'qbo_to_lms'
                                  and x.record_entity = e.entity and x.record_id = n.qbo_id
                                  and x.status in ('open', 'ignored')))
             order by e.entity, n.qbo_id) c
"""

#: Whose cause may be gone: who held a name, was inactive, had a number, or was one of two that look the same.
_RETRY = """
    update qbo_sync.sync_error e set retry_at = clock_timestamp()
     where e.realm_id = %(realm)s and e.status = 'open'
       and (e.error_code = any(%(name_errors)s)
            and exists (select 1 from news n where not n.resource = any(%(transactions)s)
                           and n.resource <> 'CreditMemo' and not exists (
                               select 1 from qbo_sync.entity_link l
                                where l.realm_id = %(realm)s and l.qbo_id = n.qbo_id
                                  and l.entity in ('billing_account', 'doctor_office', 'product')
                                  and l.sync_token = n.sync_token))
            or e.error_code = 'qbo_6140'
               and exists (select 1 from news n where n.resource = 'Invoice' and n.qbo_id = e.detail ->> 'holder_id')
            or e.error_code = 'ambiguous_match' and e.direction = 'lms_to_qbo'
               and exists (select 1 from news n where n.resource = 'Invoice' and e.detail -> 'candidates' ? n.qbo_id))
"""


def _keep(
    connection: psycopg.Connection, realm_id: str, cursor: _Cursor | None, found: _Found, told_at: datetime | None
) -> dict[str, int]:
    """Sightings, marks, retries, cursor and the answered notification, in one transaction."""
    values = {
        "realm": realm_id,
        "everything": found.everything,
        "resources": [sighting.resource for sighting in found.sightings],
        "ids": [sighting.qbo_id for sighting in found.sightings],
        "tokens": [sighting.sync_token for sighting in found.sightings],
        "moments": [sighting.last_updated for sighting in found.sightings],
        "transactions": list(TRANSACTIONS),
        "entities": list(TRANSACTIONS.values()),
        "name_errors": list(_NAME_ERRORS),
    }
    with connection.transaction():
        marks.lock_alone(connection)
        seen = connection.execute(_NEWS, values).rowcount
        marked = 0
        if seen:
            connection.execute("analyze news")
            connection.execute(_REMEMBER, values)
            marked = connection.execute(_MARK, values).rowcount
            connection.execute(_RETRY, values)
            connection.execute("select pg_notify('qbo_sync', '')")
        connection.execute(
            # A comparison that was asked for meanwhile is still to be made.
            "insert into qbo_sync.qbo_cursor as c (realm_id, changed_since) values (%(realm)s, %(since)s)"
            " on conflict (realm_id) do update set changed_since = excluded.changed_since,"
            "   captured_at = clock_timestamp(),"
            "   compare_asked_at = nullif(c.compare_asked_at, %(answered)s::timestamptz)",
            {
                "realm": realm_id,
                "since": found.time - OVERLAP,
                "answered": cursor.compare_asked_at if cursor and found.everything else None,
            },
        )
        notices.answer(connection, realm_id, told_at)
    return {"seen": seen, "marked": marked}
