"""A preview as the page shows it: counts and totals, what has to be decided, problems, records."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg
from fastapi import HTTPException

from include.page import words
from include.page.database import Row, row, rows
from include.page.spreadsheet import plain

#: The DAG that previews a lab.
DAG_ID = "sync_preview"
PAGE_SIZE = 50
#: Problems that are shown above the records; the others are found by the filter.
MOST_PROBLEMS = 20

#: Codes that ask a question rather than say what to correct.
QUESTIONS = ("ambiguous_match", "possible_duplicate", "mass_delete_held")

_SHOWN = (
    "select p.*, c.name as company, l.name as lab, n.billing_lab_id is not null as connected, n.started_at"
    "  from qbo_sync.preview p join qbo_sync.company c using (realm_id)"
    "  left join lms.billing_lab l on l.id = p.billing_lab_id"
    "  left join qbo_sync.connection n on n.billing_lab_id = p.billing_lab_id and n.realm_id = p.realm_id"
)


@dataclass(kw_only=True, slots=True)
class Line:
    """One kind of record on one side: count and total of each step. Dollars; None: it has no amount."""

    entity: str
    cells: dict[str, tuple[int, Decimal | None]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which records of a preview are wanted; empty: all."""

    entity: str = ""
    step: str = ""
    side: str = ""

    def as_query(self) -> dict[str, str]:
        """For links to other pages of the same records."""
        return {"entity": self.entity, "step": self.step, "side": self.side}


def read_preview(connection: psycopg.Connection, preview_id: int) -> Row:
    """One preview. 404 if there is none."""
    found = row(connection, f"{_SHOWN} where p.id = %s", [preview_id])
    if found is None:
        raise HTTPException(404)
    return found


def recent_previews(connection: psycopg.Connection, limit: int = 50) -> list[Row]:
    """The newest previews, of labs, of companies and of single DAGs' dry runs."""
    return rows(connection, f"{_SHOWN} order by p.made_at desc, p.id desc limit %s", [limit])


def last_asked(connection: psycopg.Connection, lab: Row) -> Row | None:
    """The preview of the lab with its company that was asked for last on the page: who asked, when, the run, and its
    result's id."""
    return row(
        connection,
        "select a.user_name, a.at, a.detail ->> 'run_id' as run_id, p.id as preview_id from qbo_sync.page_change a"
        "  left join qbo_sync.preview p on p.dag_id = %s and p.run_id = a.detail ->> 'run_id'"
        " where a.billing_lab_id = %s and a.realm_id = %s and a.action = 'preview' order by a.id desc limit 1",
        [DAG_ID, lab["id"], lab["realm_id"]],
    )


def summary(connection: psycopg.Connection, preview_id: int) -> dict[str, list[Line]]:
    """By side, the kinds of records in their usual order."""
    found = rows(
        connection,
        "select side, entity, step, count(*) as records, sum(amount) as total from qbo_sync.preview_record"
        " where preview_id = %s group by side, entity, step",
        [preview_id],
    )
    lines: dict[str, dict[str, Line]] = {"qbo": {}, "lms": {}}
    for one in found:
        line = lines[one["side"]].setdefault(one["entity"], Line(entity=one["entity"]))
        line.cells[one["step"]] = (one["records"], one["total"])
    order = {entity: place for place, entity in enumerate(words.ENTITY_PLURALS)}
    return {
        side: sorted(kinds.values(), key=lambda line: order.get(line.entity, len(order)))
        for side, kinds in lines.items()
    }


def told(connection: psycopg.Connection, preview_id: int, *, questions: bool) -> tuple[int, list[Row]]:
    """Records with something that a person has to decide, or to correct: how many, and the first of them."""
    values = [preview_id, list(QUESTIONS), questions]
    count = row(
        connection,
        "select count(*) as records from qbo_sync.preview_record"
        " where preview_id = %s and error_code is not null and (error_code = any(%s)) = %s",
        values,
    )
    found = rows(
        connection,
        "select * from qbo_sync.preview_record"
        " where preview_id = %s and error_code is not null and (error_code = any(%s)) = %s order by position limit %s",
        [*values, MOST_PROBLEMS],
    )
    return (count or {"records": 0})["records"], found


def filter_of(asked: Any) -> Filter:
    """From what a form asked; what is not known counts as everything."""
    entity, step, side = asked("entity"), asked("step"), asked("side")
    return Filter(
        entity=entity if entity in words.ENTITIES else "",
        step=step if step in words.PREVIEW_STEPS else "",
        side=side if side in words.SIDES else "",
    )


_MATCHING = (
    "from qbo_sync.preview_record where preview_id = %(preview)s and (%(entity)s = '' or entity = %(entity)s)"
    "   and (%(step)s = '' or step = %(step)s) and (%(side)s = '' or side = %(side)s)"
)


def count_records(connection: psycopg.Connection, preview_id: int, wanted: Filter) -> int:
    """How many records match."""
    found = row(
        connection,
        f"select count(*) as records {_MATCHING}",
        {"preview": preview_id, **wanted.as_query()},
    )
    return int(found["records"]) if found else 0


def read_records(connection: psycopg.Connection, preview_id: int, wanted: Filter, number: int) -> list[Row]:
    """A page of the records that match, in the order in which they would be carried out."""
    return rows(
        connection,
        f"select * {_MATCHING} order by position limit %(size)s offset %(skip)s",
        {"preview": preview_id, **wanted.as_query(), "size": PAGE_SIZE, "skip": PAGE_SIZE * (number - 1)},
    )


_COLUMNS = (
    ("Side", "side"),
    ("Step", "step"),
    ("Record type", "entity"),
    ("Number or name", "number"),
    ("Customer", "customer"),
    ("Date", "dated"),
    ("Amount", "amount"),
    ("Pilot ID", "lms_id"),
    ("QuickBooks ID", "qbo_id"),
    ("Code", "error_code"),
    ("Problem", "message"),
    ("What to do", "resolution"),
)


def as_csv(connection: psycopg.Connection, preview_id: int) -> Iterator[str]:
    """All records as CSV, a header first. Nothing in it runs as a formula."""
    yield _csv_line([*(title for title, _ in _COLUMNS), "Waits"])
    with connection.cursor(name="preview_csv") as cursor:
        cursor.execute(
            f"select {', '.join(name for _, name in _COLUMNS)}, cause, waits_for, waits_until"  # noqa: S608 - our names
            " from qbo_sync.preview_record where preview_id = %s order by position".encode(),
            [preview_id],
        )
        for side, step, entity, *rest, cause, waits_for, waits_until in cursor:
            shown = [words.SIDES[side], words.PREVIEW_STEPS[step], words.ENTITIES.get(entity, entity)]
            waits = words.waits(cause, waits_for, waits_until) if step == "wait" else ""
            yield _csv_line([*shown, *(plain(one) if isinstance(one, str) else one for one in rest), waits])


def _csv_line(values: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(["" if value is None else value for value in values])
    return text.getvalue()
