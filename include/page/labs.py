"""The overview, a lab's own page, its company check, and what people changed."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.company.accounts import SETTINGS
from include.company.check_run import check_company
from include.page.access import Administrator, Bookkeeper, Id, Posted, Viewer, id_of
from include.page.audit import note
from include.page.database import Database, PageRuntime
from include.page.lab_data import (
    account_names,
    changes,
    closed_books,
    held_invoices,
    open_errors,
    read_lab,
    read_settings,
    sharing_labs,
)
from include.page.overview_data import in_sync, needs, read_findings, read_labs, state_of
from include.page.render import go, page
from include.qbo.errors import QboError
from include.qbo.web import web_of

router = APIRouter()
_SHOWN_CHANGES, _SHOWN_HELD = 200, 50


@router.get("/")
def overview(request: Request, who: Viewer, connection: Database, runtime: PageRuntime) -> Response:
    """Is every lab connected, in sync, and what needs me?"""
    labs = read_labs(connection)
    findings = read_findings(connection)
    return page(
        request,
        "overview.html",
        labs=labs,
        needs=needs(labs, findings),
        connected=sum(lab["state"] == "good" for lab in labs),
        in_sync=sum(lab["sync"] in ("good", "busy") for lab in labs),
        errors=sum(lab["errors"] or 0 for lab in labs),
        web=web_of(runtime.app),
    )


@router.get("/labs/{lab_id}")
def lab_page(request: Request, lab_id: Id, who: Viewer, connection: Database, runtime: PageRuntime) -> Response:
    """One lab: connection, settings in words, company check, what was changed."""
    lab = read_lab(connection, lab_id)
    values: dict[str, Any] = {"lab": lab, "web": web_of(runtime.app), "changes": changes(connection, lab_id, 10)}
    if lab["realm_id"] is None:
        return page(request, "lab_off.html", **values)
    labs = {one["id"]: one for one in read_labs(connection)}
    return page(
        request,
        "lab.html",
        state=state_of(lab),
        sync=in_sync(labs[lab_id]),
        held=labs[lab_id],
        held_invoices=held_invoices(connection, lab, _SHOWN_HELD),
        books=closed_books(connection, lab),
        settings=read_settings(connection, lab),
        accounts=account_names(connection, lab["realm_id"]),
        account_settings=SETTINGS,
        sharers=sharing_labs(connection, lab["realm_id"]),
        findings=read_findings(connection, lab["realm_id"]),
        errors=open_errors(connection, lab_id),
        failed="failed" in request.query_params,
        **values,
    )


@router.post("/labs/{lab_id}/check")
def check_now(
    request: Request, lab_id: Id, who: Administrator, form: Posted, connection: Database, runtime: PageRuntime
) -> Response:
    """Run the company check now."""
    lab = read_lab(connection, lab_id)
    if lab["realm_id"] is None:
        raise HTTPException(404)
    try:
        check_company(runtime, lab["realm_id"])
    except QboError:
        return go(request, f"/labs/{lab_id}", failed="check")
    note(connection, who, "check", lab=lab_id, realm=lab["realm_id"])
    connection.commit()
    return go(request, f"/labs/{lab_id}", done="checked")


@router.post("/labs/{lab_id}/release")
def release_held(request: Request, lab_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Let held invoices of the lab go out now: the chosen one, or all."""
    lab = read_lab(connection, lab_id)
    chosen = id_of(form["invoice"])
    if lab["realm_id"] is None or (chosen is None and form["invoice"] != "all"):
        raise HTTPException(404)
    (count,) = connection.execute(
        "select qbo_sync.release_invoices(%s, %s, %s::bigint[])", [lab_id, who.name, [chosen] if chosen else None]
    ).fetchone() or (0,)
    connection.commit()
    return go(request, f"/labs/{lab_id}", done="released" if count else "released-none", n=count)


@router.get("/changes")
def all_changes(request: Request, who: Viewer, connection: Database) -> Response:
    """Who changed what, and when."""
    return page(request, "changes.html", changes=changes(connection, None, _SHOWN_CHANGES), shown=_SHOWN_CHANGES)
