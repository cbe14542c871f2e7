"""The sandbox's clock: it ticks like the wall clock until someone sets or moves it.

Intuit prints every timestamp in Pacific time with the offset in force at that instant (fact 2.5).
"""

from __future__ import annotations

import calendar
import re
import time
from datetime import UTC, date, datetime, timedelta, timezone

_STAMP = re.compile(
    r"^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$", re.IGNORECASE
)


def _nth_sunday(year: int, month: int, nth: int) -> int:
    first = date(year, month, 1).weekday()
    return 1 + (6 - first) % 7 + 7 * (nth - 1)


def pacific_offset(epoch: float) -> int:
    """Seconds east of UTC in force in Pacific time.

    The United States' rule (since 2007) is written out because slim images have no time zone database.
    """
    year = time.gmtime(epoch - 8 * 3600).tm_year
    start = calendar.timegm((year, 3, _nth_sunday(year, 3, 2), 10, 0, 0))
    end = calendar.timegm((year, 11, _nth_sunday(year, 11, 1), 9, 0, 0))
    return -7 * 3600 if start <= epoch < end else -8 * 3600


def pacific(epoch: float) -> str:
    """`2015-07-24T10:33:39-07:00`: whole seconds, as in MetaData (fact 2.5)."""
    offset = pacific_offset(epoch)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch + offset)) + ("-07:00" if offset > -28800 else "-08:00")


def parse_moment(text: str) -> int | None:
    """Epoch seconds of a date or timestamp; without an offset it is read as Pacific time (fact 4.1, R)."""
    found = _STAMP.match(text.strip())
    if found is None:
        return None
    day, hour, minute, second, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{hour or '00'}:{minute or '00'}:{second or '00'}")
    except ValueError:
        return None
    if zone is None:
        naive = int(moment.replace(tzinfo=UTC).timestamp())
        return naive - pacific_offset(naive + 8 * 3600)
    if zone in ("Z", "z"):
        return int(moment.replace(tzinfo=UTC).timestamp())
    sign = -1 if zone[0] == "-" else 1
    shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return int(moment.replace(tzinfo=timezone(sign * shift)).timestamp())


def parse_day(text: str) -> date | None:
    """A calendar date `YYYY-MM-DD` (a time behind it is tolerated and ignored), or None."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


class Clock:
    """Now, as this server sees it."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.frozen: float | None = None
        self._second = -1
        self._text = ""

    def now(self) -> float:
        """Epoch seconds."""
        return self.frozen if self.frozen is not None else time.time() + self.offset

    def set(self, epoch: float) -> None:
        """Jump to a moment and go on ticking from there (or stay, when frozen)."""
        if self.frozen is not None:
            self.frozen = epoch
        self.offset = epoch - time.time()

    def advance(self, seconds: float) -> None:
        """Move by so many seconds, backwards too."""
        self.set(self.now() + seconds)

    def freeze(self, frozen: bool) -> None:
        """Stop or go on."""
        now = self.now()
        self.frozen = now if frozen else None
        self.offset = now - time.time()

    def stamp(self, epoch: float) -> str:
        """Pacific time of a moment; the last second is remembered because a busy server asks it often."""
        second = int(epoch)
        if second != self._second:
            self._second, self._text = second, pacific(second)
        return self._text

    def response_time(self) -> str:
        """The `time` of an answer: milliseconds and Pacific offset (fact 2.1)."""
        now = self.now()
        text = self.stamp(now)
        return f"{text[:19]}.{int(now % 1 * 1000):03d}{text[19:]}"

    def today(self) -> str:
        """The server's date, Pacific (fact 9.4, TxnDate)."""
        return self.stamp(self.now())[:10]
