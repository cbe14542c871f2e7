"""Disconnecting a lab: first what it will cause, then the disconnect itself."""

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.company.disconnect import disconnect_lab
from include.page.access import Administrator, Id, Posted
from include.page.audit import note
from include.page.database import Database, PageRuntime
from include.page.lab_data import linked, open_errors, read_lab, sharing_labs, waiting
from include.page.render import go, page

router = APIRouter()


@router.get("/labs/{lab_id}/disconnect")
def ask(request: Request, lab_id: Id, who: Administrator, connection: Database) -> Response:
    """What disconnecting will cause."""
    lab = read_lab(connection, lab_id)
    if lab["realm_id"] is None:
        raise HTTPException(404)
    others = [one for one in sharing_labs(connection, lab["realm_id"]) if one["id"] != lab_id]
    receives = next(
        (one["receives"] for one in sharing_labs(connection, lab["realm_id"]) if one["id"] == lab_id), False
    )
    successor = min(others, key=lambda one: one["id"])["name"] if others and receives else None
    return page(
        request,
        "disconnect.html",
        lab=lab,
        others=[one["name"] for one in others],
        successor=successor,
        links=linked(connection, lab["realm_id"]),
        waiting=sum(waiting(connection, lab).values()),
        errors=open_errors(connection, lab_id),
    )


@router.post("/labs/{lab_id}/disconnect")
def do_it(
    request: Request, lab_id: Id, who: Administrator, form: Posted, connection: Database, runtime: PageRuntime
) -> Response:
    """Disconnect."""
    lab = read_lab(connection, lab_id)
    if lab["realm_id"] is None:
        raise HTTPException(404)
    connection.rollback()
    done = disconnect_lab(runtime, lab_id)
    note(connection, who, "disconnect", lab=lab_id, realm=done.realm_id, last_lab=done.last_lab, revoked=done.revoked)
    connection.commit()
    unsure = done.last_lab and not done.revoked
    return go(request, f"/labs/{lab_id}", done="disconnected-unrevoked" if unsure else "disconnected")
