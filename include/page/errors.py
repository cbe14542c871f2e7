"""The errors: the list with its filters, one error with both sides of its record, and how retries go on."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from include.page import dags
from include.page.access import Id, Viewer, id_of
from include.page.database import Database, PageRuntime, Row, rows
from include.page.error_data import (
    PAGE_SIZE,
    Filter,
    count_errors,
    filter_of,
    other_side,
    progress,
    read_error,
    read_errors,
    reason_of,
    recent_retries,
)
from include.page.render import page
from include.page.retrying import customer_of, duplicate_of, of_customer
from include.page.security import add_headers
from include.page.sides import sides_of
from include.qbo.web import QuickBooksWeb, web_of
from include.sync.customer_link import candidates

router = APIRouter()


@router.get("/errors")
def list_errors(request: Request, who: Viewer, connection: Database, runtime: PageRuntime) -> Response:
    """The errors that match."""
    filters = filter_of(lambda name: request.query_params.get(name, ""))
    number = min(id_of(request.query_params.get("page", "")) or 1, 10_000)
    total = count_errors(connection, filters)
    web = web_of(runtime.app)
    found = read_errors(connection, filters, number)
    for error in found:
        error["web"] = _document(web, error, error["qbo_id"])
    return page(
        request,
        "errors.html",
        filters=filters,
        query=filters.as_query(),
        errors=found,
        total=total,
        number=number,
        pages=-(-total // PAGE_SIZE),
        filtered=filters != Filter(),
        labs=rows(connection, "select id, name from lms.billing_lab order by lower(name), id"),
        retries=[(error, *progress(error)) for error in recent_retries(connection)],
    )


@router.get("/errors/progress")
def retry_progress(request: Request, who: Viewer, connection: Database) -> Response:
    """What became of the recent retries, for the script that keeps the page up to date."""
    found = {str(error["id"]): progress(error) for error in recent_retries(connection)}
    answer = JSONResponse({one: {"state": state, "words": said} for one, (state, said) in found.items()})
    add_headers(answer)
    return answer


@router.get("/errors/{error_id}")
def show_error(
    request: Request, error_id: Id, who: Viewer, connection: Database, runtime: PageRuntime, match: str = ""
) -> Response:
    """One error: what is wrong, what to do, the record on both sides, what can be done here."""
    error = read_error(connection, error_id)
    web = web_of(runtime.app)
    side = other_side(connection, error)
    qbo_id = side["qbo_id"] if side else None
    customer = customer_of(error)
    customer_name = str(error["detail"].get("customer_name", "")) if customer else ""
    search = match.replace("\0", "")[:100]
    state, said = progress(error)
    return page(
        request,
        "error.html",
        error=error,
        qbo_id=qbo_id,
        web=web,
        document=_document(web, error, qbo_id),
        sides=sides_of(connection, error, qbo_id),
        support={name: value for name, value in error["detail"].items() if name != "sides"},
        reason=reason_of(connection, error_id),
        progress_state=state,
        progress_words=said,
        customer=customer,
        customer_name=customer_name,
        customer_page=web.document(error["realm_id"], "customer", customer),
        waiting_for_customer=len(of_customer(connection, error["realm_id"], customer)) if customer else 0,
        matches=candidates(connection, error["realm_id"], customer_name, search) if customer else [],
        match=search,
        duplicate=duplicate_of(error),
        many=error["error_code"] == "mass_delete_held" and error["status"] != "resolved",
        tried="nothing-chosen" in request.query_params,
    )


@router.get("/errors/{error_id}/log")
def to_log(request: Request, error_id: Id, who: Viewer, connection: Database) -> Response:
    """The log of the task that saw the error last, in Airflow."""
    error = read_error(connection, error_id)
    address = dags.task_log(
        error["dag_id"] or "", error["run_id"] or "", error["task_id"] or "load", error["company"] or ""
    )
    answer = RedirectResponse(address, 303)
    add_headers(answer)
    return answer


def _document(web: QuickBooksWeb, error: Row, qbo_id: str | None) -> str | None:
    return web.document(error["realm_id"], error["record_entity"], qbo_id)
