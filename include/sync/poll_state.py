"""Which companies are due for a poll, when each is next, and which are left to a task of their own (qbo_sync.poll).

The rule itself is pure: include/model/polling.py.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg.rows import class_row

from include.company.runtime import Run
from include.model import polling
from include.model.polling import Habits, Pace, PollSettings, Quota
from include.model.problem import PREFERENCES
from include.sync import quota

_DUE = Path(__file__).with_name("companies_to_poll.sql").read_bytes()

#: So long after it failed or was slow, a company is asked by a task of its own.
_APART = timedelta(minutes=15)

#: Between workers.
_CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class DueCompany:
    """A company that is to be asked now."""

    realm_id: str
    name: str
    access_token_encrypted: bytes | None
    access_token_expires_at: datetime | None
    #: The question: what changed since then. None: it was never asked.
    changed_since: datetime | None
    #: The webhook event that no capture has answered.
    reported_at: datetime | None
    #: Everything has to be compared.
    as_a_whole: bool
    #: It failed, or was slow, a short time ago.
    failed: bool
    #: This run has left it to a task of its own already, and its poll died before it could say so.
    left_before: bool
    #: An error waits for a change of the company's preferences.
    preferences_matter: bool


def companies_due(
    connection: psycopg.Connection,
    settings: PollSettings,
    run: Run,
    realm_id: str | None = None,
    *,
    by_hand: bool = False,
    reported_only: bool = False,
) -> list[DueCompany]:
    """The connected companies (the one asked for) that are due; `by_hand`: due or not; `reported_only`: those with a
    webhook event that no capture has answered. Several labs on one company: it is asked once."""
    with connection.cursor(row_factory=class_row(DueCompany)) as cursor:
        return cursor.execute(
            _DUE,
            {
                "realm": realm_id,
                "run": run.name,
                "by_hand": by_hand,
                "reported_only": reported_only,
                "preferences": PREFERENCES,
                "early": polling.early(settings.base),
                "longest_rest": polling.LONGEST_REST,
                "now": datetime.now(UTC) + _CLOCKS_DIFFER,
            },
        ).fetchall()


def leave_to_own_tasks(connection: psycopg.Connection, run: Run, realm_ids: Sequence[str], *, failed: bool) -> None:
    """No poll but one of this run asks them while their own tasks do. `failed`: own tasks ask them for a while from now
    on."""
    connection.execute(
        "insert into qbo_sync.poll as p (realm_id, rests_until, apart_until, left_by)"
        " select realm_id, clock_timestamp() + %s, case when %s then clock_timestamp() + %s end, %s"
        "   from unnest(%s::text[]) realm_id order by realm_id"
        " on conflict (realm_id) do update set rests_until = excluded.rests_until, left_by = excluded.left_by,"
        "   apart_until = coalesce(excluded.apart_until, p.apart_until)",
        # If the task dies with its worker, it is asked again then.
        [polling.LONGEST_REST, failed, _APART, run.name, list(realm_ids)],
    )


def note_failure(connection: psycopg.Connection, realm_id: str, *, apart: bool) -> None:
    """The company has failed once more: it rests, and longer each time. `apart`: then its own task asks it again."""
    row = connection.execute(
        "insert into qbo_sync.poll as p (realm_id, failures) values (%s, 1)"
        " on conflict (realm_id) do update set failures = p.failures + 1 returning failures",
        [realm_id],
    ).fetchone()
    connection.execute(
        "update qbo_sync.poll set rests_until = clock_timestamp() + %s, left_by = null,"
        "   apart_until = case when %s then clock_timestamp() + %s else apart_until end where realm_id = %s",
        [polling.rest(row[0] if row else 1), apart, _APART, realm_id],
    )


def let_go(connection: psycopg.Connection, realm_id: str) -> None:
    """Its own task is over and says nothing of how QuickBooks answers: access is lost or was given up."""
    connection.execute("update qbo_sync.poll set rests_until = null, left_by = null where realm_id = %s", [realm_id])


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How often the connected companies are asked at present."""

    quota: Quota
    #: By how much all pauses are stretched so that the quota lasts: 1 or more.
    factor: float
    #: realm_id → the pause between two polls as stretched, and what it goes by.
    pauses: Mapping[str, tuple[timedelta, Pace]]


