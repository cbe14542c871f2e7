"""The accounting API under /v3/company/{realm}/ (dossier 2).

The order of the gates is Intuit's: wrong path 404 (HTML), token 401, company 403, throttle 429, then the
request is parsed and validated (dossier 11.3).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from . import answers, batch, cdc, faults, query
from .answers import Answer
from .connections import cut
from .entities import find
from .forms import pdf, send, upload
from .injected import AFTER, Rule
from .money import loads
from .operations import kind_named, operation_of, perform, read
from .replay import digest_of, pack
from .schema import Body
from .stats import METERED
from .store import Company
from .work import Work

if TYPE_CHECKING:
    from .server import Server

LARGEST_BODY = 10 * 1024 * 1024


@dataclass(slots=True)
class Call:
    """One request, taken apart."""

    realm: str
    shape: str  # query, batch, cdc, write, read, pdf, send, upload
    entity: str
    record_id: str
    options: dict[str, str]
    raw: bytes
    media_type: str
    as_json: bool
    path: str
    body: Any = None
    operation: str = ""

    @property
    def content_type(self) -> str:
        """In lower case; empty if none was said."""
        return self.media_type.lower()


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
        except faults.GatewayFault as problem:
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
            raise faults.wrong_realm()
        if grant is None or why is not None:
            raise faults.unauthenticated(why)
        if not call.realm.isdigit():
            # trap 44
            raise faults.business("Unexpected Internal Error. (-30000)")
        company = server.companies.get(call.realm)
        if company is None or grant.realm != call.realm:
            raise faults.wrong_realm()
        if not server.throttle.admit(call.realm, call.shape == "batch", self._metered(call)):
            raise faults.throttled()
        return company

    @staticmethod
    def _metered(call: Call) -> bool:
        return call.shape in METERED or (call.shape == "batch" and b'"Query"' in call.raw)

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
        rule = server.injected.draw(call.realm, self._parts(call))
        if rule is not None and rule.kind not in AFTER:
            early = await self._inject_before(rule, call)
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

    def _parts(self, call: Call) -> set[tuple[str, str]]:
        if call.shape == "batch":
            items = call.body.get("BatchItemRequest") if isinstance(call.body, dict) else None
            return batch.parts_of([item for item in items or [] if isinstance(item, dict)])
        return {(call.entity, call.operation or call.shape)}

    def _count(self, call: Call) -> None:
        stats = self.server.stats
        stats.request(call.realm, call.operation or ("create" if call.shape == "write" else call.shape))
        if self._metered(call):
            stats.metered += 1

    # -- doing -----------------------------------------------------------------------------------

    def _replayed(self, call: Call, company: Company) -> Answer:
        """`requestid` (dossier 2.4) around the work."""
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
                members = batch.run(server, work.company, items)
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
        return answers.fault(problem, self.server.clock, call.as_json)

    # -- injected faults -------------------------------------------------------------------------

    async def _inject_before(self, rule: Rule, call: Call) -> Answer | None:
        clock = self.server.clock
        match rule.kind:
            case "timeout_before":
                await asyncio.sleep(rule.seconds)
                return answers.html(504, "Gateway Timeout")
            case "slow":
                await asyncio.sleep(rule.seconds)
                return None
            case "http_500":
                return answers.fault(faults.system_failure(), clock, call.as_json)
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
                return answers.gateway(faults.throttled(), clock, envelope)
            case "http_401":
                return answers.gateway(faults.unauthenticated("Token expired"), clock)
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
            case "http_503_after":
                return answers.html(503, "Service Unavailable")
            case "timeout_after":
                await asyncio.sleep(rule.seconds)
                return answers.html(504, "Gateway Timeout")
            case _:
                cut(request.scope.get("client") and tuple(request.scope["client"]))
                return answers.html(502, "Bad Gateway")


def take_apart(request: Request, raw: bytes) -> Call | None:
    """The request by its path, or None if there is no such path."""
    realm = request.path_params["realm"]
    parts = [part for part in request.path_params["rest"].split("/") if part]
    shape, entity, record_id = _shape(request.method, parts)
    if not shape:
        return None
    accept = request.headers.get("accept", "")
    return Call(
        realm=realm,
        shape=shape,
        entity=entity,
        record_id=record_id,
        options={name.lower(): value for name, value in request.query_params.items()},
        raw=raw,
        media_type=request.headers.get("content-type", ""),
        as_json="json" in accept or "pdf" in accept,
        path=request.url.path,
    )


def _shape(method: str, parts: list[str]) -> tuple[str, str, str]:
    first = parts[0].lower() if parts else ""
    match (method, len(parts)):
        case ("GET" | "POST", 1) if first == "query":
            return "query", "", ""
        case ("GET", 1) if first == "cdc":
            return "cdc", "", ""
        case ("POST", 1) if first == "batch":
            return "batch", "", ""
        case ("POST", 1) if first == "upload":
            return "upload", "Attachable", ""
        case ("POST", 1):
            return "write", _proper(parts[0]), ""
        case ("GET", 1) if first in ("preferences", "companyinfo"):
            return "read", _proper(parts[0]), "1"
        case ("GET", 2):
            return "read", _proper(parts[0]), parts[1]
        case ("GET", 3) if parts[2].lower() == "pdf":
            return "pdf", _proper(parts[0]), parts[1]
        case ("POST", 3) if parts[2].lower() == "send":
            return "send", _proper(parts[0]), parts[1]
        case _:
            return "", "", ""


def _proper(name: str) -> str:
    kind = find(name)
    return kind.name if kind is not None else name


def parse_json(raw: bytes) -> Body:
    """A JSON object, or 2010 (dossier 8.4); bytes that are no UTF-8 are code 500 (2.5)."""
    try:
        body = loads(raw)
    except UnicodeDecodeError:
        raise faults.malformed_bytes() from None
    except (json.JSONDecodeError, ValueError, RecursionError):
        raise faults.unparsable() from None
    if not isinstance(body, dict):
        raise faults.unparsable()
    return body


def statement_of(call: Call) -> str:
    """The query, from the body or the address."""
    if call.raw:
        try:
            return call.raw.decode()
        except UnicodeDecodeError:
            raise faults.malformed_bytes() from None
    statement = call.options.get("query", "")
    if not statement:
        raise faults.missing("query")
    return statement
