"""A record's history on both sides as a timeline: what was written, what failed, what people did; newest first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

import msgspec
import psycopg

from include.lms.document import described
from include.model.document import Document, as_detail, differences
from include.model.money import show
from include.model.typed_json import CANONICAL, Canonical, typed
from include.page.database import Row
from include.page.history_data import (
    Record,
    entries_of,
    errors_of,
    in_pilot,
    people_of,
    rows_of,
    waiting_of,
)
from include.page.sides import SideRow, side_rows

#: Entries of one record that are shown.
MOST = 200

#: What happened, by the side that was written and the operation.
TITLES: Mapping[tuple[str, str], str] = {
    ("qbo", "create"): "Entered in Pilot, created in QuickBooks",
    ("qbo", "update"): "Changed in Pilot, changed in QuickBooks",
    ("qbo", "delete"): "Deleted in Pilot, deleted in QuickBooks",
    ("qbo", "adopt"): "Found in QuickBooks and linked",
    ("qbo", "link"): "Linked by a person",
    ("qbo", "unlink"): "Link between Pilot and QuickBooks removed",
    ("lms", "create"): "Entered in QuickBooks, added to Pilot",
    ("lms", "update"): "Changed in QuickBooks, brought to Pilot",
    ("lms", "delete"): "Deleted in QuickBooks, deleted in Pilot",
    ("lms", "adopt"): "Found in Pilot and linked",
    ("lms", "link"): "Linked by a person",
    ("lms", "unlink"): "Link between Pilot and QuickBooks removed",
}
_UNAPPLIED = "Taken off an invoice that was deleted in Pilot"
_TAKEN_BACK = "Taken back: as it was before a sync"
_FREED = "Credit that QuickBooks had applied by itself was released"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One moment of the history."""

    at: datetime
    #: write, error, person, waiting or entered
    kind: str
    title: str
    text: str = ""
    #: Field by field, before and after; of a change only what differs.
    rows: Sequence[SideRow] = ()
    #: What else changed in Pilot with it.
    beside: Sequence[str] = ()
    #: The audit entry, the error or the person's change.
    source: Row = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """What the page shows of a record."""

    number: str | None
    customer: str | None
    amount: Decimal | None
    events: Sequence[Event]
    #: There are older entries that are not shown.
    cut: bool


def timeline_of(connection: psycopg.Connection, record: Record, qbo_ids: list[str]) -> Timeline:
    """Everything that is known of the record."""
    found = entries_of(connection, record, qbo_ids, MOST + 1)
    entries = found[:MOST]
    errors = errors_of(connection, record, qbo_ids)
    people = people_of(connection, record, [error["id"] for error in errors])
    there = in_pilot(connection, record)
    own = [entry for entry in entries if entry["entity"] in record.entities and _is_own(entry, record)]
    events = [
        *_writes(connection, record, entries),
        *_errors(errors),
        *(Event(at=one["at"], kind="person", title="", source=one) for one in people),
        *_waiting(waiting_of(connection, record, qbo_ids)),
        *_entered(there, entries),
    ]
    last = own[0] if own else {}
    number = (there or {}).get("document_number") or last.get("document_number")
    return Timeline(
        number=number or next((one["document_number"] for one in errors if one["document_number"]), None),
        customer=last.get("customer") or (there or {}).get("customer"),
        amount=last.get("amount", (there or {}).get("amount")),
        events=sorted(events, key=lambda event: event.at, reverse=True),
        cut=len(found) > MOST,
    )


def _is_own(entry: Row, record: Record) -> bool:
    return entry["lms_id"] is None or entry["lms_id"] == record.lms_id


# ------------------------------------------------------------------ what was written


def _writes(connection: psycopg.Connection, record: Record, entries: Sequence[Row]) -> Iterable[Event]:
    changed = rows_of(connection, [entry["id"] for entry in entries])
    documents = _documents(connection, entries)
    for entry in entries:
        of_pilot = changed[entry["id"]]
        if entry["entity"] not in record.entities or not _is_own(entry, record):
            yield _of_another(record, entry, of_pilot)
            continue
        before, after = (documents.get(f"{entry['id']} {when}") for when in ("before", "after"))
        if entry["side"] == "lms":
            before, after = _with_balance(before, "before", of_pilot), _with_balance(after, "after", of_pilot)
        yield Event(
            at=entry["at"],
            kind="write",
            title=_title(entry),
            rows=_compared(before, after),
            beside=_beside(record, of_pilot),
            source=entry,
        )


