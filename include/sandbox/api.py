"""The accounting API under /v3/company/{realm}/ (fact 2).

The order of the gates is Intuit's: wrong path 404 (HTML), token 401, company 403, throttle 429, then the
request is parsed and validated (fact 11.3).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from . import answers, batch, cdc, faults, gateway_faults, query
from .answers import Answer
from .calls import Call, parse_json, statement_of, take_apart
from .connections import cut
from .forms import pdf, send, upload
from .injected import AFTER, Rule
from .operations import kind_named, operation_of, perform, read
from .replay import digest_of, pack
from .store import Company
from .work import Work

if TYPE_CHECKING:
    from .server import Server

LARGEST_BODY = 10 * 1024 * 1024


class Api:
    """The endpoint."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def __call__(self, request: Request) -> Response:
        raw = await request.body()
        answer = await self._answer(request, raw)
        self.server.journal.flush()
        self.server.stats.status[str(answer.status)] += 1
        return answer.response(self.server.random, self.server.clock)

    async def _answer(self, request: Request, raw: bytes) -> Answer:
        server = self.server
        call = take_apart(request, raw)
        if call is None:
            return answers.html(404, "Not Found")
        try:
            company = self._admit(request, call)
        except gateway_faults.GatewayFault as problem:
            envelope = "lower"
            if problem.status == 429:
                envelope = server.switches.get("throttle_envelope", {})
            answer = answers.gateway(problem, server.clock, envelope)
            if problem.status == 429 and server.switches.get("retry_after", {}):
                answer.headers["Retry-After"] = "60"
            return answer
        except faults.Fault as problem:
            return self._fault(problem, call)
        try:
            return await self._admitted(request, call, company)
        finally:
            server.throttle.leave(call.realm)

    def _admit(self, request: Request, call: Call) -> Company:
        """The gates before the application."""
        server = self.server
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant, why = server.oauth.grant_of(token.strip() if scheme.lower() == "bearer" else "")
        if why == "Token revoked" and server.switches.get("revoked_token", {}) == 403:
            raise gateway_faults.wrong_realm()
        if grant is None or why is not None:
            raise gateway_faults.unauthenticated(why)
        if not call.realm.isdigit():
            # trap 44
            raise faults.business("Unexpected Internal Error. (-30000)")
        company = server.companies.get(call.realm)
        if company is None or grant.realm != call.realm:
            raise gateway_faults.wrong_realm()
        if not server.throttle.admit(call.realm, call.shape == "batch", call.metered):
            raise gateway_faults.throttled()
        return company

    async def _admitted(self, request: Request, call: Call, company: Company) -> Answer:
        server = self.server
        if server.settings.latency_ms:
            await asyncio.sleep(server.settings.latency_ms / 1000)
        try:
            self._parse(call)
        except faults.Fault as problem:
            self._count(call)
            return self._fault(problem, call)
        self._count(call)
        rule = server.injected.draw(call.realm, call.parts())
        if rule is not None and rule.kind not in AFTER:
            early = await self._inject_before(rule, request, call)
            if early is not None:
                return early
        answer = self._replayed(call, company)
        if rule is not None and rule.kind in AFTER:
            server.journal.flush()
            return await self._inject_after(rule, request, call)
        return answer

    # -- parsing ---------------------------------------------------------------------------------

    def _parse(self, call: Call) -> None:
        if call.shape in ("write", "batch"):
            if len(call.raw) > LARGEST_BODY:
                raise faults.named("6030", "Upload request size exceeds limit", "")
            if call.content_type and "json" not in call.content_type:
                raise faults.content_type(call.content_type)
            call.body = parse_json(call.raw)
            if call.shape == "write":
                kind = kind_named(call.entity)
                call.operation = operation_of(kind, call.body, call.options)
        elif call.shape == "query" and call.raw and "json" in call.content_type:
            raise faults.content_type(call.content_type)
        elif call.shape in ("read", "pdf", "send"):
            kind_named(call.entity)

    def _count(self, call: Call) -> None:
        stats = self.server.stats
        stats.request(call.realm, call.operation or ("create" if call.shape == "write" else call.shape))
        if call.metered:
            stats.metered += 1

    # -- doing -----------------------------------------------------------------------------------

    def _replayed(self, call: Call, company: Company) -> Answer:
        """`requestid` (fact 2.4) around the work."""
        server, request_id = self.server, call.options.get("requestid")
        if request_id is None or call.shape not in ("write", "batch", "upload"):
            return self._run(call, company)
        digest = digest_of(call.path, call.raw)
        now = server.clock.now()
        try:
            kept = server.replays[call.realm].find(
                request_id,
                digest,
                now,
                float(server.switches.get("requestid_retention_hours", company.switches)),
                server.switches.get("requestid_other_body", company.switches),
            )
        except faults.Fault as problem:
            return self._fault(problem, call)
        if kept is not None:
            server.stats.replays += 1
            return Answer(kept.status, kept.media_type, kept.answer)
        answer = self._run(call, company)
        if answer.status == 200 or server.switches.get("requestid_keeps_faults", company.switches):
            server.keep_answer(call.realm, request_id, pack(answer.status, answer.media_type, answer.body, now, digest))
        return answer

    def _run(self, call: Call, company: Company) -> Answer:
        try:
            return self._do(call, Work(self.server, company))
        except faults.Fault as problem:
            return self._fault(problem, call)

    def _do(self, call: Call, work: Work) -> Answer:
        server = self.server
        match call.shape:
            case "batch":
                items = batch.items_of(call.body)
                server.stats.request(call.realm, "batch_items", len(items))
                members = batch.run(server, work.company, items, call.item_fault)
            case "query":
                members = b'"QueryResponse":' + query.run(work, statement_of(call))
            case "cdc":
                members = cdc.run(work, call.options.get("entities", ""), call.options.get("changedsince", ""))
            case "write":
                kind = kind_named(call.entity)
                raw = perform(work, kind, call.operation, call.body, call.options)
                server.stats.writes[call.operation] += 1
                members = b'"%b":%b' % (kind.name.encode(), raw)
            case "read":
                kind = kind_named(call.entity)
                members = b'"%b":%b' % (kind.name.encode(), read(work, kind, call.record_id, call.options))
            case "pdf":
                return Answer(200, "application/pdf", pdf(work, kind_named(call.entity), call.record_id))
            case "send":
                kind = kind_named(call.entity)
                raw = send(work, kind, call.record_id, call.options.get("sendto"))
                members = b'"%b":%b' % (kind.name.encode(), raw)
            case _:
                members = upload(work, call.media_type, call.raw)
        return answers.ok(members, server.clock, call.as_json)

    def _fault(self, problem: faults.Fault, call: Call) -> Answer:
        self.server.stats.faults[problem.code] += 1
        company = self.server.companies.get(call.realm)
        if problem.kind == "ValidationFault" and company is not None:
            problem.kind = self.server.switches.get("fault_type", company.switches)
        return answers.fault(problem, self.server.clock, call.as_json)

    # -- injected faults -------------------------------------------------------------------------

    async def _inject_before(self, rule: Rule, request: Request, call: Call) -> Answer | None:
        clock = self.server.clock
        match rule.kind:
            case "timeout_before":
                await _hang(request, rule.seconds)
                return answers.html(504, "Gateway Timeout")
            case "slow":
                await asyncio.sleep(rule.seconds)
                return None
            case "item_throttle" | "fault" if call.shape == "batch" and rule.operation != "batch":
                call.item_fault = rule
                return None
            case "item_throttle":
                return None
            case "fault":
                return self._fault(rule.fault(), call)
            case "http_403":
                return answers.gateway(gateway_faults.wrong_realm(), clock)
            case "http_500":
                return answers.fault(faults.system_failure(), clock, call.as_json)
            case "http_200_fault":
                # fact 8.1: a 200 body may contain a Fault
                answer = answers.fault(faults.system_failure(), clock, call.as_json)
                answer.status = 200
                return answer
            case "http_502":
                return answers.html(502, "Bad Gateway")
            case "http_503":
                return answers.html(503, "Service Unavailable")
            case "http_504":
                return answers.html(504, "Gateway Timeout")
            case "html_413":
                return answers.html(413, "Request Entity Too Large")
            case "http_429":
                envelope = self.server.switches.get("throttle_envelope", {})
                return answers.gateway(gateway_faults.throttled(), clock, envelope)
            case "http_401":
                return answers.gateway(gateway_faults.unauthenticated("Token expired"), clock)
            case "auth_120":
                # trap 47
                problem = faults.Fault(
                    "120",
                    "Authorization Failure",
                    "Unknown Error during Authentication, statusCode: 500",
                    None,
                    "AuthorizatonFault",
                    500,
                )
                return answers.fault(problem, clock, call.as_json)
            case _:
                return Answer(200, answers.JSON, b'{"QueryResponse":{"Invoice":[{"Id":"1","Tot')

    async def _inject_after(self, rule: Rule, request: Request, call: Call) -> Answer:
        match rule.kind:
            case "http_500_after":
                return answers.fault(faults.system_failure(), self.server.clock, call.as_json)
            case "fault_6000_after":
                # trap 6: some 6000 too are post-then-fail
                problem = faults.business("Something went wrong. Try again later.")
                return answers.fault(problem, self.server.clock, call.as_json)
            case "http_503_after":
                return answers.html(503, "Service Unavailable")
            case "timeout_after":
                await _hang(request, rule.seconds)
                return answers.html(504, "Gateway Timeout")
            case _:
                cut(request.scope.get("client") and tuple(request.scope["client"]))
                return answers.html(502, "Bad Gateway")


async def _hang(request: Request, seconds: float) -> None:
    """No answer, until the client has had enough: only then is its place among the concurrent ones free."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not await request.is_disconnected():
        await asyncio.sleep(min(0.05, seconds))
