"""What change capture has just read of a record: may the run that it woke believe it, or does it ask QuickBooks again?

Why so: docs/decisions/0029-what-capture-has-seen.md.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

#: How old an answer may be. A run follows its capture within seconds, and what changes after the answer is in the next
#: one: the shorter, the less of what is not so any more comes to the LMS until then. What waits for longer asks again.
YOUNG = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """A record as change capture has read it, and what has happened since."""

    #: Its version; None: deleted.
    sync_token: str | None
    #: As it came; None: deleted.
    body: dict[str, Any] | None
    #: Since QuickBooks was asked.
    age: timedelta
    #: The last version that any capture has seen; None: deleted.
    last_seen: str | None
    #: The version that the link knows; None: not linked.
    linked: str | None
    #: Somebody has marked the record since it was captured: they want what is there now.
    marked_since: bool
    #: A write of ours to the company is under way, or was answered since QuickBooks was asked. It may have changed more
    #: than the record that it is about: a payment changes what is open of its invoices.
    written_since: bool


def is_believable(one: Captured) -> bool:
    """Whether it is what QuickBooks would say now, as far as one can know without asking."""
    if not timedelta() <= one.age <= YOUNG or one.marked_since or one.written_since or one.sync_token != one.last_seen:
        return False
    # What is deleted stays so; a version older than one that we know is none to go by (trap 8).
    return one.sync_token is None or int(one.sync_token) >= int(one.linked or 0)
