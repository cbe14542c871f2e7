"""History: search the records that were synced, and one record's whole history on both sides."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.page.access import Viewer, id_of
from include.page.database import Database, PageRuntime, rows
from include.page.history_data import (
    SHOWN_AS,
    Record,
    Search,
    complete,
    facts_of_invoice,
    find_records,
    left_alone_of,
)
from include.page.not_in_quickbooks import reasons
from include.page.render import page
from include.page.sync_again import asking_for_left_alone
from include.page.timeline import TITLES, timeline_of
from include.page.words import ENTITIES
from include.qbo.web import web_of
from include.sync.flows import FLOWS

router = APIRouter()
T = TypeVar("T")
_LONGEST = 200
_LARGEST = Decimal(10) ** 10


@router.get("/history")
def search_history(request: Request, who: Viewer, connection: Database) -> Response:
    """The records that match."""
    search, wrong = _search_of(lambda name: request.query_params.get(name, "").replace("\0", "").strip()[:_LONGEST])
    number = min(id_of(request.query_params.get("page", "")) or 1, 10_000)
    found, more = ([], False) if wrong else find_records(connection, search, number)
    for one in found:
        one["history"] = Record(
            realm_id=one["realm_id"], entity=one["entity"], lms_id=one["lms_id"], qbo_id=one["qbo_id"]
        ).as_query()
    return page(
        request,
        "history.html",
        status=422 if wrong else 200,
        search=search,
        asked={name: request.query_params.get(name, "")[:_LONGEST] for name in ("q", "amount", "since", "until")},
        wrong=wrong,
        query=search.as_query(),
        records=found,
        titles=TITLES,
        number=number,
        more=more,
        labs=rows(connection, "select id, name from lms.billing_lab order by lower(name), id"),
    )


@router.get("/history/record")
def show_record(
    request: Request,
    who: Viewer,
    connection: Database,
    runtime: PageRuntime,
    realm: str = "",
    entity: str = "",
    lms: str = "",
    qbo: str = "",
) -> Response:
    """The timeline of one record. 404 for one of which nothing is known."""
    entity = SHOWN_AS.get(entity, entity)
    asked = Record(
        realm_id=realm.replace("\0", ""), entity=entity, lms_id=id_of(lms), qbo_id=qbo.replace("\0", "") or None
    )
    if entity not in ENTITIES or (asked.lms_id is None and asked.qbo_id is None):
        raise HTTPException(404)
    facts = facts_of_invoice(connection, asked)
    if facts and not asked.realm_id:
        asked = replace(asked, realm_id=facts.realm_id or "")
    record, qbo_ids = complete(connection, asked)
    timeline = timeline_of(connection, record, qbo_ids)
    left_alone = left_alone_of(connection, record, qbo_ids)
    if not timeline.events and not left_alone:
        raise HTTPException(404)
    company = rows(connection, "select name from qbo_sync.company where realm_id = %s", [record.realm_id])
    web = web_of(runtime.app)
    return page(
        request,
        "record_history.html",
        record=record,
        left_alone=left_alone,
        reasons=reasons(facts) if facts and facts.realm_id in (None, record.realm_id) else [],
        again=asking_for_left_alone(left_alone) if left_alone and left_alone["billing_lab_id"] else None,
        timeline=timeline,
        company=company[0]["name"] if company else facts.lab if facts else record.realm_id,
        web=web,
        document=web.document(record.realm_id, record.entity, record.qbo_id),
        synced_by=FLOWS,
        of_another=lambda entry: Record(
            realm_id=entry["realm_id"], entity=entry["entity"], lms_id=entry["lms_id"], qbo_id=entry["qbo_id"]
        ).as_query(),
    )


def _search_of(get: Callable[[str], str]) -> tuple[Search, dict[str, str]]:
    """From a query string (`get(name) -> str`): the search, and by field what cannot be read."""
    wrong: dict[str, str] = {}
    amount, since, until = (
        _read(get, "amount", _amount, wrong),
        _read(get, "since", date.fromisoformat, wrong),
        _read(get, "until", date.fromisoformat, wrong),
    )
    if since and until and since > until:
        wrong["until"] = "The last day is before the first day."
    return Search(text=get("q"), amount=amount, since=since, until=until, lab=id_of(get("lab"))), wrong


_EXPECTED = {"amount": "Enter an amount such as 150.00.", "since": "Enter a date.", "until": "Enter a date."}


def _read(get: Callable[[str], str], name: str, read: Callable[[str], T], wrong: dict[str, str]) -> T | None:
    text = get(name)
    if not text:
        return None
    try:
        return read(text)
    except ValueError:
        wrong[name] = _EXPECTED[name]
        return None


def _amount(text: str) -> Decimal:
    """As people write it: $1,234.50. Raises ValueError."""
    try:
        amount = Decimal(text.replace("$", "").replace(",", "").strip())
    except InvalidOperation:
        raise ValueError(text) from None
    if not amount.is_finite() or abs(amount) >= _LARGEST or amount != amount.quantize(Decimal("0.01")):
        raise ValueError(text)
    return amount
