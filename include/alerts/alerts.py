"""Finding what is worth an alert, and keeping it in qbo_sync.alert until it is over."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg.rows import class_row, dict_row

from include.alerts.causes import FAILING, LATE, OLD_ERROR, QUOTA_SHARE, Alert, Fact, alert
from include.model.polling import month_around
from include.sync.flows import FLOWS
from include.sync.quota import read_quota

_FACTS = Path(__file__).with_name("facts.sql").read_bytes()


def look(
    connection: psycopg.Connection, base_url: str, monthly_calls: int, is_running: Callable[[str, str], bool]
) -> None:
    """Work out what is worth an alert now, and keep it; commits. `is_running`: whether a run (DAG id, run id) of which
    somebody said that it is slow still runs."""
    facts = [*_of_tables(connection), *_quota(connection, monthly_calls), *_slow(connection, is_running)]
    keep(connection, [alert(fact, base_url) for fact in facts])
    _end_others(connection, facts)
    connection.commit()


def keep(connection: psycopg.Connection, alerts: Sequence[Alert]) -> None:
    """Open alerts, or bring the words of open ones up to date, in the caller's transaction."""
    connection.cursor().executemany(
        "insert into qbo_sync.alert as a (kind, realm_id, subject, since, title, message, over_message)"
        " values (%s, %s, %s, %s, %s, %s, %s)"
        " on conflict (kind, realm_id, subject) where over_at is null"
        " do update set title = excluded.title, message = excluded.message, over_message = excluded.over_message"
        "  where (a.title, a.message) is distinct from (excluded.title, excluded.message)",
        [(one.kind, one.realm_id, one.subject, one.since, one.title, one.message, one.over) for one in alerts],
    )


def _end_others(connection: psycopg.Connection, facts: Sequence[Fact]) -> None:
    connection.execute(
        "update qbo_sync.alert a set over_at = clock_timestamp()"
        " where over_at is null"
        "   and not exists (select 1 from unnest(%s::text[], %s::text[], %s::text[]) f (kind, realm_id, subject)"
        "                    where f.kind = a.kind and f.realm_id is not distinct from a.realm_id"
        "                      and f.subject = a.subject)",
        [[one.kind for one in facts], [one.realm_id for one in facts], [one.subject for one in facts]],
    )


def _of_tables(connection: psycopg.Connection) -> list[Fact]:
    moves = [(dag_id, flow.direction, entity) for dag_id, flow in FLOWS.items() for entity in flow.names]
    with connection.cursor(row_factory=class_row(Fact)) as cursor:
        return cursor.execute(
            _FACTS,
            {
                "dags": [dag_id for dag_id, _, _ in moves],
                "directions": [direction for _, direction, _ in moves],
                "entities": [entity for _, _, entity in moves],
                "old_error": OLD_ERROR,
                "failing": FAILING,
                "late": LATE,
            },
        ).fetchall()


def _quota(connection: psycopg.Connection, monthly_calls: int) -> list[Fact]:
    now = _now(connection)
    quota = read_quota(connection, monthly_calls, now)
    if quota.used < quota.calls * QUOTA_SHARE:
        return []
    first, _ = month_around(now)
    return [Fact(kind="quota", since=now, subject=f"{first:%Y-%m}", count=quota.used, total=quota.calls)]


def _slow(connection: psycopg.Connection, is_running: Callable[[str, str], bool]) -> list[Fact]:
    """Airflow reports slow runs itself (deadlines); here they end."""
    with connection.cursor(row_factory=dict_row) as cursor:
        known = cursor.execute(
            "select subject, since from qbo_sync.alert where kind = 'slow_run' and over_at is null"
        ).fetchall()
    return [
        Fact(kind="slow_run", subject=one["subject"], since=one["since"])
        for one in known
        if is_running(*one["subject"].split("/", 1))
    ]


def _now(connection: psycopg.Connection) -> datetime:
    row = connection.execute("select clock_timestamp()").fetchone()
    if row is None:
        raise LookupError("the database tells no time")
    return row[0]
