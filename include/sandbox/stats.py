"""Counts of what clients asked, since the last reset (contract 5)."""

from __future__ import annotations

from collections import Counter
from typing import Any

KINDS = (
    "query", "read", "create", "update", "delete", "void", "send", "pdf", "upload",
    "batch", "batch_items", "cdc", "token",
)  # fmt: skip
METERED = frozenset(("query", "read", "cdc", "pdf"))


class Stats:
    """Requests by kind, by status and per company; what a batch holds; accepted writes; metered calls."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """All to zero."""
        self.requests: Counter[str] = Counter()
        self.status: Counter[str] = Counter()
        self.batch_operations: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.realms: dict[str, Counter[str]] = {}
        self.metered = 0
        self.replays = 0

    def request(self, realm: str | None, kind: str, count: int = 1) -> None:
        """One request (or several items of a batch)."""
        self.requests[kind] += count
        if realm is not None:
            self.realms.setdefault(realm, Counter())[kind] += count

    def as_dict(self) -> dict[str, Any]:
        """For `GET /sandbox/stats`."""
        return {
            "requests": {kind: self.requests[kind] for kind in KINDS} | {"total": sum(self.status.values())},
            "status": dict(sorted(self.status.items())),
            "realms": {realm: {kind: c[kind] for kind in KINDS} for realm, c in sorted(self.realms.items())},
            "batch_operations": dict(self.batch_operations),
            "writes": {"total": sum(self.writes.values()), **self.writes},
            "faults": dict(sorted(self.faults.items())),
            "metered": self.metered,
            "replays": self.replays,
        }
