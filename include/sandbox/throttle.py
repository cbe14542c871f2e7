"""Intuit's throttles: 500 a minute, 10 a second, 10 at once, 40 batches a minute (fact 3.1)."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass, field, fields


@dataclass(slots=True)
class Limits:
    """Null means none."""

    requests_per_minute: int | None = 500
    requests_per_second: int | None = 10
    concurrent: int | None = 10
    batch_per_minute: int | None = 40
    core_plus_per_month: int | None = None

    def change(self, changes: dict[str, int | None]) -> None:
        """Set some of them."""
        known = {item.name for item in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"there is no limit {name!r}")
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ValueError(f"{name} is a number or null")
        for name, value in changes.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, int | None]:
        """For the control call."""
        return asdict(self)


@dataclass(slots=True)
class _Realm:
    requests: deque[float] = field(default_factory=deque)
    batches: deque[float] = field(default_factory=deque)
    in_flight: int = 0
    metered: int = 0


class Throttle:
    """Sliding windows per company (one app, so per company and app). The wall clock counts, not the simulated
    one: clients wait in real seconds."""

    def __init__(self) -> None:
        self.limits = Limits()
        self._realms: dict[str, _Realm] = {}

    def admit(self, realm: str, batch: bool, metered: bool) -> bool:
        """Count a request; False if it is one too many. Who is admitted must `leave`."""
        limits, state = self.limits, self._realms.setdefault(realm, _Realm())
        now = time.monotonic()
        if limits.concurrent is not None and state.in_flight >= limits.concurrent:
            return False
        if not self._room(state, now) or (batch and not _fits(state.batches, limits.batch_per_minute, now, 60.0)):
            return False
        if metered and limits.core_plus_per_month is not None and state.metered >= limits.core_plus_per_month:
            return False
        state.in_flight += 1
        state.metered += metered
        if limits.requests_per_minute is not None or limits.requests_per_second is not None:
            state.requests.append(now)
        if batch and limits.batch_per_minute is not None:
            state.batches.append(now)
        return True

    def leave(self, realm: str) -> None:
        """A request that was admitted is over."""
        self._realms[realm].in_flight -= 1

    def forget(self) -> None:
        """Start the windows anew (when limits are set)."""
        for state in self._realms.values():
            state.requests.clear()
            state.batches.clear()
            state.metered = 0

    def _room(self, state: _Realm, now: float) -> bool:
        limits = self.limits
        if not _fits(state.requests, limits.requests_per_minute, now, 60.0):
            return False
        per_second = limits.requests_per_second
        if per_second is None:
            return True
        recent = 0
        for moment in reversed(state.requests):
            if moment <= now - 1.0:
                break
            recent += 1
        return recent < per_second


def _fits(window: deque[float], limit: int | None, now: float, seconds: float) -> bool:
    while window and window[0] <= now - seconds:
        window.popleft()
    return limit is None or len(window) < limit
