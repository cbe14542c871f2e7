"""Telling people: once what is new, once what is over, and again only to whom it could not be told.

Who is told is a list of services (an address for e-mail, a Slack channel, a webhook). What each has been told is
committed after each message, so that a service which cannot be reached makes no other one hear anything twice.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.alerts.causes import KINDS, PATIENCE, message

log = logging.getLogger(__name__)


class Service(Protocol):
    """Somewhere a message can go."""

    #: Tells it from the others; no secret.
    name: str

    def send(self, title: str, text: str, *, over: bool) -> bool:
        """Whether it got there. `over`: good news."""


class NotTold(Exception):
    """Some messages could not be sent; the next run tries again."""


#: Those who know of it, and have not been told that it is over; and those who have not been told of it.
_OPEN = (
    "select id, kind, title, message as text, told, told_over from qbo_sync.alert"
    " where over_at is null and notified_at is null"
    "   and found_at <= clock_timestamp() - coalesce((%(patience)s::jsonb ->> kind)::float8, 0) * interval '1 second'"
    " order by kind, found_at, id"
)
_OVER = (
    "select id, kind, 'Over: ' || title as title, over_message as text, told, told_over from qbo_sync.alert"
    " where over_at is not null and over_notified_at is null and told <> '{}'"
    " order by kind, over_at, id"
)
_TOLD = "update qbo_sync.alert set told = array_append(told, %s) where id = any(%s)"
_TOLD_OVER = "update qbo_sync.alert set told_over = array_append(told_over, %s) where id = any(%s)"
_ALL_TOLD = "update qbo_sync.alert set notified_at = clock_timestamp() where id = any(%s)"
_ALL_TOLD_OVER = "update qbo_sync.alert set over_notified_at = clock_timestamp() where id = any(%s)"
_ALONE = "select pg_try_advisory_lock(hashtextextended('qbo_sync.alert', 0))"


def send_test(services: Callable[[], Sequence[Service]]) -> int:
    """A message to every address, so that somebody sees whether it arrives; how many got there. Raises NotTold."""
    to_whom = services()
    text = "This is a test. Alerts of Pilot’s sync with QuickBooks arrive here."
    reached = [service.send("Test of the alerts", text, over=True) for service in to_whom]
    if not all(reached):
        raise NotTold(f"{reached.count(False)} of {len(to_whom)} addresses for alerts could not be reached")
    return len(to_whom)


def deliver(connection: psycopg.Connection, services: Callable[[], Sequence[Service]]) -> int:
    """Tell what has not been told; commits. How many messages went out.

    `services` is only called if there is something to tell. Nothing configured: nothing is told, and what is open is
    told once something is. Raises NotTold if a service could not be reached; all others have been told by then.
    """
    row = connection.execute(_ALONE).fetchone()
    if row is None or not row[0]:
        log.info("another run is sending the alerts just now")
        return 0
    try:
        return _deliver(connection, services)
    finally:
        connection.rollback()
        connection.execute("select pg_advisory_unlock(hashtextextended('qbo_sync.alert', 0))")
        connection.commit()


def _deliver(connection: psycopg.Connection, services: Callable[[], Sequence[Service]]) -> int:
    fresh, over = _rows(connection, _OPEN), _rows(connection, _OVER)
    if not fresh and not over:
        return 0
    to_whom = services()
    if not to_whom:
        return 0
    sent, unreachable = 0, set()
    for service in to_whom:
        for is_over, batch in [*((False, one) for one in _by_kind(fresh)), *((True, one) for one in _by_kind(over))]:
            rows = [one for one in batch if _is_for(service, one, is_over=is_over)]
            if not rows:
                continue
            title, text = message([(one["title"], one["text"]) for one in rows])
            if not service.send(title, text, over=is_over):
                unreachable.add(service.name)
                break  # it will not be there for the next message either: each try costs seconds
            sent += 1
            connection.execute(_TOLD_OVER if is_over else _TOLD, [service.name, [one["id"] for one in rows]])
            connection.commit()
    _finish(connection, fresh, over, {service.name for service in to_whom})
    if unreachable:
        raise NotTold(f"{len(unreachable)} of {len(to_whom)} addresses for alerts could not be reached")
    return sent


def _rows(connection: psycopg.Connection, query: str) -> list[dict[str, Any]]:
    seconds = {kind: pause.total_seconds() for kind, pause in PATIENCE.items()}
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query.encode(), {"patience": Jsonb(seconds)}).fetchall()
    connection.commit()
    return sorted(found, key=lambda one: KINDS.index(one["kind"]))


def _by_kind(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    return (list(batch) for _, batch in groupby(rows, lambda one: one["kind"]))


def _is_for(service: Service, row: dict[str, Any], *, is_over: bool) -> bool:
    """It has not been told yet; and who was never told of it need not hear that it is over."""
    if is_over:
        return service.name in row["told"] and service.name not in row["told_over"]
    return service.name not in row["told"]


def _finish(
    connection: psycopg.Connection, fresh: list[dict[str, Any]], over: list[dict[str, Any]], names: set[str]
) -> None:
    """Note what everybody has been told now. Of a service that is configured no longer nothing is expected."""
    ids = [one["id"] for one in (*fresh, *over)]
    with connection.cursor(row_factory=dict_row) as cursor:
        now = cursor.execute("select id, told, told_over from qbo_sync.alert where id = any(%s)", [ids]).fetchall()
    known = {one["id"]: one for one in now}
    told = [one["id"] for one in fresh if names <= set(known[one["id"]]["told"])]
    told_over = [
        one["id"] for one in over if names & set(known[one["id"]]["told"]) <= set(known[one["id"]]["told_over"])
    ]
    connection.execute(_ALL_TOLD, [told])
    connection.execute(_ALL_TOLD_OVER, [told_over])
    connection.commit()