def read_plan(connection: psycopg.Connection, settings: PollSettings, now: datetime) -> Plan:
    """How often each company is asked at present."""
    habits = {realm_id: known for realm_id, _, known in _connected(connection)}
    return _plan(settings, habits, quota.read_quota(connection, settings.monthly_calls, now), now)


def plan_next(
    connection: psycopg.Connection,
    settings: PollSettings,
    asked: Collection[str],
    *,
    changed: Collection[str] = (),
    surprised: Collection[str] = (),
) -> None:
    """When each of the companies that were `asked`, and answered, is asked again: by what is known of its changes, and
    so that the month's quota lasts. `changed`: those where a change was found, `surprised`: one that no webhook had
    reported. In the caller's transaction."""
    if not asked:
        return
    now = datetime.now(UTC)
    quota.count_on(connection, now)
    due_at: dict[str, datetime | None] = {}
    habits: dict[str, Habits] = {}
    for realm_id, due, known in _connected(connection):
        due_at[realm_id] = due
        habits[realm_id] = replace(
            known,
            changed_at=now if realm_id in changed else known.changed_at,
            surprised_at=now if realm_id in surprised else known.surprised_at,
        )
    plan = _plan(settings, habits, quota.read_quota(connection, settings.monthly_calls, now), now)
    planned = sorted(realm_id for realm_id in asked if realm_id in habits)
    connection.execute(
        "insert into qbo_sync.poll as p (realm_id, poll_after, changed_at, surprised_at, polled_at)"
        " select realm_id, poll_after, changed_at, surprised_at, %s"
        "   from unnest(%s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])"
        "        as n (realm_id, poll_after, changed_at, surprised_at)"
        # Of two polls at once, what the other one found is not forgotten.
        " on conflict (realm_id) do update set poll_after = excluded.poll_after,"
        "   changed_at = greatest(p.changed_at, excluded.changed_at),"
        "   surprised_at = greatest(p.surprised_at, excluded.surprised_at), polled_at = excluded.polled_at,"
        "   failures = 0, rests_until = null, left_by = null",
        [
            now,
            planned,
            [polling.next_poll(due_at[one], now, plan.pauses[one][0], settings.base) for one in planned],
            [habits[one].changed_at for one in planned],
            [habits[one].surprised_at for one in planned],
        ],
    )


def _connected(connection: psycopg.Connection) -> list[tuple[str, datetime | None, Habits]]:
    """Of each connected company: realm_id, when it was to be asked, and what is known of its changes."""
    rows = connection.execute(
        "select c.realm_id, p.poll_after, p.changed_at, p.surprised_at, w.captured_at from qbo_sync.company c"
        "  left join qbo_sync.poll p using (realm_id) left join qbo_sync.webhook_event w using (realm_id)"
        " where c.status = 'connected' and exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id)"
    )
    return [
        (realm_id, due_at, Habits(changed_at=changed_at, surprised_at=surprised_at, reported_at=reported_at))
        for realm_id, due_at, changed_at, surprised_at, reported_at in rows
    ]


def _plan(settings: PollSettings, habits: Mapping[str, Habits], of_month: Quota, now: datetime) -> Plan:
    wanted = {realm_id: polling.wanted(settings, known, now) for realm_id, known in habits.items()}
    factor = polling.stretch([pause for pause, _ in wanted.values()], of_month)
    pauses = {realm_id: (polling.stretched(pause, factor), pace) for realm_id, (pause, pace) in wanted.items()}
    return Plan(quota=of_month, factor=factor, pauses=pauses)
