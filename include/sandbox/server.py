"""Everything that one running sandbox holds, and how it comes back from its state file."""

from __future__ import annotations

import base64
import gc
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from .chart import furnish
from .clock import Clock
from .entities import KINDS, columns_of
from .injected import Injected
from .journal import Journal
from .money import dumps, loads
from .oauth import OAuth
from .replay import Kept, Replays
from .schema import Body
from .stats import Stats
from .store import Company, Record
from .switches import Switchboard
from .throttle import Throttle
from .webhooks import Webhooks
from .work import Work


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says."""

    latency_ms: int = 0
    state_file: Path | None = None
    seed: int = 0
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105 — the documented default of a local stand-in
    throttled: bool = True
    webhook_url: str | None = None
    webhook_verifier_token: str = ""


class Server:
    """One sandbox."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.random = random.Random(settings.seed)
        self.clock = Clock()
        self.switches = Switchboard()
        self.throttle = Throttle()
        self.stats = Stats()
        self.injected = Injected(self.random)
        self.journal = Journal(settings.state_file)
        self.webhooks = Webhooks(self.clock, self.random)
        self.companies: dict[str, Company] = {}
        self.replays: dict[str, Replays] = {}
        self.oauth = OAuth(
            settings.client_id, settings.client_secret, self.clock, self.random, self.switches, self.journal
        )
        if not settings.throttled:
            self.throttle.limits.change(
                dict.fromkeys(("requests_per_minute", "requests_per_second", "concurrent", "batch_per_minute"))
            )
        self._starts = 0
        self._restore()
        if settings.webhook_url:
            self.webhooks.subscribe({"url": settings.webhook_url, "verifier_token": settings.webhook_verifier_token})
        # Another stretch of the seed's numbers after each restart: tokens must not repeat.
        self.random.seed(f"{settings.seed}/{self._starts}")

    # -- companies -------------------------------------------------------------------------------

    def add_company(self, name: str, realm: str | None = None) -> Company:
        """A furnished company; an existing realm is answered as it is."""
        if realm is not None and realm in self.companies:
            return self.companies[realm]
        if realm is None:
            realm = str(9130350000000000 + self.random.randrange(10**12))
            while realm in self.companies:
                realm = str(int(realm) + 1)
        company = self._new_company(realm, name)
        self.journal.note("company", realm, name)
        work = Work(self, company)
        # The webhooks of a company begin with its connection, not with its furniture.
        furnish(work, name)
        work.commit(quiet=True)
        return company

    def _new_company(self, realm: str, name: str) -> Company:
        company = self.companies[realm] = Company(realm, name, columns_of)
        self.replays[realm] = Replays()
        return company

    def keep_answer(self, realm: str, request_id: str, kept: Kept) -> None:
        """Remember an answer for its request id, in the state file too."""
        self.replays[realm].keep(request_id, kept)
        self.journal.note("replay", realm, request_id, *_packed(kept))

    # -- the state file --------------------------------------------------------------------------

    def _restore(self) -> None:
        gc.disable()  # nothing that a start makes is garbage, and looking for it doubles the time
        for operation in self.journal.replay():
            self._apply(operation)
        gc.enable()
        self._starts += 1
        self.journal.rewrite(self._snapshot(), self._records())
        self.journal.open()

    def _apply(self, operation: list[Any]) -> None:
        what, *rest = operation
        match what:
            case "put":
                realm, kind, created, updated, body = rest
                self._apply_put(self.companies[realm], kind, created, updated, body)
            case "del":
                realm, kind, record_id, epoch = rest
                self.companies[realm].seen_id(KINDS[kind].family, record_id)
                self.companies[realm].drop(kind, record_id, epoch)
            case "counter":
                realm, name, value = rest
                company = self.companies[realm]
                company.counters[name] = max(company.counters.get(name, 0), value)
            case "company":
                self._new_company(*rest)
            case "subscription":
                self.companies[rest[0]].subscription_ended = rest[1]
            case "replay":
                realm, request_id, status, media_type, packed, epoch, digest = rest
                kept = Kept(status, media_type, base64.b64decode(packed), float(epoch), base64.b64decode(digest))
                self.replays[realm].keep(request_id, kept)
            case "switches":
                realm, values = rest
                own = self.switches.values if realm is None else self.companies[realm].switches
                own.clear()
                own.update({k: float(v) if isinstance(v, Decimal) else v for k, v in values.items()})
            case "starts":
                self._starts = rest[0]
            case "clock":
                self.clock.offset = float(rest[0])
                self.clock.frozen = None if rest[1] is None else float(rest[1])
            case "limits":
                self.throttle.limits.change(rest[0])
            case "webhook":
                self.webhooks.subscribe(rest[0])
            case "unwebhook":
                self.webhooks.unsubscribe(rest[0])
            case _:
                self.oauth.restore(what, rest)

    def _apply_put(self, company: Company, kind_name: str, created: int, updated: int, held: Body | bytes) -> None:
        kind = KINDS[kind_name]
        raw = held if isinstance(held, bytes) else dumps(held)
        body: Body = loads(held) if isinstance(held, bytes) else held
        company.seen_id(kind.family, body["Id"])
        company.put(kind_name, kind.record(body, raw, created, updated))
        if kind_name == "CompanyInfo":
            company.name = body.get("CompanyName", company.name)

    def _records(self) -> Iterator[tuple[str, str, Record]]:
        for realm, company in self.companies.items():
            for kind, table in company.tables():
                for record in table.records.values():
                    yield realm, kind, record

    def _snapshot(self) -> Iterator[bytes]:
        """The whole state but the records, as operations."""
        yield dumps(["starts", self._starts])
        yield dumps(["clock", self.clock.offset, self.clock.frozen])
        yield dumps(["limits", self.throttle.limits.as_dict()])
        yield dumps(["switches", None, self.switches.values])
        for realm, company in self.companies.items():
            yield dumps(["company", realm, company.name])
            yield dumps(["switches", realm, company.switches])
            yield dumps(["subscription", realm, company.subscription_ended])
            for name, value in company.counters.items():
                yield dumps(["counter", realm, name, value])
            for kind, table in company.tables():
                for record_id, epoch in table.deleted.items():
                    yield dumps(["del", realm, kind, record_id, epoch])
            for request_id, kept in self.replays[realm].items():
                yield dumps(["replay", realm, request_id, *_packed(kept)])
        for operation in self.oauth.snapshot():
            yield dumps(operation)
        for hook in self.webhooks.subscriptions():
            yield dumps(["webhook", hook])


def _packed(kept: Kept) -> tuple[Any, ...]:
    return (
        kept.status,
        kept.media_type,
        base64.b64encode(kept.packed).decode(),
        kept.epoch,
        base64.b64encode(kept.digest).decode(),
    )
