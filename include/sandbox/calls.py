"""A request to the accounting API, taken apart (fact 2.1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from . import batch, faults
from .entities import find
from .injected import Rule
from .money import loads
from .schema import Body
from .stats import METERED


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
    item_fault: Rule | None = None

    @property
    def metered(self) -> bool:
        """Data going out counts against the CorePlus quota (fact 3.3); a batch of queries is one call."""
        return self.shape in METERED or (self.shape == "batch" and b'"Query"' in self.raw)

    def parts(self) -> set[tuple[str, str]]:
        """The (entity, operation) pairs that it is about, for injected faults."""
        if self.shape == "batch":
            items = self.body.get("BatchItemRequest") if isinstance(self.body, dict) else None
            return batch.parts_of([item for item in items or [] if isinstance(item, dict)])
        if self.shape == "query":
            return {(batch.queried(self.options.get("query") or self.raw.decode(errors="replace")), "query")}
        return {(self.entity, self.operation or self.shape)}

    @property
    def content_type(self) -> str:
        """In lower case; empty if none was said."""
        return self.media_type.lower()


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
    """A JSON object, or 2010 (fact 8.4); bytes that are no UTF-8 are code 500 (2.5)."""
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
