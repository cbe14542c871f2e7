"""Polls: many companies are asked together what changed in them, one call each.

Mostly nothing has: then a company costs its call and a share of a few statements for all. What has something new goes
on into its capture, with the answer that is there already. A company that fails, is slow, or has to be compared as a
whole is left to a task of its own. How often each is asked: poll_state.py. Why so: decision 0028.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import psycopg

from include.company.call_log import count, record_all
from include.company.company import require_known
from include.company.runtime import Runtime
from include.company.throttle import reserve
from include.company.tokens import CompanyTokens
from include.model.polling import PollSettings
from include.qbo import cdc
from include.qbo.cdc import Changes
from include.qbo.client import Patience, QboClient, new_session
from include.qbo.errors import NotConnected, ReconnectRequired, RequestRefused
from include.qbo.ports import ApiCall
from include.sync import captured, errors, marks, poll_state, webhook_events
from include.sync.capture import OVERLAP, RESOURCES, capture
from include.sync.poll_state import DueCompany

log = logging.getLogger(__name__)

_NEWS = Path(__file__).with_name("companies_with_news.sql").read_bytes()

#: Companies that are asked at the same time.
_TOGETHER = 16

#: Seconds that one of them may take, and wait for its budget while the sync works on it.
DEADLINE, _LONGEST_WAIT = 10.0, 3.0

#: Companies that fail and get a task of their own in one run: should QuickBooks itself be down, all fail.
_OWN_TASKS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Polled:
    """What a poll found."""

    #: Companies that were asked, and those of them in which something had changed.
    asked: int
    changed: int
    #: [{realm_id, name}]: those that need a task of their own.
    apart: list[dict[str, str]]


@dataclass(eq=False)
class _Asked:
    company: DueCompany
    #: Seconds until its budget allows the call.
    wait: float
    answer: Changes | None = None
    error: Exception | None = None
    #: Invoices and payments that its capture has marked.
    marked: int = 0
    calls: list[ApiCall] = field(default_factory=list)


def poll(
    runtime: Runtime,
    settings: PollSettings,
    realm_id: str | None = None,
    *,
    by_hand: bool = False,
    reported_only: bool = False,
    dry_run: bool = False,
    deadline: float = DEADLINE,
) -> Polled:
    """Ask the companies that are due what changed, and capture it.

    `realm_id`: this one only. `by_hand`: a person wants it now, due or not. `reported_only`: those that a webhook
    reports as changed. `dry_run`: all are left to tasks of their own. `deadline`: seconds that a company may take to
    answer. Raises UnknownCompany, and psycopg.Error if the database is down; whatever goes wrong for a company leaves
    it to a task of its own.
    """
    with runtime.connect() as connection:
        require_known(connection, realm_id)
        due = poll_state.companies_due(
            connection, settings, runtime.run, realm_id, by_hand=by_hand, reported_only=reported_only
        )
        if dry_run:
            return Polled(asked=0, changed=0, apart=_named(due))
        left_before = [one for one in due if one.left_before]
        others = [one for one in due if not one.left_before]
        failed_before = [one for one in others if one.failed][: None if by_hand else _OWN_TASKS]
        apart = [*left_before, *failed_before, *(one for one in others if one.as_a_whole and not one.failed)]
        together = [one for one in others if not one.failed and not one.as_a_whole]
        waits = reserve(connection, [one.realm_id for one in together], runtime.budget)
        asked_at = captured.moment(connection)
        connection.commit()
    asked = [_Asked(one, waits[one.realm_id]) for one in together if waits[one.realm_id] <= _LONGEST_WAIT]
    if by_hand:
        # Others are asked the next time: the sync works on them at QuickBooks' limits.
        apart += [one for one in together if waits[one.realm_id] > _LONGEST_WAIT]
    _ask_together(runtime, asked, deadline)
    with runtime.connect() as connection:
        calls = [(one.company.realm_id, call) for one in asked for call in one.calls]
        record_all(connection, runtime.run.dag_id, runtime.run.run_id, calls)
        for realm, call in calls:
            count(runtime.metrics, realm, call)
        news = _with_news(connection, asked)
        quiet = set(asked).difference(news)
        _keep_quiet(connection, [one for one in asked if one.answer and one in quiet])
        connection.commit()
    hurried = runtime.hurried(deadline)
    _side_by_side(news, lambda one: _capture(hurried, one, asked_at))
    for one in asked:
        if one.error:
            log.warning("%s (%s): %s", one.company.name, one.company.realm_id, one.error, exc_info=one.error)
    failed = [one for one in asked if one.error and not isinstance(one.error, NotConnected)]
    own_task = failed if by_hand else failed[:_OWN_TASKS]
    # What QuickBooks refuses to answer may have to be compared as a whole: its capture finds out.
    apart += [one.company for one in own_task if isinstance(one.error, RequestRefused)]
    slow = [one.company for one in own_task if not isinstance(one.error, RequestRefused)]
    done = [one for one in asked if not one.error]
    changed = [one.company for one in done if one.marked]
    with runtime.connect() as connection:
        poll_state.plan_next(
            connection,
            settings,
            {one.company.realm_id for one in done},
            changed={one.realm_id for one in changed},
            surprised={one.realm_id for one in changed if one.reported_at is None and not reported_only},
        )
        poll_state.leave_to_own_tasks(connection, runtime.run, [one.realm_id for one in apart], failed=False)
        poll_state.leave_to_own_tasks(connection, runtime.run, [one.realm_id for one in slow], failed=True)
        for one in failed[len(own_task) :]:
            poll_state.note_failure(connection, one.company.realm_id, apart=False)
        connection.commit()
    apart += slow
    log.info("asked %d companies: %d have changed, %d get a task of their own", len(asked), len(changed), len(apart))
    return Polled(asked=len(asked), changed=len(changed), apart=_named(apart))


class EndNotNoted(Exception):
    """The LMS database could not be reached to note how a capture ended."""


@contextmanager
def _noting(runtime: Runtime) -> Iterator[psycopg.Connection]:
    try:
        with runtime.connect() as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise EndNotNoted("The LMS database could not be reached to note how the capture ended.") from error


def captured_apart(runtime: Runtime, settings: PollSettings, realm_id: str, *, dry_run: bool = False) -> dict[str, int]:
    """The capture of a company that has a task of its own: {seen, marked}. Raises what the capture raises, and then the
    company rests before it is asked again. EndNotNoted: that could not be noted, and it is not polled meanwhile.
    """
    try:
        counts = capture(runtime, realm_id, dry_run=dry_run)
    except ReconnectRequired:
        with _noting(runtime) as connection:
            poll_state.let_go(connection, realm_id)
        raise
    except Exception:
        with _noting(runtime) as connection:
            poll_state.note_failure(connection, realm_id, apart=True)
        raise
    if not dry_run:
        with _noting(runtime) as connection:
            poll_state.plan_next(connection, settings, [realm_id], changed=[realm_id] if counts["marked"] else [])
    return counts


def _named(companies: Sequence[DueCompany]) -> list[dict[str, str]]:
    return [{"realm_id": one.realm_id, "name": one.name} for one in companies]


# ------------------------------------------------------------------ asking


class _Reserved:
    """A throttle whose moment is reserved already, with those of all other companies."""

    def __init__(self, wait: float) -> None:
        self._wait = wait

    @contextmanager
    def slot(self, kind: Literal["request", "batch"]) -> Iterator[None]:
        """Wait for the moment. A place among the requests at a time is left free for it (throttle.py)."""
        time.sleep(self._wait)
        self._wait = 0.0
        yield

    def pause(self, times: int) -> float:
        """Nobody waits here: a company that is throttled is left to its own task."""
        return 0.0


class _Collected:
    """A call log that is written for all companies together."""

    def __init__(self, calls: list[ApiCall]) -> None:
        self._calls = calls

    def record(self, call: ApiCall) -> None:
        """Keep it for later."""
        self._calls.append(call)


def _ask_together(runtime: Runtime, asked: Sequence[_Asked], deadline: float) -> None:
    """Put the question to each. A thread keeps its connection to QuickBooks from one company to the next: to open one
    costs more than all the rest."""
    thread = threading.local()

    def open_session() -> None:
        thread.session = new_session()

    hurried = runtime.hurried(deadline)
    _side_by_side(asked, lambda one: _ask(hurried, one, deadline, thread.session), begin=open_session)


def _ask(runtime: Runtime, asked: _Asked, deadline: float, session: Any) -> None:
    company = asked.company
    if company.changed_since is None:
        raise ValueError(f"company {company.realm_id} was never captured")
    known = None
    if company.access_token_encrypted is not None and company.access_token_expires_at is not None:
        known = runtime.vault.open(company.access_token_encrypted), company.access_token_expires_at
    client = QboClient(
        api_base_url=runtime.app.api_base_url,
        realm_id=company.realm_id,
        tokens=CompanyTokens(runtime.connect, runtime.app, runtime.vault, company.realm_id, known),
        throttle=_Reserved(asked.wait),
        calls=_Collected(asked.calls),
        patience=Patience.hurried(deadline),
        session=session,
    )
    asked.answer = cdc.changes(client, RESOURCES, company.changed_since)


def _capture(runtime: Runtime, asked: _Asked, asked_at: datetime) -> None:
    """With the answer that is there already."""
    company = asked.company
    counts = capture(
        runtime,
        company.realm_id,
        answer=asked.answer,
        answered_after=asked_at,
        reported_at=company.reported_at,
    )
    asked.marked = counts["marked"]


def _side_by_side(
    asked: Sequence[_Asked], work: Callable[[_Asked], None], *, begin: Callable[[], None] | None = None
) -> None:
    """Do the work for all; `begin`: what each thread does first. An Exception is kept with its company."""
    with ThreadPoolExecutor(_TOGETHER, initializer=begin) as pool:
        for one, done in zip(asked, [pool.submit(work, one) for one in asked], strict=True):
            error = done.exception()
            if isinstance(error, Exception):
                one.error = error
            elif error:
                raise error


# ------------------------------------------------------------------ what is new


def _with_news(connection: psycopg.Connection, asked: Sequence[_Asked]) -> list[_Asked]:
    """Those whose answer may hold something that no capture has seen, or that have to be looked at closer."""
    sighted = [(one.company.realm_id, seen) for one in asked if one.answer for seen in one.answer.sightings]
    rows = connection.execute(
        _NEWS,
        {
            "realms": [realm_id for realm_id, _ in sighted],
            "resources": [sighting.resource for _, sighting in sighted],
            "ids": [sighting.qbo_id for _, sighting in sighted],
            "tokens": [sighting.sync_token for _, sighting in sighted],
        },
    )
    new = {realm_id for (realm_id,) in rows}
    return [
        one
        for one in asked
        if one.answer and (one.company.realm_id in new or one.answer.perhaps_cut or one.company.preferences_matter)
    ]


def _keep_quiet(connection: psycopg.Connection, quiet: Sequence[_Asked]) -> None:
    """Nothing is new there: cursors, webhook events, and the errors that only trying again can end."""
    if not quiet:
        return
    realm_ids = [one.company.realm_id for one in quiet]
    marks.lock_alone(connection)
    captured.prune(connection)
    connection.execute(
        "update qbo_sync.qbo_cursor c set changed_since = a.since, captured_at = clock_timestamp()"
        "  from unnest(%s::text[], %s::timestamptz[]) as a (realm_id, since)"
        # A comparison that was requested meanwhile begins where this poll began.
        " where c.realm_id = a.realm_id and c.compare_asked_at is null",
        [realm_ids, [one.answer.time - OVERLAP for one in quiet if one.answer]],
    )
    webhook_events.mark_captured(connection, {one.company.realm_id: one.company.reported_at for one in quiet})
    if errors.retry_unseen(connection, realm_ids):
        connection.execute("select pg_notify('qbo_sync', '')")
