"""Change capture: reads what changed in a QuickBooks company, and marks the invoices and payments to sync.

One question for all entities together, with QuickBooks' own clock as the cursor. It only marks: what to do is decided
from the current state of both sides. Everything of one capture is committed together, so that one which dies leaves
no trace.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg

from include.company.company import Company, read_company, read_settings, store_preferences
from include.company.runtime import Runtime
from include.lms.database import exclusive
from include.model.problem import PREFERENCES
from include.model.settings import ConnectionSettings
from include.qbo import cdc
from include.qbo.cdc import Changes, Sighting
from include.qbo.client import QboClient
from include.qbo.errors import RequestRefused
from include.sync import captured, errors, marks, webhook_events

log = logging.getLogger(__name__)

#: The transactions, and what an error may be about beside them.
RESOURCES = ("Customer", "Vendor", "Employee", "Item", "Account", "Invoice", "CreditMemo", "Payment", "Deposit")

#: The transactions that sync to the LMS, and their entities there.
TRANSACTIONS = {"Invoice": "invoice", "Payment": "payment"}

#: QuickBooks may show a change only after some seconds, so each question begins before the last answer.
OVERLAP = timedelta(minutes=3)

#: QuickBooks looks back 30 days (fact 5); a little less, for the clocks need not agree.
LOOK_BACK = timedelta(days=29, hours=12)

#: Of a resource: the ids of those that we know, and whether they were seen deleted.
Known = Callable[[str], dict[str, bool]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cursor:
    changed_since: datetime
    compare_asked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What one capture found."""

    time: datetime
    sightings: Sequence[Sighting]
    #: Everything was compared: what was seen before and skipped is marked again, too.
    everything: bool = False
    #: Something of which not even the id can be read was among it: the same is asked again the next time.
    unclear: bool = False
    #: Before change data capture was asked, if all is what it answered to one question.
    asked_at: datetime | None = None


def capture(
    runtime: Runtime,
    realm_id: str,
    *,
    dry_run: bool = False,
    answer: Changes | None = None,
    answered_after: datetime | None = None,
    reported_at: datetime | None = None,
) -> dict[str, int]:
    """Mark what changed since the last capture: {seen, marked}. The first one, or one after a gap, compares all.

    `dry_run`: it is counted, nothing is marked, and the next capture finds it again. `answer`: what the company has
    just said to that question, so that it is not asked again, with a moment before it was (`answered_after`);
    `reported_at`: the webhook event that was there then.
    """
    with (
        runtime.connect() as connection,
        exclusive(connection, realm_id, "capture"),
        runtime.client(realm_id) as client,
    ):
        company = read_company(connection, realm_id)
        cursor = _read_cursor(connection, realm_id)
        received_at = reported_at if answer else webhook_events.uncaptured(connection, realm_id)
        asked_at = captured.moment(connection)
        closing_date_matters = errors.has_cause(connection, realm_id, PREFERENCES)
        connection.commit()
        if closing_date_matters and not dry_run:
            _reread_preferences(connection, client)
        known = partial(_known_ids, connection, realm_id)
        if answer and not answer.perhaps_cut and cursor and not cursor.compare_asked_at:
            found = _Found(time=answer.time, sightings=answer.sightings, asked_at=answered_after)
        elif cursor is None or cursor.compare_asked_at:
            found = _compare_everything(client, company, known)
        else:
            found = _changes(client, company, known, cursor.changed_since, asked_at)
        return _keep(connection, company, cursor, found, received_at, dry_run=dry_run)


def _reread_preferences(connection: psycopg.Connection, client: QboClient) -> None:
    """Change data capture does not show them (fact 5). A trigger retries what they end."""
    try:
        found = client.preferences()
    except RequestRefused as refusal:
        # What depends on them waits; the changes of the company do not.
        log.warning("company %s does not show its preferences: %s", client.realm_id, refusal)
        return
    store_preferences(connection, client.realm_id, found)
    connection.commit()


def _read_cursor(connection: psycopg.Connection, realm_id: str) -> _Cursor | None:
    row = connection.execute(
        "select changed_since, compare_asked_at from qbo_sync.qbo_cursor where realm_id = %s", [realm_id]
    ).fetchone()
    return _Cursor(changed_since=row[0], compare_asked_at=row[1]) if row else None


