"""Queries over a company's records (fact 4)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from . import faults
from .clock import parse_day, parse_moment
from .entities import find as find_kind
from .entities.kind import Kind
from .money import decimal_of, dumps, loads
from .query_language import Condition, Select, Value, parse
from .schema import Body
from .store import Column, Company, Record, Table, id_order
from .work import Work

MOST = 1000
ID = Column("Id", "id")
CREATED = Column("MetaData.CreateTime", "time")
UPDATED = Column("MetaData.LastUpdatedTime", "time")
_BUILT_IN = {column.name.lower(): column for column in (ID, CREATED, UPDATED)}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_STRUCTURED = frozenset(("line", "metadata"))


def run(work: Work, statement: str) -> bytes:
    """The `QueryResponse` member of the answer, as JSON."""
    select = parse(statement)
    kind = find_kind(select.entity)
    if kind is None:
        raise faults.query_invalid(f"Invalid context declaration: {select.entity}")
    _check_page(work, select)
    found = _matching(work, kind, select)
    if select.count:
        return dumps({"totalCount": len(found)})
    _sort(work, kind, select, found)
    page = found[select.start - 1 : select.start - 1 + select.limit]
    if not page:
        return b"{}"
    bodies = [_rendered(work, kind, record, select) for record in page]
    members = {"startPosition": select.start, "maxResults": len(page)}
    if _shows_total(work, select):
        members["totalCount"] = len(found)
    return b'{"%b":[%b],%b' % (kind.name.encode(), b",".join(bodies), dumps(members)[1:])


def _check_page(work: Work, select: Select) -> None:
    for value in (select.start, select.limit):
        if value < 1:
            raise faults.query_invalid(f"value {value} is too small. Min allowed value is 1")
    if select.limit > MOST:
        if work.switch("max_results_over_1000") == "refuse":
            raise faults.query_invalid(f"value {select.limit} is too large. Max allowed value is {MOST}")
        select.limit = MOST


def _shows_total(work: Work, select: Select) -> bool:
    mode = work.switch("total_count")
    return mode == "always" or (mode == "sometimes" and not select.paged)


def _matching(work: Work, kind: Kind, select: Select) -> list[Record]:
    company, table = work.company, work.company.table(kind.name)
    tests: list[Callable[[Record], bool]] = []
    candidates: Iterable[Record] | None = None
    names_active = False
    for condition in select.conditions:
        column = _column(kind, condition.prop, "filter")
        names_active = names_active or column.name == "Active"
        values = tuple(_literal(work, column, value) for value in condition.values)
        if column is ID and condition.op not in ("=", "IN"):
            raise faults.query_invalid("property 'Id' supports only = and IN")
        narrowed = _from_index(table, column, condition, values) if candidates is None else None
        if narrowed is not None:
            candidates = narrowed
        else:
            tests.append(_test(company, kind, table, column, condition, values))
    if "active" in table.position and not names_active:
        place = table.position["active"]
        tests.append(lambda record: record.keys[place] is not False)
    found = list(table.records.values() if candidates is None else candidates)
    for test in tests:
        found = [record for record in found if test(record)]
    return found


def _column(kind: Kind, prop: str, purpose: str) -> Column:
    lowered = prop.lower()
    built_in = _BUILT_IN.get(lowered)
    if built_in is not None:
        return built_in
    for column in kind.columns:
        if column.name.lower() == lowered:
            if column.filterable if purpose == "filter" else column.sortable:
                return column
            raise faults.query_invalid(f"property '{column.name}' is not queryable")
    head = lowered.split(".")[0]
    for name in kind.shape.fields:
        if name.lower() == head or head in _STRUCTURED:
            raise faults.query_invalid(f"property '{prop}' is not queryable")
    raise faults.query_invalid(f"Property {prop} not found for Entity {kind.name}")


def _literal(work: Work, column: Column, value: Value) -> Any:
    """The value in the column's type; a blank in quotes is null."""
    if not value.quoted and column.kind in ("number", "id") and work.switch("bare_numbers") == "refuse":
        raise faults.query_syntax(f'Encountered " <NUMBER> "{value.text} "" at line 1, column 1.')
    text = work.stamp[:10] if not value.quoted and value.text.upper() == "CURRENT_DATE" else value.text
    if (value.quoted and text == " ") or (not value.quoted and text.upper() == "NULL"):
        return None
    read = _READERS.get(column.kind)
    found = text if read is None else read(text)
    if found is None:
        raise faults.query_invalid(f"value '{text}' is not valid for property '{column.name}'")
    return found


