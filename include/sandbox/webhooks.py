"""Webhooks (fact 7): both body shapes, signed, retried on Intuit's ladder, repeated and reordered on request."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from .clock import Clock

LADDER = (10, 20, 30, 300, 1200, 7200, 14400, 21600)
ANSWER_SECONDS = 3.0
_VERBS = {
    "Create": "created",
    "Update": "updated",
    "Delete": "deleted",
    "Void": "voided",
    "Merge": "merged",
    "Emailed": "emailed",
}
# Fact 7.5; Preferences tells updates only.
TOLD = frozenset(
    (
        "Account", "Bill", "Class", "CreditMemo", "Customer", "Department", "Deposit", "Employee", "Estimate",
        "Invoice", "Item", "JournalEntry", "Payment", "PaymentMethod", "Preferences", "RefundReceipt",
        "SalesReceipt", "TaxAgency", "Term", "Vendor",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """A change that webhooks report: `verb` is Create, Update, Delete, Void, Merge or Emailed."""

    realm: str
    kind: str
    id: str
    verb: str
    epoch: float
    other: str = ""


@dataclass(slots=True)
class Endpoint:
    """Who wants to be told, in which shape, and how unreliable the way there is."""

    url: str
    verifier_token: str
    format: str = "cloudevents"
    entities: list[str] | None = None
    realm_ids: list[str] | None = None
    drop_rate: float = 0.0
    duplicate_rate: float = 0.0
    reorder: bool = False
    withhold: bool = True

    def wants(self, event: Event) -> bool:
        """Whether an event is for this endpoint."""
        if event.kind not in TOLD or (self.realm_ids is not None and event.realm not in self.realm_ids):
            return False
        return self.entities is None or event.kind in self.entities


@dataclass(slots=True)
class _Delivery:
    url: str
    realm: str
    body: bytes
    due: float
    attempt: int = 0


@dataclass(slots=True)
class _Log:
    sent: int = 0
    acknowledged: int = 0
    failed: int = 0
    dropped: int = 0
    duplicated: int = 0
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=100))


class Webhooks:
    """Takes events, delivers them when the (simulated) clock says so."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock, self._random = clock, rng
        self._endpoints: dict[str, Endpoint] = {}
        self._queue: list[_Delivery] = []
        self._log = _Log()
        self._wake = asyncio.Event()

    # -- endpoints -------------------------------------------------------------------------------

    def subscribe(self, asked: dict[str, Any]) -> None:
        """Add or replace an endpoint."""
        known = {item.name for item in fields(Endpoint)}
        if set(asked) - known or not asked.get("url") or "verifier_token" not in asked:
            raise ValueError(f"wanted: url, verifier_token; possible: {sorted(known)}")
        endpoint = Endpoint(**asked)
        if endpoint.format not in ("cloudevents", "legacy"):
            raise ValueError("format is cloudevents or legacy")
        if urlsplit(endpoint.url).scheme not in ("http", "https"):
            raise ValueError("url is http or https")
        self._endpoints[endpoint.url] = endpoint

    @property
    def listening(self) -> bool:
        """Whether there is any endpoint."""
        return bool(self._endpoints)

    def unsubscribe(self, url: str) -> None:
        """Remove an endpoint and what waits for it."""
        self._endpoints.pop(url, None)
        self._queue = [delivery for delivery in self._queue if delivery.url != url]

    def subscriptions(self) -> Iterator[dict[str, Any]]:
        """All endpoints, as they were asked for."""
        return iter([asdict(endpoint) for endpoint in self._endpoints.values()])

    def report(self) -> dict[str, Any]:
        """Endpoints, counts, what waits and what was delivered last."""
        now = self._clock.now()
        return {
            "endpoints": list(self.subscriptions()),
            "pending": [
                {"url": d.url, "realm_id": d.realm, "attempt": d.attempt, "due_in": d.due - now} for d in self._queue
            ],
            "sent": self._log.sent,
            "acknowledged": self._log.acknowledged,
            "failed": self._log.failed,
            "dropped": self._log.dropped,
            "duplicated": self._log.duplicated,
            "recent": list(self._log.recent),
        }

    # -- events ----------------------------------------------------------------------------------

    def tell(self, events: list[Event]) -> None:
        """The changes of one request: one delivery per endpoint."""
        for endpoint in self._endpoints.values():
            wanted = [event for event in events if endpoint.wants(event)]
            if not wanted:
                continue
            if self._random.random() < endpoint.drop_rate:
                self._log.dropped += 1
                continue
            body = self._body(endpoint, wanted)
            copies = 1 + (self._random.random() < endpoint.duplicate_rate)
            self._log.duplicated += copies - 1
            for _ in range(copies):
                self._enqueue(endpoint, _Delivery(endpoint.url, wanted[0].realm, body, self._clock.now()))
        self._wake.set()

    def clock_moved(self) -> None:
        """Something may be due now."""
        self._wake.set()

    def _enqueue(self, endpoint: Endpoint, delivery: _Delivery) -> None:
        place = len(self._queue)
        if endpoint.reorder and self._queue:
            place = self._random.randrange(len(self._queue) + 1)
        self._queue.insert(place, delivery)

    def _body(self, endpoint: Endpoint, events: list[Event]) -> bytes:
        make = self._cloud_events if endpoint.format == "cloudevents" else self._legacy
        return json.dumps(make(events), separators=(",", ":")).encode()

    def _cloud_events(self, events: list[Event]) -> Any:
        return [
            {
                "specversion": "1.0",
                "id": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
                "source": "intuit.dsnBgbseACLLRZNxo2dfc4evmEJdxde58xeeYcZliOU=",
                "type": f"qbo.{event.kind.lower()}.{_VERBS[event.verb]}.v1",
                "datacontenttype": "application/json",
                "time": _nanoseconds(event.epoch, self._random.randrange(1000)),
                "intuitentityid": event.id,
                "intuitaccountid": event.realm,
                "data": {"deletedid": event.other} if event.other else {},
            }
            for event in events
        ]

    def _legacy(self, events: list[Event]) -> Any:
        entities = [
            {
                "name": event.kind,
                "id": event.id,
                "operation": event.verb,
                "lastUpdated": f"{_nanoseconds(event.epoch, 0)[:23]}Z",
                **({"deletedId": event.other} if event.other else {}),
            }
            for event in events
        ]
        return {"eventNotifications": [{"realmId": events[0].realm, "dataChangeEvent": {"entities": entities}}]}

    # -- delivery --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._wake.clear()
            due = self._due()
            if due is not None:
                await self._deliver(due)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._pause())

    def _pause(self) -> float | None:
        if not self._queue or self._clock.frozen is not None:
            return None
        return min(max(min(d.due for d in self._queue) - self._clock.now(), 0.01), 1.0)

    def _due(self) -> _Delivery | None:
        """The next one; while an endpoint's first is unacknowledged, its later ones are withheld (7.1)."""
        now, blocked = self._clock.now(), set()
        for delivery in self._queue:
            key = (delivery.url, delivery.realm)
            if key in blocked:
                continue
            if delivery.due <= now:
                return delivery
            endpoint = self._endpoints.get(delivery.url)
            if endpoint is not None and endpoint.withhold:
                blocked.add(key)
        return None

    async def _deliver(self, delivery: _Delivery) -> None:
        endpoint = self._endpoints.get(delivery.url)
        if endpoint is None:
            self._queue.remove(delivery)
            return
        status = await asyncio.to_thread(_post, endpoint, delivery.body)
        self._log.sent += 1
        self._log.recent.append({"url": delivery.url, "status": status, "attempt": delivery.attempt + 1})
        if delivery not in self._queue:
            return
        if status == 200:
            self._log.acknowledged += 1
            self._queue.remove(delivery)
            return
        self._log.failed += 1
        delivery.due = self._clock.now() + LADDER[min(delivery.attempt, len(LADDER) - 1)]
        delivery.attempt += 1


def signature(token: str, body: bytes) -> str:
    """base64 of HMAC-SHA256 over the raw body (fact 7.2)."""
    return base64.b64encode(hmac.new(token.encode(), body, hashlib.sha256).digest()).decode()


def _nanoseconds(epoch: float, extra: int) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch))
    return f"{whole}.{int(epoch % 1 * 1_000_000):06d}{extra:03d}Z"


def _post(endpoint: Endpoint, body: bytes) -> int:
    """The receiver's status, 0 if there was none within three seconds."""
    parts = urlsplit(endpoint.url)
    opener = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = opener(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    headers = {
        "Content-Type": "application/json",
        "intuit-signature": signature(endpoint.verifier_token, body),
        "intuit-notification-schema-version": "3.0",
        "User-Agent": "intuit-webhooks-sandbox",
    }
    try:
        line.request("POST", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", body, headers)
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()
