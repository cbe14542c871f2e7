"""What the QuickBooks client needs from outside: tokens, the company's budget, and a place to log calls."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol


class TokenSource(Protocol):
    """The access token of one company."""

    def current(self) -> str:
        """The access token to use now. Raises ReconnectRequired if the company is not connected."""

    def replace(self, refused: str) -> str:
        """A token other than the one that QuickBooks has just refused, refreshing if nobody else has."""


class Throttle(Protocol):
    """The request budget of one company, shared by all workers."""

    def slot(self, kind: Literal["request", "batch"]) -> AbstractContextManager[None]:
        """Wait for the right to send one request of this kind; hold a concurrency slot until the answer is here."""

    def pause(self, times: int) -> float:
        """QuickBooks said 429, for the `times`-th time running: stop everybody's requests to the company for a while.

        Returns the seconds.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiCall:
    """One HTTP request to QuickBooks, for the log and the audit table. Holds no secret."""

    operation: str
    resource: str | None
    items: int
    #: Counts against the CorePlus quota (fact 3.3): data out.
    metered: bool
    status: int | None
    fault_code: str | None
    intuit_tid: str | None
    request_id: str | None
    duration_ms: int


class CallLog(Protocol):
    """Where calls are recorded."""

    def record(self, call: ApiCall) -> None:
        """Keep one call."""
