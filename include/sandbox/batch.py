"""Batches (fact 6): HTTP 200, every item with its own outcome, items blind to each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from . import cdc, faults, query
from .injected import Rule
from .money import dumps
from .operations import kind_named, operation_of, perform
from .schema import Body
from .store import Company
from .work import Work

if TYPE_CHECKING:
    from .server import Server

LARGEST = 30
_FROM = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
_OTHER = frozenset(("bId", "operation", "optionsData"))


def items_of(body: Any) -> list[Body]:
    """The batch's items; 1040 if there are too many."""
    items = body.get("BatchItemRequest") if isinstance(body, dict) else None
    if not isinstance(items, list):
        raise faults.missing("BatchItemRequest")
    if len(items) > LARGEST:
        raise faults.batch_too_big(LARGEST)
    for item in items:
        if not isinstance(item, dict):
            raise faults.unparsable()
    return items


def parts_of(items: list[Body]) -> set[tuple[str, str]]:
    """(entity, operation) of everything in a batch, for injected faults and statistics."""
    found = {("", "batch")}
    for item in items:
        if "Query" in item:
            found.add((queried(str(item["Query"])), "query"))
        for name in item.keys() - _OTHER - {"Query", "CDCQuery"}:
            found.add((name, str(item.get("operation") or "create").lower()))
    return found


def queried(statement: str) -> str:
    """The entity that a query names, roughly."""
    found = _FROM.search(statement)
    return found[1] if found else ""


def run(server: Server, company: Company, items: list[Body], refused: Rule | None = None) -> bytes:
    """All items; the members of the answer, in the order of the items. `refused`: an injected fault for some of them
    (fact 3.2)."""
    hidden: set[tuple[str, str]] = set()
    answers: list[bytes] = []
    backwards = server.switches.get("batch_order", company.switches) == "reverse"
    blind = not server.switches.get("batch_sees_itself", company.switches)
    for item in reversed(items) if backwards else items:
        work = Work(server, company, hidden if blind else None)
        if refused is not None and any(refused.fits(*part) for part in parts_of([item])):
            member = b'"Fault":' + dumps(refused.fault().member())
        else:
            member = _member(server, work, item)
        hidden.update(work.created)
        answers.append(b'{%b,"bId":%b}' % (member, dumps(item.get("bId", ""))))
    return b'"BatchItemResponse":[%b]' % b",".join(reversed(answers) if backwards else answers)


def _member(server: Server, work: Work, item: Body) -> bytes:
    try:
        return _perform(server, work, item)
    except faults.Fault as problem:
        server.stats.faults[problem.code] += 1
        return b'"Fault":' + dumps(problem.member())


def _perform(server: Server, work: Work, item: Body) -> bytes:
    if "Query" in item:
        server.stats.batch_operations["query"] += 1
        return b'"QueryResponse":' + query.run(work, str(item["Query"]))
    if "CDCQuery" in item:
        server.stats.batch_operations["cdc"] += 1
        asked = item["CDCQuery"]
        return cdc.run(work, str(asked.get("Entities", "")), str(asked.get("ChangedSince", "")))
    names = [name for name in item if name not in _OTHER]
    if len(names) != 1:
        raise faults.unparsable()
    kind = kind_named(names[0])
    body = item[names[0]]
    if not isinstance(body, dict):
        raise faults.unparsable()
    options = _options(item)
    operation = str(item.get("operation") or "").lower()
    if operation not in ("create", "update", "delete", "void"):
        raise faults.bad_enumeration("operation", item.get("operation"))
    if operation == "update":
        if operation_of(kind, body, options | {"operation": ""}) == "void":
            operation = "void"
        elif body.get("Id") in (None, ""):
            raise faults.missing("Id")
    server.stats.batch_operations[operation] += 1
    raw = perform(work, kind, operation, body, options)
    server.stats.writes[operation] += 1
    return b'"%b":%b' % (kind.name.encode(), raw)


def _options(item: Body) -> dict[str, str]:
    given = str(item.get("optionsData") or "")
    if given == "void":
        return {"include": "void"}
    return dict(parse_qsl(given))
