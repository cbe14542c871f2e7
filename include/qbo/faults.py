"""QuickBooks' faults: both envelopes read into one form, and the table from fault to what to do.

Sources: fact 3.2 (throttle), facts 8.1 and 8.2 (envelopes), fact 8.3 (status classes), fact 8.4 (codes).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any


class Remedy(Enum):
    """What the client or the sync does about a fault."""

    RETRY = "send the same request again, under the same requestid"
    WAIT = "the company's budget is spent: pause all work on it, then send again"
    REFRESH = "refresh the access token once, then send again under the same requestid"
    REREAD = "read the record again and plan anew"
    RECORD_ERROR = "this record cannot be synced: a sync error for the bookkeeper"
    RECONNECT = "a person must connect the company again"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as QuickBooks sent it."""

    status: int
    code: str
    message: str
    detail: str
    element: str = ""
    type: str = ""
    intuit_tid: str = ""
    #: QuickBooks' own clock when it answered, as it came; "": it did not say.
    answered_at: str = ""
    #: By that clock: the request was sent no earlier than this. For answers to writes.
    sent_after: datetime | None = None
    #: An earlier attempt at the same write lost its answer: that one may have been done.
    after_lost_answer: bool = False

    @property
    def remedy(self) -> Remedy:
        """What to do about it."""
        return _BY_CODE.get(self.code) or _by_status(self.status)

    def as_detail(self) -> dict[str, Any]:
        """For qbo_sync.sync_error.detail."""
        return {
            "status": self.status,
            "code": self.code,
            "fault": self.message,
            "fault_detail": self.detail,
            "element": self.element,
            "intuit_tid": self.intuit_tid,
        }


_BY_CODE: Mapping[str, Remedy] = {
    "3200": Remedy.REFRESH,
    "100": Remedy.REFRESH,
    "3100": Remedy.RECONNECT,
    "3001": Remedy.WAIT,
    # Intermittent with good tokens (trap 47), and passing states of the company.
    "120": Remedy.RETRY,
    "130": Remedy.RETRY,
    "140": Remedy.RETRY,
    "150": Remedy.RETRY,
    "600": Remedy.RETRY,
    "10000": Remedy.RETRY,
    "5010": Remedy.REREAD,
    # A right that the user lacks for this kind of record, also as 403: the grant is good.
    "5020": Remedy.RECORD_ERROR,
}


def _by_status(status: int) -> Remedy:
    if status == 401:
        return Remedy.REFRESH
    if status == 403:
        # Only 3100 says that the grant is at fault (fact 8.2). A gateway says 403 too, without saying why.
        return Remedy.RETRY
    if status == 429:
        return Remedy.WAIT
    if status >= 500:
        return Remedy.RETRY
    return Remedy.RECORD_ERROR


def parse_fault(body: Any, *, status: int, intuit_tid: str = "") -> Fault | None:
    """The first error of a fault body, in either envelope; None if the body holds no fault."""
    if not isinstance(body, Mapping):
        return None
    envelope = body.get("Fault") or body.get("fault")
    if not isinstance(envelope, Mapping):
        return None
    errors = envelope.get("Error") or envelope.get("error") or [{}]
    first = {name.lower(): value for name, value in errors[0].items()}
    return Fault(
        status=status,
        # The gateway writes 003001 in its text and 3001 or 003001 as the code.
        code=str(first.get("code") or "").lstrip("0"),
        message=str(first.get("message") or ""),
        detail=str(first.get("detail") or ""),
        element=str(first.get("element") or ""),
        type=str(envelope.get("type") or ""),
        intuit_tid=intuit_tid,
        answered_at=str(body.get("time") or ""),
    )


def fault_of_status(status: int, *, intuit_tid: str = "") -> Fault:
    """A fault for an answer whose body says nothing (HTML from a gateway, an empty body)."""
    return Fault(status=status, code="", message=f"HTTP {status}", detail="", intuit_tid=intuit_tid)


#: Our own code, for what is no fault of QuickBooks' but an answer that cannot be.
MALFORMED = "malformed"


def malformed(wrong: str) -> Fault:
    """A fault for a record that cannot be what QuickBooks means. `wrong`: as “TotalAmt is not a number”."""
    return Fault(status=200, code=MALFORMED, message=wrong, detail="")


def sent(fault: Fault, seconds_ago: float | None, answered_at: str = "") -> Fault:
    """The fault with `sent_after`. `seconds_ago`: since the request was first sent, None if nobody knows;
    `answered_at`: of the batch, if the fault is an item of one."""
    if seconds_ago is None:
        return fault
    try:
        answered = datetime.fromisoformat(answered_at or fault.answered_at)
    except ValueError:
        return fault
    # What QuickBooks makes is dated to the second.
    return replace(fault, sent_after=(answered - timedelta(seconds=seconds_ago)).replace(microsecond=0))


def may_hide_a_write(fault: Fault) -> bool:
    """Whether what was asked may be done all the same: QuickBooks has been seen to do it and answer this (trap 6), or
    an earlier answer was lost."""
    return fault.after_lost_answer or fault.code in ("6000", "10000")


def is_missing(fault: Fault) -> bool:
    """Whether the record itself is not there (610; fact 8.4), rather than something that it uses."""
    return fault.code == "610" and "inactive" not in fault.detail