def _known_ids(connection: psycopg.Connection, realm_id: str, resource: str) -> dict[str, bool]:
    """The ids that are linked or have an error, because no query lists what was deleted (trap 20), and whether they
    were seen deleted before; commits.

    Read only when it is needed: a company may have many, and mostly change data capture tells all.
    """
    rows = connection.execute(
        "with known as ("
        "select qbo_id from qbo_sync.entity_link where realm_id = %(realm)s and entity = %(entity)s"
        # A credit's applications are a payment in QuickBooks.
        " union select qbo_id from qbo_sync.credit_application_link where realm_id = %(realm)s"
        "   and %(entity)s = 'payment'"
        " union select record_id from qbo_sync.sync_error where realm_id = %(realm)s"
        "   and record_entity = %(entity)s and direction = 'qbo_to_lms' and status in ('open', 'ignored')"
        # The question whether many may be deleted (rule 8.9) names no record of QuickBooks'.
        "   and error_code <> 'mass_delete_held'"
        ") select k.qbo_id, s.qbo_id is not null from known k left join qbo_sync.qbo_seen s"
        "      on s.realm_id = %(realm)s and s.resource = %(resource)s and s.qbo_id = k.qbo_id"
        "     and s.sync_token is null",
        {"realm": realm_id, "entity": TRANSACTIONS[resource], "resource": resource},
    )
    known: dict[str, bool] = dict(rows.fetchall())
    connection.commit()
    return known


# -------------------------------------------------------------------------------------------- asking QuickBooks


def _changes(client: QboClient, company: Company, known: Known, since: datetime, asked_at: datetime) -> _Found:
    """What changed since the cursor; resource by resource where the answer may have been cut."""
    try:
        together = cdc.changes(client, RESOURCES, since)
    except RequestRefused:
        # Not recognized by the text of the fault, which is undocumented (trap 25).
        if cdc.instant(client.server_time()) - since < LOOK_BACK:
            raise
        log.warning("company %s was last read %s: comparing everything", client.realm_id, since)
        return _compare_everything(client, company, known)
    if not together.perhaps_cut:
        return _Found(time=together.time, sightings=together.sightings, asked_at=asked_at)
    sightings: list[Sighting] = []
    unclear = together.unclear
    for resource in RESOURCES:
        alone = cdc.changes(client, [resource], since)
        sightings += alone.sightings
        unclear |= alone.unclear
        if alone.perhaps_cut:
            live = cdc.changed_since(client, resource, since, together.time)
            sightings += live.sightings
            unclear |= live.unclear
            seen = {sighting.qbo_id for sighting in [*live.sightings, *alone.sightings]}
            if resource in TRANSACTIONS:
                sightings += _the_others(client, resource, known, seen, together.time)
    # The time of the first answer: what changed while the others were read comes again.
    return _Found(time=together.time, sightings=sightings, unclear=unclear)


def _compare_everything(client: QboClient, company: Company, known: Known) -> _Found:
    """All transactions since the labs' start dates, and the linked ones that QuickBooks no longer has."""
    time = cdc.instant(client.server_time())
    sightings: list[Sighting] = []
    unclear = False
    for resource in TRANSACTIONS:
        live = cdc.all_transactions(client, resource, _dated_from(company.settings), time)
        sightings += live.sightings
        unclear |= live.unclear
        # Some of those that the list leaves out are dated otherwise in the LMS.
        seen = {sighting.qbo_id for sighting in live.sightings}
        sightings += _the_others(client, resource, known, seen, time)
    # Ours may have been given to another customer meanwhile.
    sightings += cdc.all_transactions(client, "CreditMemo", _dated_from(company.settings), time).sightings
    return _Found(time=time, sightings=sightings, everything=True, unclear=unclear)


def _the_others(
    client: QboClient, resource: str, known: Known, seen: Collection[str], time: datetime
) -> list[Sighting]:
    """Those that we know and that the answers do not show: as they are, or deleted."""
    others = {qbo_id: gone for qbo_id, gone in known(resource).items() if qbo_id not in seen}
    return cdc.by_id(client, resource, others, [qbo_id for qbo_id, gone in others.items() if gone], time)


