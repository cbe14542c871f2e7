"""What synced, when, how quickly, and at the cost of how many calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from include.model.polling import Pace, PollSettings, month_around
from include.page.database import Row, row, rows
from include.sync.poll_state import read_plan

_PER_ENTITY = Path(__file__).with_name("synced_per_entity.sql").read_text()
_OVER_TIME = Path(__file__).with_name("synced_over_time.sql").read_text()
_API_CALLS = Path(__file__).with_name("api_calls.sql").read_text()

_WINDOWS: dict[str, tuple[str, timedelta, int]] = {
    "day": ("hour", timedelta(hours=1), 24),
    "week": ("day", timedelta(days=1), 7),
}


def per_entity(connection: psycopg.Connection, lab: int | None) -> list[Row]:
    """Per lab, entity and direction: synced and failed records of the last day and week, and the lag."""
    return rows(
        connection,
        _PER_ENTITY,
        {"lab": lab},
    )


def over_time(connection: psycopg.Connection, lab: int | None, window: str) -> list[Row]:
    """Synced and failed records in each hour of the last day, or each day of the last week, oldest first."""
    unit, step, count = _WINDOWS[window]
    return rows(
        connection,
        _OVER_TIME,
        {"lab": lab, "unit": unit, "step": step, "back": step * (count - 1)},
    )


def in_line(connection: psycopg.Connection, lab: int | None) -> Row:
    """What is due now and what is held back (by a setting, a date, or a record that must come first)."""
    found: Any = row(
        connection,
        "select count(*) filter (where d.record_id is not null) as due,"
        "       count(*) filter (where d.record_id is null) as held,"
        "       extract(epoch from now() - min(m.marked_at) filter (where d.record_id is not null)) as oldest"
        "  from qbo_sync.change_mark m"
        "  left join qbo_sync.due_mark d using (realm_id, direction, entity, record_id)"
        " where %(lab)s::bigint is null or m.billing_lab_id = %(lab)s or (m.billing_lab_id is null"
        "   and m.realm_id = (select n.realm_id from qbo_sync.connection n where n.billing_lab_id = %(lab)s))",
        {"lab": lab},
    )
    return dict(found)


def api_calls(connection: psycopg.Connection, lab: int | None) -> list[Row]:
    """Per company: requests of the last day and of this month, those that count, refusals, and how long they took."""
    return rows(
        connection,
        _API_CALLS,
        {"lab": lab},
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Metered:
    """The month's metered calls of all companies: the quota belongs to the app."""

    used: int
    quota: int
    #: What they were used for.
    polls: int
    proofs: int
    others: int
    #: By the end of the month, as things are.
    forecast: int
    #: The last day of the month (UTC).
    until: date
    #: How many times more rarely companies are asked than they would be with calls enough.
    factor: float
    #: realm_id → the pause between two polls, and what it goes by.
    pauses: Mapping[str, tuple[timedelta, Pace]]

    @property
    def percent(self) -> float:
        """Of the quota, 100 at most."""
        return min(100.0, 100 * self.used / self.quota) if self.quota else 100.0


def metered_this_month(connection: psycopg.Connection, settings: PollSettings) -> Metered:
    """What is used, and how often companies are asked so that it lasts."""
    now = datetime.now(UTC)
    plan = read_plan(connection, settings, now)
    quota = plan.quota
    return Metered(
        used=quota.used,
        quota=quota.calls,
        polls=quota.polls,
        proofs=quota.proofs,
        others=quota.used - quota.polls - quota.proofs,
        forecast=quota.forecast([pause for pause, _ in plan.pauses.values()]),
        until=month_around(now)[1].date() - timedelta(days=1),
        factor=plan.factor,
        pauses=plan.pauses,
    )


def last_runs(connection: psycopg.Connection, lab: int | None, limit: int = 20) -> list[Row]:
    """The last runs that had something to do, newest first."""
    return rows(
        connection,
        "select r.*, c.name as company from qbo_sync.sync_run r left join qbo_sync.company c using (realm_id)"
        " where r.extracted > 0 and (%(lab)s::bigint is null"
        "   or r.realm_id = (select n.realm_id from qbo_sync.connection n where n.billing_lab_id = %(lab)s))"
        " order by r.finished_at desc limit %(limit)s",
        {"lab": lab, "limit": limit},
    )
