"""A company's request budget, shared by all workers through PostgreSQL.

QuickBooks allows a company and app 10 requests a second, 10 at a time, 500 a minute and 40 batches a minute
(fact 3.1). The budget uses all of it, in windows that are a little longer, because requests bunch up on their way.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import psycopg

from include.company.metrics import NO_METRICS, Metrics
from include.qbo.errors import ThrottleExceeded

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """How much of the company's allowance the pipeline uses."""

    requests_per_second: int = 10
    requests_per_minute: int = 500
    batches_per_minute: int = 40
    concurrent: int = 8
    #: Seconds that repeated 429s stop everybody (Intuit: wait 60 s).
    pause_seconds: float = 60.0


#: Our windows, in seconds. Intuit's are a second and a minute: the rest is for requests that are sent at their reserved
#: moment and do not all take as long to arrive.
_SECOND, _MINUTE = 1.2, 61.0


def _request_limits(budget: Budget) -> tuple[tuple[int, float], ...]:
    return (budget.requests_per_second, _SECOND), (budget.requests_per_minute, _MINUTE)


def reserve(connection: psycopg.Connection, realm_ids: Sequence[str], budget: Budget) -> dict[str, float]:
    """The next moment for a request to each of these companies, in the caller's transaction: seconds until then."""
    limits = _request_limits(budget)
    rows = connection.execute(
        "select realm_id, qbo_sync.reserve_request(realm_id, 'request', %s, %s)"
        "  from (select realm_id from unnest(%s::text[]) realm_id order by realm_id) one",
        [[most for most, _ in limits], [timedelta(seconds=seconds) for _, seconds in limits], list(realm_ids)],
    )
    return dict(rows.fetchall())


class SharedThrottle:
    """The Throttle of one company, for one worker. Needs an autocommit connection of its own."""

    def __init__(
        self,
        connection: psycopg.Connection,
        realm_id: str,
        budget: Budget,
        longest_wait: float | None = None,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """`connection` must be in autocommit; it holds the concurrency slot as an advisory lock. `longest_wait`: so
        many seconds at most; None: as long as it takes."""
        self._connection = connection
        self._realm_id = realm_id
        self._budget = budget
        self._longest_wait = longest_wait
        self._metrics = metrics

    @contextmanager
    def slot(self, kind: Literal["request", "batch"]) -> Iterator[None]:
        """Wait for the budget, take a concurrency slot, give it back after the answer. Raises ThrottleExceeded if the
        wait is longer than it may be.

        The batch's moment comes first: it may be far, and what is reserved of the other must be used at once.
        """
        if kind == "batch":
            self._wait("batch", (self._budget.batches_per_minute, _MINUTE))
        self._wait("request", *_request_limits(self._budget))
        slot = self._take_slot()
        try:
            yield
        finally:
            self._connection.execute("select pg_advisory_unlock(hashtextextended(%s, %s))", [self._realm_id, slot])

    def pause(self, times: int) -> float:
        """Reserve nothing before the pause is over, for every worker.

        The limits per second and at a time are over in a moment, the one per minute is not: the first pauses are
        short, from the fourth on it is Intuit's full minute.
        """
        seconds = self._budget.pause_seconds / 4 ** max(0, 4 - times)
        self._connection.execute(
            "select qbo_sync.pause_throttle(%s, make_interval(secs => %s))", [self._realm_id, seconds]
        )
        return seconds

    def _wait(self, bucket: Literal["request", "batch"], *limits: tuple[int, float]) -> None:
        """Reserve the next moment that keeps these limits (requests, seconds of their window), and wait for it."""
        row = self._connection.execute(
            "select qbo_sync.reserve_request(%s, %s, %s, %s)",
            [
                self._realm_id,
                bucket,
                [most for most, _ in limits],
                [timedelta(seconds=seconds) for _, seconds in limits],
            ],
        ).fetchone()
        seconds = float(row[0]) if row else 0.0
        if self._longest_wait is not None and seconds > self._longest_wait:
            raise ThrottleExceeded(f"the request budget of QuickBooks company {self._realm_id} is used up just now")
        if seconds > 5:
            log.info("waiting %.0f s for the request budget of QuickBooks company %s", seconds, self._realm_id)
        if seconds > 0:
            tags = {"realm_id": self._realm_id}
            self._metrics.count("pilot.throttle_waits", 1, tags)
            self._metrics.count("pilot.throttle_wait_ms", round(seconds * 1000), tags)
            time.sleep(seconds)

    def _take_slot(self) -> int:
        asked_at = time.monotonic()
        while True:
            for slot in range(1, self._budget.concurrent + 1):
                taken = self._connection.execute(
                    "select pg_try_advisory_lock(hashtextextended(%s, %s))", [self._realm_id, slot]
                ).fetchone()
                if taken and taken[0]:
                    return slot
            if self._longest_wait is not None and time.monotonic() - asked_at > self._longest_wait:
                raise ThrottleExceeded(
                    f"others have all requests to QuickBooks company {self._realm_id} in their hands"
                )
            time.sleep(0.05)