def _dated_from(labs: Mapping[int, ConnectionSettings]) -> date | None:
    """The earliest start date, if every lab has one."""
    dates = [settings.sync_start_date for settings in labs.values()]
    return min((day for day in dates if day), default=None) if all(dates) else None


# -------------------------------------------------------------------------------------------- keeping it

_NEW_VERSIONS = Path(__file__).with_name("find_new_versions.sql").read_bytes()

_REMEMBER = """
    insert into qbo_sync.qbo_seen (realm_id, resource, qbo_id, sync_token, last_updated)
    select %(realm)s, resource, qbo_id, sync_token, last_updated from new_version
    on conflict (realm_id, resource, qbo_id) do update
       set sync_token = excluded.sync_token, last_updated = excluded.last_updated
"""

_MARK = Path(__file__).with_name("mark_new_versions.sql").read_bytes()

_MARK_CREDITS = Path(__file__).with_name("mark_credits.sql").read_bytes()

_RETRY = Path(__file__).with_name("retry_after_changes.sql").read_bytes()


def _next_question(cursor: _Cursor | None, found: _Found) -> datetime:
    """Since when the next capture asks."""
    if not found.unclear:
        return found.time - OVERLAP
    log.warning("something that changed in QuickBooks cannot be told from its answer: it is asked again")
    return cursor.changed_since if cursor else found.time - LOOK_BACK


def _start_was_moved(connection: psycopg.Connection, company: Company, found: _Found) -> bool:
    """Whether everything was compared since another start date than the labs have by now."""
    if not found.everything:
        return False
    return _dated_from(read_settings(connection, company.realm_id)) != _dated_from(company.settings)


def _keep(
    connection: psycopg.Connection,
    company: Company,
    cursor: _Cursor | None,
    found: _Found,
    received_at: datetime | None,
    *,
    dry_run: bool,
) -> dict[str, int]:
    """Sightings, marks, retries, cursor and the webhook event, in one transaction, which a dry run rolls back."""
    realm_id = company.realm_id
    # The first capture of a company has missed nothing.
    gap = found.everything and cursor is not None
    values = {
        "realm": realm_id,
        "everything": found.everything,
        "gap": gap,
        "resources": [sighting.resource for sighting in found.sightings],
        "ids": [sighting.qbo_id for sighting in found.sightings],
        "tokens": [sighting.sync_token for sighting in found.sightings],
        "moments": [sighting.last_updated for sighting in found.sightings],
        "transactions": list(TRANSACTIONS),
        "entities": list(TRANSACTIONS.values()),
    }
    with connection.transaction(force_rollback=dry_run):
        marks.lock_alone(connection)
        seen = connection.execute(_NEW_VERSIONS, values).rowcount
        marked = 0
        if seen:
            connection.execute("analyze new_version")
            connection.execute(_REMEMBER, values)
            marked = connection.execute(_MARK, values).rowcount
            connection.execute(_MARK_CREDITS, values)
            if found.asked_at:
                # After the marks: whoever marks later wants to see what is there then.
                captured.keep(connection, realm_id, found.sightings, found.asked_at)
        captured.prune(connection)
        if seen or gap:
            connection.execute(_RETRY, values)
        if errors.retry_unseen(connection, [realm_id]) or seen:
            connection.execute("select pg_notify('qbo_sync', '')")
        connection.execute(
            # A comparison that was requested meanwhile is still to come. So is one since a start date that was not
            # known when this one began: until the first capture of a company ends, no row takes a request.
            "insert into qbo_sync.qbo_cursor as c (realm_id, changed_since, compare_asked_at)"
            " values (%(realm)s, %(since)s, %(too_late)s::timestamptz)"
            " on conflict (realm_id) do update set changed_since = excluded.changed_since,"
            "   captured_at = clock_timestamp(), compare_asked_at ="
            "   coalesce(excluded.compare_asked_at, nullif(c.compare_asked_at, %(answered)s::timestamptz))",
            {
                "realm": realm_id,
                "since": _next_question(cursor, found),
                "too_late": captured.moment(connection) if _start_was_moved(connection, company, found) else None,
                "answered": cursor.compare_asked_at if cursor and found.everything and not found.unclear else None,
            },
        )
        webhook_events.mark_captured(connection, {realm_id: received_at})
    return {"seen": seen, "marked": marked}