def _read_bool(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _read_day(text: str) -> str | None:
    found = parse_day(text)
    return found.isoformat() if found else None


_READERS: dict[str, Callable[[str], Any]] = {
    "number": lambda text: decimal_of(text.replace(",", "")),
    "bool": _read_bool,
    "date": _read_day,
    "time": parse_moment,
}


def _from_index(table: Table, column: Column, condition: Condition, values: tuple[Any, ...]) -> list[Record] | None:
    if condition.op not in ("=", "IN") or None in values:
        return None
    if column is ID:
        held = (table.records.get(str(value)) for value in dict.fromkeys(values))
        return sorted((record for record in held if record is not None), key=id_order)
    place = table.position.get(column.name.lower())
    if place is None or not table.is_indexed(place):
        return None
    if len(values) == 1:
        return table.find(place, values[0])
    merged = {record.id: record for value in values for record in table.find(place, value)}
    return sorted(merged.values(), key=id_order)


def _getter(company: Company, kind: Kind, table: Table, column: Column) -> Callable[[Record], Any]:
    if column is ID:
        return lambda record: record.id
    if column is CREATED:
        return lambda record: record.created
    if column is UPDATED:
        return lambda record: record.updated
    if column.live:
        return lambda record: kind.live_value(company, record, column)
    place = table.position[column.name.lower()]
    return lambda record: record.keys[place]


def _test(
    company: Company, kind: Kind, table: Table, column: Column, condition: Condition, values: tuple[Any, ...]
) -> Callable[[Record], bool]:
    get = _getter(company, kind, table, column)
    textual = column.kind in ("text", "ref")
    if condition.op == "LIKE":
        pattern = re.compile(
            "".join(".*" if part == "%" else re.escape(part) for part in re.split("(%)", str(values[0] or ""))),
            re.IGNORECASE | re.DOTALL,
        )
        return lambda record: (value := get(record)) is not None and pattern.fullmatch(str(value)) is not None
    if condition.op in ("=", "IN"):
        wanted = frozenset(value.casefold() if isinstance(value, str) else value for value in values)
        if textual:
            return lambda record: (v.casefold() if isinstance(v := get(record), str) else v) in wanted
        return lambda record: get(record) in wanted
    compare, limit = _COMPARE[condition.op], values[0]
    if limit is None:
        return lambda record: (get(record) is not None) is (condition.op == ">")
    if textual:
        bound = str(limit).casefold()
        return lambda record: isinstance(v := get(record), str) and compare(v.casefold(), bound)
    if column is UPDATED:
        return lambda record: compare(record.updated, limit)
    if not column.live and column is not CREATED:
        # The common case, without a call of its own for every record.
        place = table.position[column.name.lower()]
        return lambda record: (value := record.keys[place]) is not None and compare(value, limit)
    return lambda record: (value := get(record)) is not None and compare(value, limit)


def _sort(work: Work, kind: Kind, select: Select, found: list[Record]) -> None:
    if not select.order:
        if kind.transaction and work.switch("default_order") == "newest_first":
            found.reverse()
        return
    table = work.company.table(kind.name)
    for place, (prop, descending) in enumerate(reversed(select.order)):
        column = _column(kind, prop, "sort")
        if column is ID and place == 0:
            # What was found is in the order of the ids already.
            if descending:
                found.reverse()
        elif column is ID:
            found.sort(key=id_order, reverse=descending)
        else:
            get = _getter(work.company, kind, table, column)
            plain = column.kind in ("number", "date") and not any(get(record) is None for record in found)
            found.sort(key=get if plain else _sort_key(get, column), reverse=descending)


def _sort_key(get: Callable[[Record], Any], column: Column) -> Callable[[Record], Any]:
    if column.kind == "time":
        return get
    lowest: Any = {"number": Decimal("-Infinity"), "bool": False}.get(column.kind, "")
    if column.kind in ("text", "ref"):
        return lambda record: (get(record) or "").casefold()
    return lambda record: lowest if (value := get(record)) is None else value


def _rendered(work: Work, kind: Kind, record: Record, select: Select) -> bytes:
    raw = kind.render(work.company, record)
    lines_vanish = work.switch("query_lines_vanish") and kind.transaction
    stale = work.switch("query_stale_tokens")
    if not select.fields and not lines_vanish and not stale:
        return raw
    body: Body = loads(raw)
    if lines_vanish and "Line" in body:
        # trap 50
        body["Line"] = [line for line in body["Line"] if line.get("DetailType") == "SubTotalLineDetail"]
    if stale and int(record.token) > 0:
        # trap 8
        body["SyncToken"] = str(int(record.token) - 1)
    if select.fields:
        wanted = {name.split(".")[0].lower() for name in select.fields} | {"id", "domain"}
        body = {name: value for name, value in body.items() if name.lower() in wanted} | {"sparse": True}
    return dumps(body)
