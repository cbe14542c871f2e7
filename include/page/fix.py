"""What a bookkeeper does about errors: retry one, some or all; ignore; reopen; link or ignore a customer."""

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.page.access import Bookkeeper, Form, Id, Posted, id_of
from include.page.audit import note
from include.page.database import Database, Row
from include.page.error_data import filter_of, read_chosen, read_error, read_errors
from include.page.render import go, page
from include.page.retrying import MOST, customer_of, duplicate_of, ignore, of_customer, reopen, retry
from include.sync.customer_link import CannotLink, ignore_customer, link_customer
from include.sync.payment_link import link_payment

router = APIRouter()
_LONGEST_REASON = 500


@router.post("/errors")
def fix_several(request: Request, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Retry or ignore the chosen ones, or retry all that match the filters."""
    filters = filter_of(lambda name: form[name])
    query = filters.as_query()
    if form["action"] == "retry-all":
        chosen = read_errors(connection, filters, limit=MOST)
    else:
        chosen = _chosen(connection, form)
    if form["action"] == "ignore":
        reason = _reason(form)
        # The question whether many may be deleted has answers of its own.
        chosen = [error for error in chosen if error["error_code"] != "mass_delete_held"]
        if not chosen:
            return go(request, "/errors", done="ignored-none", **query)
        if not reason:
            asked = form["asked"] == "yes"
            return page(request, "ignore.html", status=422 if asked else 200, errors=chosen, query=query, asked=asked)
        count = ignore(connection, who, chosen, reason)
        connection.commit()
        return go(request, "/errors", done="ignored", n=count, **query)
    if form["action"] not in ("retry", "retry-all"):
        raise HTTPException(400)
    count = retry(connection, who, chosen)
    return go(request, "/errors", done="retried" if count else "retried-none", n=count, **query)


@router.post("/errors/{error_id}/retry")
def retry_one(request: Request, error_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Retry one."""
    count = retry(connection, who, [read_error(connection, error_id)])
    return go(request, f"/errors/{error_id}", done="retried" if count else "retried-none", n=count)


@router.post("/errors/{error_id}/ignore")
def ignore_one(request: Request, error_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Ignore one, with a reason."""
    error = read_error(connection, error_id)
    reason = _reason(form)
    if not reason:
        return go(request, f"/errors/{error_id}", **{"nothing-chosen": "reason"})
    count = ignore(connection, who, [error], reason)
    connection.commit()
    return go(request, f"/errors/{error_id}", done="ignored", n=count)


@router.post("/errors/{error_id}/reopen")
def reopen_one(request: Request, error_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Open an ignored one again, and retry it."""
    error = read_error(connection, error_id)
    if error["status"] != "ignored":
        raise HTTPException(404)
    count = reopen(connection, who, error)
    return go(request, f"/errors/{error_id}", done="reopened", n=max(count, 1))


@router.post("/errors/{error_id}/link")
def link_one(request: Request, error_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Link the customer to the chosen account or pair, and retry whatever waits for it."""
    error, customer = _of_customer(read_error(connection, error_id))
    entity, _, text = form["match"].partition(":")
    lms_id = id_of(text)
    if lms_id is None:
        return go(request, f"/errors/{error_id}", **{"nothing-chosen": "customer"})
    try:
        name = link_customer(connection, error["realm_id"], customer, entity, lms_id)
    except CannotLink as refusal:
        connection.rollback()
        return page(request, "problem.html", status=409, title="Not linked", text=str(refusal), login=False)
    note(
        connection,
        who,
        "link",
        lab=error["billing_lab_id"],
        realm=error["realm_id"],
        error=error_id,
        customer=error["detail"].get("customer_name"),
        customer_id=customer,
        to=name,
        entity=entity,
        lms_id=lms_id,
    )
    waiting = of_customer(connection, error["realm_id"], customer)
    connection.commit()
    retry(connection, who, waiting)
    return go(request, f"/errors/{error_id}", done="linked", n=len(waiting))


@router.post("/errors/{error_id}/link-payment")
def link_payments(request: Request, error_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """The payments of both sides are the same money: make them one."""
    error, (lms_id, qbo_id) = _of_duplicate(read_error(connection, error_id))
    try:
        link_payment(connection, error["realm_id"], lms_id, qbo_id)
    except CannotLink as refusal:
        connection.rollback()
        return page(request, "problem.html", status=409, title="Not linked", text=str(refusal), login=False)
    lab, realm = error["billing_lab_id"], error["realm_id"]
    note(connection, who, "payment_linked", lab=lab, realm=realm, error=error_id, lms_id=lms_id, qbo_id=qbo_id)
    connection.commit()
    return go(request, f"/errors/{error_id}", done="payment-linked")


@router.post("/errors/{error_id}/keep-both")
def keep_both(request: Request, error_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """The customer paid twice: ignoring the error lets each payment sync (a trigger)."""
    error, _ = _of_duplicate(read_error(connection, error_id))
    ignore(connection, who, [error], "Two separate payments: both are kept.")
    connection.commit()
    return go(request, f"/errors/{error_id}", done="payments-kept")


def _of_duplicate(error: Row) -> tuple[Row, tuple[int, str]]:
    duplicate = duplicate_of(error)
    if duplicate is None or error["status"] != "open":
        raise HTTPException(404)
    return error, duplicate


@router.post("/errors/{error_id}/ignore-customer")
def ignore_the_customer(
    request: Request, error_id: Id, who: Bookkeeper, form: Posted, connection: Database
) -> Response:
    """Never bring this customer's transactions to the LMS."""
    error, customer = _of_customer(read_error(connection, error_id))
    reason = _reason(form)
    if not reason:
        return go(request, f"/errors/{error_id}", **{"nothing-chosen": "reason"})
    name = str(error["detail"].get("customer_name", customer))
    ignore_customer(connection, error["realm_id"], customer, name, reason=reason, user=who.name)
    note(
        connection,
        who,
        "ignore_customer",
        lab=error["billing_lab_id"],
        realm=error["realm_id"],
        error=error_id,
        customer=name,
        customer_id=customer,
        reason=reason,
    )
    connection.commit()
    return go(request, f"/errors/{error_id}", done="customer-ignored")


def _chosen(connection: Database, form: Form) -> list[Row]:
    """The errors whose boxes are ticked, as they are now."""
    ids = [one for one in map(id_of, form.all("error")) if one is not None]
    return read_chosen(connection, ids[:MOST])


def _reason(form: Form) -> str:
    return form["reason"][:_LONGEST_REASON]


def _of_customer(error: Row) -> tuple[Row, str]:
    customer = customer_of(error)
    if customer is None:
        raise HTTPException(404)
    return error, customer
