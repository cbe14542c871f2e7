"""Sync again: compare records of a lab once more, by kind and day or by number; first how many, then the marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import psycopg
from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.model.settings import ConnectionSettings
from include.page import dags
from include.page.access import Bookkeeper, Id, Posted, Viewer
from include.page.audit import note
from include.page.database import Database, Row
from include.page.lab_data import read_lab, read_settings
from include.page.render import go, page
from include.page.words import DIRECTIONS, ENTITY_PLURALS
from include.sync import selection
from include.sync.flows import FLOWS
from include.sync.selection import BadSelection, Selection

router = APIRouter()

#: What can be asked for: the DAG, the kind of record, and the setting that lets it sync.
KINDS = (
    ("invoice_lms_to_qbo", "invoice", "sync_invoices"),
    ("credit_lms_to_qbo", "credit", "sync_credits"),
    ("payment_lms_to_qbo", "payment", "sync_payments"),
    ("invoice_qbo_to_lms", "invoice", "sync_invoices"),
    ("payment_qbo_to_lms", "payment", "sync_payments"),
)
_MOST_NUMBERS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """The form as somebody filled it in."""

    dag_ids: tuple[str, ...]
    from_date: str = ""
    to_date: str = ""
    numbers: str = ""


@router.get("/labs/{lab_id}/sync-again")
def ask(request: Request, lab_id: Id, who: Viewer, connection: Database) -> Response:
    """The form."""
    lab = read_lab(connection, lab_id)
    kinds = _kinds(read_settings(connection, lab))
    return _form(request, lab, kinds, Draft(dag_ids=tuple(kinds)))


@router.post("/labs/{lab_id}/sync-again")
def count_or_start(request: Request, lab_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """First how many records would be compared; then, confirmed, mark them and start what compares them."""
    lab = read_lab(connection, lab_id)
    kinds = _kinds(read_settings(connection, lab))
    draft = Draft(
        dag_ids=tuple(dag_id for dag_id in kinds if dag_id in form.all("kind")),
        from_date=form["from_date"],
        to_date=form["to_date"],
        numbers=form["numbers"],
    )
    if form["step"] == "edit":
        return _form(request, lab, kinds, draft)
    try:
        selected = _selection(lab_id, draft)
        counts = {dag_id: _count(connection, dag_id, lab, selected) for dag_id in draft.dag_ids}
    except BadSelection as fault:
        return _form(request, lab, kinds, draft, fault=str(fault))
    if form["step"] != "start" or not any(counts.values()):
        return page(
            request,
            "sync_again_count.html",
            lab=lab,
            kinds=kinds,
            counts=counts,
            draft=draft,
            total=sum(counts.values()),
        )
    wanted = [dag_id for dag_id, count in counts.items() if count]
    if not all(who.may_run(dag_id) for dag_id in wanted):
        raise HTTPException(403)
    _mark(connection, wanted, lab, selected)
    note(
        connection,
        who,
        "sync_again",
        lab=lab_id,
        realm=lab["realm_id"],
        records=sum(counts.values()),
        kinds=[kinds[dag_id] for dag_id in wanted],
        from_date=draft.from_date,
        to_date=draft.to_date,
        numbers=draft.numbers,
    )
    connection.commit()
    for dag_id in wanted:
        dags.start(dag_id, lab["realm_id"], who.name)
    return go(request, f"/labs/{lab_id}", done="sync-again", n=sum(counts.values()))


def _kinds(settings: ConnectionSettings) -> dict[str, str]:
    """What the lab's settings let sync, by DAG, in words."""
    return {
        dag_id: f"{ENTITY_PLURALS[entity]}, {DIRECTIONS[FLOWS[dag_id].direction]}"
        for dag_id, entity, switch in KINDS
        if getattr(settings, switch) and settings.direction in (FLOWS[dag_id].direction, "both")
    }


def _selection(lab_id: int, draft: Draft) -> Selection:
    """Raises BadSelection in the words of the form."""
    numbers = tuple(dict.fromkeys(draft.numbers.replace(",", " ").split()))
    if not draft.dag_ids:
        raise BadSelection("Select at least one kind of record.")
    if len(numbers) > _MOST_NUMBERS:
        raise BadSelection(f"Enter at most {_MOST_NUMBERS} numbers at once.")
    if numbers and any("invoice" not in dag_id for dag_id in draft.dag_ids):
        raise BadSelection("Only invoices have numbers. Deselect the other kinds, or remove the numbers.")
    from_date, to_date = _day(draft.from_date), _day(draft.to_date)
    if from_date and to_date and to_date < from_date:
        raise BadSelection("The last date is before the first date. Swap them.")
    return Selection(billing_lab_id=lab_id, from_date=from_date, to_date=to_date, document_numbers=numbers)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadSelection("Enter dates as YYYY-MM-DD, for example 2026-01-31.") from None


def _count(connection: psycopg.Connection, dag_id: str, lab: Row, selected: Selection) -> int:
    flow = FLOWS[dag_id]
    try:
        # What a credit is applied to is compared with it, and is no record of its own to people.
        entities = [name for name in flow.names if name != "credit_application"]
        return selection.count(connection, flow.direction, entities, lab["realm_id"], selected)
    except BadSelection:
        unknown = ", ".join(selected.document_numbers)
        raise BadSelection(
            f"Not every number was found among this lab’s invoices that go {DIRECTIONS[flow.direction]} in these dates:"
            f" {unknown}. Check them."
        ) from None


def _mark(connection: psycopg.Connection, dag_ids: Sequence[str], lab: Row, selected: Selection) -> None:
    for dag_id in dag_ids:
        flow = FLOWS[dag_id]
        selection.mark(connection, flow.direction, flow.names, lab["realm_id"], selected)
    connection.execute("select pg_notify('qbo_sync', '')")


def _form(request: Request, lab: Row, kinds: dict[str, str], draft: Draft, *, fault: str = "") -> Response:
    return page(
        request, "sync_again.html", status=422 if fault else 200, lab=lab, kinds=kinds, draft=draft, fault=fault
    )
