"""Connecting a lab: to Intuit's consent page and back (RFC 6749, section 4.1; fact 1.2)."""

import logging
import secrets
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from include.company.check_run import check_company
from include.company.connect import CannotConnect, connect_with_grant, give_back
from include.company.runtime import Runtime
from include.orchestration.quickbooks_hook import QuickBooksHook
from include.page.access import Administrator, Id, Posted, Viewer, Visitor
from include.page.address import CALLBACK, redirect_uri, webhook_address
from include.page.audit import note
from include.page.database import Database, PageRuntime, row, rows
from include.page.lab_data import read_lab
from include.page.overview_data import read_labs
from include.page.preview import ask
from include.page.preview_data import DAG_ID
from include.page.render import go, page
from include.page.security import add_headers, browser_secret, digest
from include.qbo.errors import QboError
from include.qbo.oauth import Grant, authorization_url, endpoints, exchange_code
from include.qbo.web import web_of

router = APIRouter()
log = logging.getLogger(__name__)

#: How long somebody may take at Intuit.
LIFETIME = timedelta(minutes=15)


@router.get("/connect")
def choose_lab(request: Request, who: Viewer, connection: Database, runtime: PageRuntime) -> Response:
    """Every lab, to connect or reconnect: what the menu entry with a tab of its own opens."""
    return page(request, "connect.html", labs=read_labs(connection), web=web_of(runtime.app))


@router.get("/labs/{lab_id}/connect")
def begin(request: Request, lab_id: Id, who: Viewer, connection: Database, runtime: PageRuntime) -> Response:
    """What connecting will do, and the button that goes to Intuit."""
    lab = read_lab(connection, lab_id)
    former = row(
        connection,
        "select f.realm_id, c.name from qbo_sync.former_connection f join qbo_sync.company c using (realm_id)"
        " where f.billing_lab_id = %s order by f.disconnected_at desc",
        [lab_id],
    )
    consent = _consent_origin(runtime)
    unsent = rows(
        connection,
        "select extract(year from invoice_date)::int as year, count(*) as invoices, sum(total_amount) as total"
        "  from lms.invoice where billing_lab_id = %s and origin = 'lms' group by 1 order by 1 desc limit 6",
        [lab_id],
    )
    return page(
        request,
        "connect_lab.html",
        form_target=consent or "",
        lab=lab,
        former=former,
        web=web_of(runtime.app),
        reachable=consent is not None,
        unsent=[] if lab["realm_id"] else unsent,
        bad_date="bad-date" in request.query_params,
        redirect_uri=redirect_uri(),
        webhook_address=webhook_address(),
        webhooks_on=bool(QuickBooksHook().webhook_verifier_token()),
    )


@router.post("/labs/{lab_id}/connect")
def to_intuit(
    request: Request, lab_id: Id, who: Administrator, form: Posted, connection: Database, runtime: PageRuntime
) -> Response:
    """Remember who went, and send the browser to Intuit's consent page."""
    read_lab(connection, lab_id)
    try:
        start_date = date.fromisoformat(form["sync_start_date"]) if form["sync_start_date"] else None
    except ValueError:
        return go(request, f"/labs/{lab_id}/connect", **{"bad-date": 1})
    state = secrets.token_urlsafe(32)
    try:
        address = authorization_url(runtime.app, redirect_uri=redirect_uri(), state=state)
    except QboError as error:
        log.warning("the consent page cannot be found: %s", error)
        return go(request, f"/labs/{lab_id}/connect")
    connection.execute("delete from qbo_sync.oauth_login where expires_at < clock_timestamp()")
    connection.execute(
        "insert into qbo_sync.oauth_login (state_hash, browser_hash, user_id, billing_lab_id, sync_start_date,"
        " start_at_once, expires_at) values (%s, %s, %s, %s, %s, %s, clock_timestamp() + %s)",
        [
            digest(state),
            digest(browser_secret(request)),
            who.user_id,
            lab_id,
            start_date,
            form["begin"] == "now",
            LIFETIME,
        ],
    )
    connection.commit()
    answer = RedirectResponse(address, 303)
    add_headers(answer)
    return answer


@router.get(CALLBACK)
def back(
    request: Request,
    who: Administrator,
    connection: Database,
    runtime: PageRuntime,
    state: str = "",
    code: str = "",
    realmId: str = "",
    error: str = "",
) -> Response:
    """Back from Intuit. The state must be ours, unused, and this person's in this browser."""
    login = _take_login(connection, request, who, state)
    if login is None:
        return page(request, "connect_failed.html", status=400, reason="state", lab=None, words="")
    lab_id, start_date, at_once = login
    lab = read_lab(connection, lab_id)
    if error or not code:
        note(connection, who, "connect_refused", lab=lab_id, answer="access_denied" if error else "no code")
        connection.commit()
        return page(request, "connect_failed.html", status=400, reason="denied", lab=lab, words="")
    if not (realmId.isascii() and realmId.isdigit() and len(realmId) <= 32):
        return page(request, "connect_failed.html", status=400, reason="state", lab=lab, words="")
    grant: Grant | None = None
    try:
        grant = exchange_code(runtime.app, code=code, redirect_uri=redirect_uri())
        connect_with_grant(
            runtime,
            lab_id=lab_id,
            lab_name=lab["name"],
            realm_id=realmId,
            grant=grant,
            start_date=start_date,
            start=at_once,
        )
    except CannotConnect as refusal:
        if grant:
            give_back(runtime, grant, realm_id=realmId)
        return page(request, "connect_failed.html", status=409, reason="company", lab=lab, words=str(refusal))
    except QboError as problem:
        log.warning("lab %s could not be connected: %s", lab_id, problem)
        if grant:
            give_back(runtime, grant, realm_id=None)
        return page(request, "connect_failed.html", status=502, reason="intuit", lab=lab, words="")
    again = lab["realm_id"] is not None
    note(connection, who, "reconnect" if again else "connect", lab=lab_id, realm=realmId)
    connection.commit()
    checked = _check(runtime, realmId)
    if not again and not at_once:
        if who.may_run(DAG_ID):
            ask(connection, who, {**lab, "realm_id": realmId})
        return go(request, f"/labs/{lab_id}/preview", done="connected-not-started")
    done = "reconnected" if again else "connected" if checked else "connected-unchecked"
    return go(request, f"/labs/{lab_id}", done=done)


def _take_login(
    connection: psycopg.Connection, request: Request, who: Visitor, state: str
) -> tuple[int, date | None, bool] | None:
    """The lab, its start date, and whether it starts at once, of a login under way, which this uses up; None if it is
    not this person's in this browser."""
    taken: Any = connection.execute(
        "delete from qbo_sync.oauth_login where state_hash = %s and browser_hash = %s and user_id = %s"
        " returning billing_lab_id, sync_start_date, start_at_once, expires_at > clock_timestamp()",
        [digest(state), digest(browser_secret(request)), who.user_id],
    ).fetchone()
    connection.commit()
    return (int(taken[0]), taken[1], taken[2]) if taken and taken[3] else None


def _consent_origin(runtime: Runtime) -> str | None:
    """Where the consent page is: a form may lead there. None if Intuit does not answer."""
    try:
        parts = urlsplit(endpoints(runtime.app.discovery_url)["authorization_endpoint"])
    except QboError:
        return None
    return f"{parts.scheme}://{parts.netloc}"


def _check(runtime: Runtime, realm_id: str) -> bool:
    """The company check; a failure does not undo the connection."""
    try:
        check_company(runtime, realm_id)
    except (QboError, LookupError) as problem:
        log.warning("company %s could not be checked: %s", realm_id, problem)
        return False
    return True
