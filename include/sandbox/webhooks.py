"""Webhooks (dossier 7)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .clock import Clock

if TYPE_CHECKING:
    from .work import Event


class Webhooks:
    """Who is told what."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock, self._random = clock, rng
        self._hooks: dict[str, dict[str, Any]] = {}

    def tell(self, events: list[Event]) -> None:
        """Take events to deliver."""

    def subscribe(self, hook: dict[str, Any]) -> None:
        """Add or replace an endpoint."""

    def unsubscribe(self, url: str) -> None:
        """Remove an endpoint."""

    def subscriptions(self) -> Iterator[dict[str, Any]]:
        """All endpoints."""
        return iter(self._hooks.values())

    def clock_moved(self) -> None:
        """Deliver what is due now."""

    def report(self) -> dict[str, Any]:
        """Endpoints and deliveries."""
        return {"endpoints": list(self._hooks.values())}
