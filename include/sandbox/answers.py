"""How answers look on the wire: headers, `time`, JSON or XML, the gateway's HTML pages (fact 2)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from starlette.responses import Response

from .clock import Clock
from .faults import Fault
from .gateway_faults import GatewayFault
from .money import dumps, loads

JSON = "application/json;charset=UTF-8"
XML = "application/xml;charset=UTF-8"
HTML = "text/html;charset=UTF-8"
_NAMESPACE = "http://schema.intuit.com/finance/v3"


@dataclass(slots=True)
class Answer:
    """What goes back."""

    status: int
    media_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, rng: random.Random, clock: Clock) -> Response:
        """With the headers that every answer carries (fact 2.2)."""
        headers = {
            "intuit_tid": f"1-{int(clock.now()):08x}-{rng.getrandbits(96):024x}",
            "QBO-Version": "1985.164",
            "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
            "Server": "QBO sandbox",
        }
        headers.update(self.headers)
        return Response(self.body, self.status, headers, self.media_type)


def ok(members: bytes, clock: Clock, as_json: bool) -> Answer:
    """200 with `members` (JSON, without the braces) and the time."""
    raw = b"{" + members + b',"time":"' + clock.response_time().encode() + b'"}'
    if as_json:
        return Answer(200, JSON, raw)
    return Answer(200, XML, to_xml(raw))


def fault(problem: Fault, clock: Clock, as_json: bool) -> Answer:
    """The application's envelope."""
    raw = dumps({"Fault": problem.member(), "time": clock.response_time()})
    return Answer(problem.status, JSON, raw) if as_json else Answer(problem.status, XML, fault_xml(problem, clock))


def gateway(problem: GatewayFault, clock: Clock, envelope: str = "lower") -> Answer:
    """The gateway's envelope, always JSON here."""
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Intuit", error="invalid_token"'
    body: Any = problem.body(int(clock.now() * 1000))
    if envelope == "upper":
        error = body["fault"]["error"][0]
        body = {
            "Fault": {
                "Error": [{"Message": error["message"], "Detail": error["detail"], "code": error["code"]}],
                "type": problem.kind,
            },
            "time": clock.response_time(),
        }
    return Answer(problem.status, JSON, dumps(body), headers)


def html(status: int, title: str) -> Answer:
    """What stands before the application answers in HTML: wrong paths, 413, 502 to 504 (fact 2.5)."""
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{status} {title}</h1></body></html>"
    return Answer(status, HTML, page.encode())


def to_xml(raw: bytes) -> bytes:
    """A plain XML form of a JSON answer, for clients that forget `Accept` (fact 2.2)."""
    body = loads(raw)
    moment = body.pop("time", "")
    inner = "".join(_element(name, value) for name, value in body.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<IntuitResponse xmlns="{_NAMESPACE}" time="{escape(str(moment))}">{inner}</IntuitResponse>'
    ).encode()


def fault_xml(problem: Fault, clock: Clock) -> bytes:
    """A fault in XML, where the code is an attribute."""
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<IntuitResponse xmlns="{_NAMESPACE}" time="{clock.response_time()}">'
        f'<Fault type="{problem.kind}"><Error code="{problem.code}" element="{escape(problem.element or "")}">'
        f"<Message>{escape(problem.message)}</Message><Detail>{escape(problem.detail)}</Detail>"
        f"</Error></Fault></IntuitResponse>"
    ).encode()


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, entry) for entry in value)
    if isinstance(value, dict):
        if "value" in value and set(value) <= {"value", "name"}:
            label = f' name="{escape(str(value["name"]), {chr(34): "&quot;"})}"' if "name" in value else ""
            return f"<{name}{label}>{escape(str(value['value']))}</{name}>"
        inner = "".join(_element(key, entry) for key, entry in value.items() if key not in ("domain", "sparse"))
        attributes = "".join(
            f' {key}="{escape(str(value[key]).lower() if key == "sparse" else str(value[key]))}"'
            for key in ("domain", "sparse")
            if key in value
        )
        return f"<{name}{attributes}>{inner}</{name}>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"
