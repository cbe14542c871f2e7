"""Sync again: compare records of a lab once more, by kind and day, number or ID; first how many, then the marks."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import psycopg
from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.model.settings import ConnectionSettings
from include.page import dags
from include.page.access import Bookkeeper, Id, Posted, Viewer, id_of
from include.page.audit import note
from include.page.database import Database, Row
from include.page.history_data import SHOWN_AS
from include.page.lab_data import read_lab, read_settings
from include.page.render import go, page
from include.page.words import DIRECTIONS, ENTITY_PLURALS
from include.sync import selection
from include.sync.flows import FLOWS
from include.sync.selection import BadSelection, Selection, UnknownRecords

router = APIRouter()

#: What can be asked for: the DAG, the kind of record, and the setting that lets it sync.
KINDS = (
    ("invoice_lms_to_qbo", "invoice", "sync_invoices"),
    ("credit_lms_to_qbo", "credit", "sync_credits"),
    ("payment_lms_to_qbo", "payment", "sync_payments"),
    ("invoice_qbo_to_lms", "invoice", "sync_invoices"),
    ("payment_qbo_to_lms", "payment", "sync_payments"),
)
#: So many records can be named at once.
MOST_NAMED = 200
#: What the form's longest field takes.
_LONGEST = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """The form as somebody filled it in."""

    dag_ids: tuple[str, ...]
    from_date: str
    to_date: str
    numbers: str
    lms_ids: str
    qbo_ids: str

    @property
    def selected(self) -> dict[str, Any]:
        """All but the kinds, by the fields' names."""
        return {name: value for name, value in asdict(self).items() if name != "dag_ids"}


def asking_for(direction: str, entity: str, lms_ids: Sequence[int], qbo_ids: Sequence[str]) -> dict[str, str] | None:
    """The query with which the form is filled in for records of one kind, or None where it has no such kind.

    Each direction knows a record by its ID on the side that it comes from.
    """
    kind = f"{SHOWN_AS.get(entity, entity)}_{direction}"
    ids = [str(one) for one in (lms_ids if direction == "lms_to_qbo" else qbo_ids)]
    if not ids or kind not in {dag_id for dag_id, _, _ in KINDS}:
        return None
    return {"kind": kind, "lms_ids" if direction == "lms_to_qbo" else "qbo_ids": ", ".join(dict.fromkeys(ids))}


def asking_for_left_alone(one: Row) -> dict[str, str] | None:
    """The same for a record that is left alone, of a lab whose settings let it go in the `direction`."""
    lms_ids, qbo_ids = ([value] if value else [] for value in (one["lms_id"], one["qbo_id"]))
    ways = [asking_for(way, one["entity"], lms_ids, qbo_ids) for way in DIRECTIONS if one["direction"] in (way, "both")]
    return next((way for way in ways if way), None)


@router.get("/labs/{lab_id}/sync-again")
def ask(request: Request, lab_id: Id, who: Viewer, connection: Database) -> Response:
    """The form, with what a link to it has filled in."""
    lab = read_lab(connection, lab_id)
    kinds = _kinds(read_settings(connection, lab))
    query = request.query_params
    asked = query.getlist("kind") or list(kinds)
    return _form(request, lab, kinds, _draft(kinds, asked, lambda name: query.get(name, "").strip()[:_LONGEST]))


@router.post("/labs/{lab_id}/sync-again")
def count_or_start(request: Request, lab_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """First how many records would be compared; then, confirmed, mark them and start what compares them."""
    lab = read_lab(connection, lab_id)
    kinds = _kinds(read_settings(connection, lab))
    draft = _draft(kinds, form.all("kind"), lambda name: form[name])
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
        **draft.selected,
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


def _draft(kinds: dict[str, str], asked: Sequence[str], get: Callable[[str], str]) -> Draft:
    return Draft(
        dag_ids=tuple(dag_id for dag_id in kinds if dag_id in asked),
        from_date=get("from_date"),
        to_date=get("to_date"),
        numbers=get("numbers"),
        lms_ids=get("lms_ids"),
        qbo_ids=get("qbo_ids"),
    )


def _selection(lab_id: int, draft: Draft) -> Selection:
    """Raises BadSelection in the words of the form."""
    numbers, lms_ids, qbo_ids = (_names(text) for text in (draft.numbers, draft.lms_ids, draft.qbo_ids))
    if not draft.dag_ids:
        raise BadSelection("Select at least one kind of record.")
    if len(numbers) + len(lms_ids) + len(qbo_ids) > MOST_NAMED:
        raise BadSelection(f"Enter at most {MOST_NAMED} numbers and IDs at once.")
    if numbers and any("invoice" not in dag_id for dag_id in draft.dag_ids):
        raise BadSelection(
            "Only invoices have numbers. Deselect the other kinds, or remove the numbers and enter IDs instead."
        )
    _require_ids_of_one_kind(draft, lms_ids, qbo_ids)
    from_date, to_date = _day(draft.from_date), _day(draft.to_date)
    if from_date and to_date and to_date < from_date:
        raise BadSelection("The last date is before the first date. Swap them.")
    return Selection(
        billing_lab_id=lab_id,
        from_date=from_date,
        to_date=to_date,
        document_numbers=numbers,
        lms_ids=lms_ids,
        qbo_ids=qbo_ids,
    )


def _require_ids_of_one_kind(draft: Draft, lms_ids: Sequence[str], qbo_ids: Sequence[str]) -> None:
    """A payment and a credit may have the same ID; and what is not linked is known by the ID of its own side only."""
    if not lms_ids and not qbo_ids:
        return
    if len(draft.dag_ids) > 1:
        raise BadSelection(
            "An invoice, a credit, and a payment can have the same ID. Select only the kind of record that the IDs"
            " belong to."
        )
    direction = FLOWS[draft.dag_ids[0]].direction
    if qbo_ids and direction == "lms_to_qbo":
        raise BadSelection(
            "The kind that you selected comes from Pilot. Enter the IDs in Pilot and remove those in QuickBooks, or"
            " select a kind that comes from QuickBooks."
        )
    if lms_ids and direction == "qbo_to_lms":
        raise BadSelection(
            "The kind that you selected comes from QuickBooks. Enter the IDs in QuickBooks and remove those in Pilot,"
            " or select a kind that comes from Pilot."
        )
    wrong = [one for one in lms_ids if id_of(one) is None]
    if wrong:
        raise BadSelection(f"An ID in Pilot is a whole number, for example 1042. Correct {', '.join(wrong)}.")


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


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
    except UnknownRecords as unknown:
        dates = " in these dates" if selected.from_date or selected.to_date else ""
        raise BadSelection(
            f"This lab has no {ENTITY_PLURALS[flow.names[0]].lower()} that go {DIRECTIONS[flow.direction]}{dates} with"
            f" the {unknown.called} {', '.join(unknown.names)}. Correct or remove what was not found."
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
