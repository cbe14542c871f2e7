"""How often QuickBooks is asked what changed in a company. Pure.

A poll is one metered call (fact 3.3). A company is asked the less often, the longer nothing has changed in it, and
rarely if its webhooks have proved to report changes; and all together so that the month's quota lasts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Pace = Literal["busy", "quiet", "webhooks"]

#: A company is asked again after this share of the time since it last changed.
_SHARE = 10

#: However little of the quota is left, no company goes longer without a question.
LONGEST = timedelta(days=1)

#: Of the quota, what is never planned for: runs by hand, first syncs, proofs.
_KEPT_BACK = 0.05

#: So long after the last event of a company that was captured, its webhooks are known to work.
_PROVEN = timedelta(days=7)

#: A company that fails rests so long; twice as long after each further failure, up to the longest.
_FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True, slots=True)
class PollSettings:
    """What an operator may choose: the pauses between two polls of a company, and the metered calls of a month."""

    #: Where something changes.
    base: timedelta
    #: At most, where nothing does.
    quiet: timedelta
    #: Where webhooks report what changes.
    webhooks: timedelta
    #: Of all companies together.
    monthly_calls: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Habits:
    """What is known of a company's changes."""

    #: A poll last found a change; None: none ever did.
    changed_at: datetime | None
    #: A poll last found one that no webhook had reported.
    surprised_at: datetime | None
    #: The last webhook event came whose changes have been read.
    reported_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """The month's metered calls: all that there are, those used so far, and how many of them by polls and proofs."""

    calls: int
    used: int
    polls: int
    proofs: int
    #: Of the month, so far and still to come.
    elapsed: timedelta
    left: timedelta

    @property
    def of_others_still(self) -> float:
        """Calls that all but the polls will use until the month ends, if they go on as so far."""
        return (self.used - self.polls) * (self.left / max(self.elapsed, timedelta(days=1)))

    @property
    def polls_left(self) -> float:
        """Calls that polls may use until the month ends: the rest, less what others go on to use. These have half of
        it at most: a first sync reads much, and not every day."""
        rest_of_month = max(0.0, self.calls * (1 - _KEPT_BACK) - self.used)
        return rest_of_month - min(self.of_others_still, rest_of_month / 2)

    def forecast(self, pauses: Collection[timedelta]) -> int:
        """Calls by the end of the month, with these pauses between the polls of each company."""
        return round(self.used + self.of_others_still + sum(self.left / pause for pause in pauses))


def wanted(settings: PollSettings, habits: Habits, now: datetime) -> tuple[timedelta, Pace]:
    """The pause until a company is asked again, by its own needs alone."""
    if _webhooks_work(habits, now):
        return max(settings.webhooks, settings.base), "webhooks"
    longest = max(settings.quiet, settings.base)
    share = longest if habits.changed_at is None else (now - habits.changed_at) / _SHARE
    busy = habits.changed_at is not None and share <= settings.base
    return min(max(share, settings.base), longest), "busy" if busy else "quiet"


def _webhooks_work(habits: Habits, now: datetime) -> bool:
    """An event came of late, and since then nothing was found that none had reported."""
    reported = habits.reported_at
    if reported is None or reported < now - _PROVEN:
        return False
    return habits.surprised_at is None or habits.surprised_at < reported


def stretch(pauses: Collection[timedelta], quota: Quota) -> float:
    """By how much all pauses are stretched so that the polls of the rest of the month stay within the quota: 1 or more.
    Who is asked more often than another still is."""
    polls = sum(quota.left / pause for pause in pauses)
    if polls <= quota.polls_left:
        return 1.0
    return polls / quota.polls_left if quota.polls_left else float("inf")


def stretched(pause: timedelta, factor: float) -> timedelta:
    """The pause after stretching: LONGEST at most, unless it is longer by itself."""
    if factor * pause.total_seconds() >= LONGEST.total_seconds():
        return max(pause, LONGEST)
    return pause * factor


def early(base: timedelta) -> timedelta:
    """How much too early a company may be asked: the clock of the runs, which come every `base`, is not that exact."""
    return base / 4


def next_poll(due_at: datetime | None, now: datetime, pause: timedelta, base: timedelta) -> datetime:
    """When a company that was asked now is asked again. The pause is counted from when the company was due: what it
    waits for a run, or is asked too early, does not add up. One that a webhook or a person had asked begins anew."""
    in_turn = due_at is not None and -early(base) <= now - due_at <= base
    return (due_at if due_at is not None and in_turn else now) + pause


def rest(failures: int) -> timedelta:
    """How long a company that has failed so often running (1, 2, …) is left alone."""
    return min(_FIRST_REST * 2 ** min(failures - 1, 10), LONGEST_REST)


def month_around(now: datetime) -> tuple[datetime, datetime]:
    """Beginning and end of the UTC month: Intuit's quota is a month's."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first, (first + timedelta(days=32)).replace(day=1)