def _title(entry: Row) -> str:
    if entry["undo_of"]:
        return _TAKEN_BACK
    request = entry["request_id"] or ""
    if request.startswith(("unlink-", "free-")):
        return _UNAPPLIED if request.startswith("unlink-") else _FREED
    return TITLES[entry["side"], entry["operation"]]


def _documents(connection: psycopg.Connection, entries: Sequence[Row]) -> dict[str, Document]:
    """What was before and after each, with the names that what it refers to has now."""
    records: dict[str, Canonical] = {}
    for entry in entries:
        for when in ("before", "after"):
            try:
                if entry[when]:
                    records[f"{entry['id']} {when}"] = typed(entry[when], CANONICAL[entry["entity"]])
            except (KeyError, msgspec.ValidationError):
                continue  # written by another version, or a base that somebody made by hand: shown without its fields
    return described(connection, records)


def _with_balance(document: Document | None, when: str, changed: Sequence[Row]) -> Document | None:
    """With the open balance, which only the LMS's row knows."""
    if document is None or document.kind != "invoice":
        return document
    balances = [one[when]["balance"] for one in changed if one["table_name"] == "invoice" and one[when]]
    if not balances:
        return document
    return replace(document, open_balance=Decimal(balances[0 if when == "before" else -1]))


def _compared(before: Document | None, after: Document | None) -> Sequence[SideRow]:
    differs = set(differences(before, after)) if before and after else set()
    found = side_rows(as_detail(before) if before else {}, as_detail(after) if after else {}, differs)
    return [row for row in found if row.differs] if before and after else found


def _beside(record: Record, changed: Sequence[Row]) -> list[str]:
    """What else changed in Pilot: balances of invoices, the state of the case, credits that are free again."""
    return [
        words
        for one in changed
        if (one["entity"], one["lms_id"]) != (record.entity, record.lms_id)
        if (words := _row_in_words(one))
    ]


def _row_in_words(one: Row) -> str | None:
    before, after = one["before"] or {}, one["after"] or {}
    table = one["table_name"]
    if table == "invoice" and before and after and before["balance"] != after["balance"]:
        return (
            f"Invoice {after['invoice_number']}: open balance {show(Decimal(before['balance']))}"
            f" → {show(Decimal(after['balance']))}"
        )
    if table == "lab_case" and before and after and before["status"] != after["status"]:
        return f"Case {after['case_number']}: {before['status']} → {after['status']}"
    if table == "credit_application" and before and not after:
        return f"Credit {before['credit_id']}: {show(Decimal(before['amount']))} is free again"
    return None


def _of_another(record: Record, entry: Row, changed: Sequence[Row]) -> Event:
    """The entry of another record that changed this one in Pilot."""
    own = [one for one in changed if (one["entity"], one["lms_id"]) == (record.entity, record.lms_id)]
    said = [words for one in own if (words := _row_in_words(one))]
    return Event(at=entry["at"], kind="write", title="Changed together with another record", beside=said, source=entry)


# ------------------------------------------------------------------ the rest


def _errors(errors: Sequence[Row]) -> Iterable[Event]:
    for error in errors:
        yield Event(at=error["first_seen_at"], kind="error", title="Sync error", text=error["message"], source=error)
        if error["resolved_at"]:
            yield Event(at=error["resolved_at"], kind="good", title="Sync error resolved", source=error)


_WAITING = {
    "lms_to_qbo": "A change in Pilot is waiting to be compared with QuickBooks",
    "qbo_to_lms": "A change in QuickBooks is waiting to be compared with Pilot",
}


def _waiting(marks: Sequence[Row]) -> Iterable[Event]:
    for mark in marks:
        yield Event(at=mark["marked_at"], kind="waiting", title=_WAITING[mark["direction"]], source={})


def _entered(there: Row | None, entries: Sequence[Row]) -> Iterable[Event]:
    """When it was entered in Pilot, unless the sync itself did that."""
    ours = any((entry["side"], entry["operation"]) == ("lms", "create") for entry in entries)
    if there and not ours and there.get("origin", "lms") == "lms":
        yield Event(at=there["created_at"], kind="entered", title="Entered in Pilot")
