"""The sandbox's own calls under /sandbox, for people and tests (contract 5)."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .clock import parse_moment
from .entities import KINDS
from .entities.merge import merge_customers
from .entities.preferences import change_preferences
from .faults import Fault
from .money import dumps, loads_plain
from .store import Company
from .switches import SWITCHES, UnknownSwitch
from .work import Work

if TYPE_CHECKING:
    from .server import Server

Handler = Callable[[Request], Awaitable[Response]]


class Control:
    """The control calls."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def routes(self) -> list[Route]:
        """All of them."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/health", self.health),
            ("GET", "/companies", self.companies),
            ("POST", "/companies", self.add_company),
            ("GET", "/companies/{realm}", self.company),
            ("POST", "/companies/{realm}/grants", self.grant),
            ("POST", "/companies/{realm}/preferences", self.preferences),
            ("POST", "/companies/{realm}/switches", self.company_switches),
            ("POST", "/companies/{realm}/subscription", self.subscription),
            ("POST", "/companies/{realm}/merge", self.merge),
            ("POST", "/companies/{realm}/disconnect", self.disconnect),
            ("POST", "/expire-access-tokens", self.expire),
            ("GET", "/stats", self.stats),
            ("POST", "/stats/reset", self.reset_stats),
            ("GET", "/limits", self.limits),
            ("POST", "/limits", self.set_limits),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("GET", "/switches", self.switches),
            ("POST", "/switches", self.set_switches),
            ("GET", "/clock", self.clock),
            ("POST", "/clock", self.set_clock),
            ("GET", "/webhooks", self.webhooks),
            ("POST", "/webhooks", self.add_webhook),
            ("DELETE", "/webhooks", self.remove_webhook),
        ]
        return [Route(f"/sandbox{path}", self._guarded(call), methods=[verb]) for verb, path, call in table]

    def _guarded(self, call: Handler) -> Handler:
        """A mistake in a control call is 400 with a sentence; what changed is in the state file."""

        async def endpoint(request: Request) -> Response:
            try:
                response = await call(request)
            except LookupError as problem:
                response = JSONResponse({"error": str(problem.args[0])}, 404)
            except (Fault, UnknownSwitch, ValueError, TypeError) as problem:
                response = JSONResponse({"error": str(problem)}, 400)
            self.server.journal.flush()
            return response

        return endpoint

    def _company(self, request: Request) -> Company:
        realm = request.path_params["realm"]
        company = self.server.companies.get(realm)
        if company is None:
            raise LookupError(f"there is no company {realm}")
        return company

    # -- companies -------------------------------------------------------------------------------

    async def health(self, request: Request) -> Response:
        """200 when ready."""
        return JSONResponse({"status": "ok", "companies": len(self.server.companies)})

    async def companies(self, request: Request) -> Response:
        """All companies."""
        return JSONResponse([{"realm_id": c.realm, "name": c.name} for c in self.server.companies.values()])

    async def add_company(self, request: Request) -> Response:
        """A furnished company; a realm_id that exists is answered as it is."""
        asked = await _body(request)
        realm = asked.get("realm_id")
        if realm is not None and not str(realm).isdigit():
            raise ValueError("realm_id is a string of digits")
        name = str(asked.get("name") or "Sandbox Company")
        company = self.server.add_company(name, None if realm is None else str(realm))
        return JSONResponse({"realm_id": company.realm, "name": company.name})

    async def company(self, request: Request) -> Response:
        """Counts, settings and preferences of one."""
        company = self._company(request)
        return _json(
            {
                "realm_id": company.realm,
                "name": company.name,
                "records": {kind: len(table.records) for kind, table in company.tables()},
                "switches": company.switches,
                "subscription_ended": company.subscription_ended,
                "preferences": company.preferences,
            }
        )

    async def grant(self, request: Request) -> Response:
        """A fresh grant, independent of all others."""
        company = self._company(request)
        tokens = self.server.oauth.answer(self.server.oauth.new_grant(company.realm))
        return JSONResponse({name: tokens[name] for name in ("access_token", "refresh_token", "expires_in")})

    async def preferences(self, request: Request) -> Response:
        """Change preferences, also those that no API can: a nested partial body; null takes a setting away."""
        company = self._company(request)
        work = Work(self.server, company)
        changed = change_preferences(work, KINDS["Preferences"], await _body(request))
        work.commit()
        return _json(changed)

    async def company_switches(self, request: Request) -> Response:
        """Switches for one company."""
        company = self._company(request)
        self.server.switches.set(await _body(request), company.switches)
        self.server.journal.note("switches", company.realm, company.switches)
        return _json(company.switches)

    async def subscription(self, request: Request) -> Response:
        """`{"ended": true}`: writes are 6190, reads go on."""
        company = self._company(request)
        company.subscription_ended = bool((await _body(request)).get("ended", True))
        self.server.journal.note("subscription", company.realm, company.subscription_ended)
        return JSONResponse({"ended": company.subscription_ended})

    async def merge(self, request: Request) -> Response:
        """`{"from": id, "into": id}`: merge two customers, as a bookkeeper does by renaming one."""
        asked = await _body(request)
        work = Work(self.server, self._company(request))
        merge_customers(work, str(asked.get("from")), str(asked.get("into")))
        work.commit()
        return JSONResponse({"into": str(asked["into"])})

    async def disconnect(self, request: Request) -> Response:
        """The user disconnects the app in QuickBooks."""
        return JSONResponse({"ended": self.server.oauth.disconnect(self._company(request).realm)})

    async def expire(self, request: Request) -> Response:
        """Access tokens end now (`{"realm_id"?}`); refresh tokens go on."""
        return JSONResponse({"expired": self.server.oauth.expire_access((await _body(request)).get("realm_id"))})

    # -- measuring and breaking ------------------------------------------------------------------

    async def stats(self, request: Request) -> Response:
        """Counts since the last reset."""
        return JSONResponse(self.server.stats.as_dict())

    async def reset_stats(self, request: Request) -> Response:
        """All to zero."""
        self.server.stats.reset()
        return JSONResponse(self.server.stats.as_dict())

    async def limits(self, request: Request) -> Response:
        """The throttles."""
        return JSONResponse(self.server.throttle.limits.as_dict())

    async def set_limits(self, request: Request) -> Response:
        """Change some of them; null: none."""
        self.server.throttle.limits.change(await _body(request))
        self.server.throttle.forget()
        self.server.journal.note("limits", self.server.throttle.limits.as_dict())
        return JSONResponse(self.server.throttle.limits.as_dict())

    async def faults(self, request: Request) -> Response:
        """Faults in force."""
        return JSONResponse([rule.as_dict() for rule in self.server.injected.rules])

    async def add_fault(self, request: Request) -> Response:
        """One more."""
        asked = json.loads(await request.body() or b"{}")
        if not isinstance(asked, dict):
            raise TypeError("an object is wanted")
        return JSONResponse(self.server.injected.add(asked).as_dict())

    async def clear_faults(self, request: Request) -> Response:
        """None any more."""
        self.server.injected.clear()
        return JSONResponse([])

    # -- switches, clock, webhooks ---------------------------------------------------------------

    async def switches(self, request: Request) -> Response:
        """Every switch: value, default, values, why."""
        get = self.server.switches.get
        return _json(
            {
                s.name: {"value": get(s.name, {}), "default": s.default, "values": list(s.values), "why": s.why}
                for s in SWITCHES.values()
            }
        )

    async def set_switches(self, request: Request) -> Response:
        """Change some for the whole server; null puts one back."""
        self.server.switches.set(await _body(request))
        self.server.journal.note("switches", None, self.server.switches.values)
        return _json(self.server.switches.values)

    async def clock(self, request: Request) -> Response:
        """What time it is here."""
        return JSONResponse(self._time())

    async def set_clock(self, request: Request) -> Response:
        """`{"now": "2026-11-01T01:59:50-07:00"}`, `{"advance_seconds": 86400}`, `{"frozen": true}`.

        `{"offset_seconds": 0}` is the wall clock again.
        """
        asked, clock = await _body(request), self.server.clock
        if "frozen" in asked:
            clock.freeze(bool(asked["frozen"]))
        if "offset_seconds" in asked:
            clock.set(time.time() + float(asked["offset_seconds"]))
        if "now" in asked:
            moment = parse_moment(str(asked["now"]))
            if moment is None:
                raise ValueError("now is an ISO timestamp")
            clock.set(moment)
        if "advance_seconds" in asked:
            clock.advance(float(asked["advance_seconds"]))
        self.server.journal.note("clock", clock.offset, clock.frozen)
        self.server.webhooks.clock_moved()
        return JSONResponse(self._time())

    def _time(self) -> dict[str, Any]:
        clock = self.server.clock
        return {"now": clock.response_time(), "epoch": clock.now(), "frozen": clock.frozen is not None}

    async def webhooks(self, request: Request) -> Response:
        """Endpoints and what was delivered."""
        return JSONResponse(self.server.webhooks.report())

    async def add_webhook(self, request: Request) -> Response:
        """Add or replace an endpoint."""
        hook = json.loads(await request.body())
        self.server.webhooks.subscribe(hook)
        self.server.journal.note("webhook", hook)
        return JSONResponse(self.server.webhooks.report())

    async def remove_webhook(self, request: Request) -> Response:
        """Remove one (`{"url"}`), or all."""
        asked = await _body(request)
        for url in [asked["url"]] if "url" in asked else [hook["url"] for hook in self.server.webhooks.subscriptions()]:
            self.server.webhooks.unsubscribe(url)
            self.server.journal.note("unwebhook", url)
        return JSONResponse(self.server.webhooks.report())


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    body = loads_plain(raw) if raw.strip() else {}
    if not isinstance(body, dict):
        raise TypeError("an object is wanted")
    return body


def _json(value: Any) -> Response:
    return Response(dumps(value), media_type="application/json")
