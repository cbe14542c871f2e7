"""Deletes that are held because they are many (rule 8.9): what would go, and a person's answer."""

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.model.record import Direction
from include.page import dags
from include.page.access import Bookkeeper, Form, Id, Posted, Viewer, id_of
from include.page.audit import note
from include.page.database import Database, Row
from include.page.error_data import PAGE_SIZE, read_error
from include.page.held_data import count_held, read_held
from include.page.render import go, page
from include.sync import mass_delete
from include.sync.flows import FLOWS
from include.sync.marks import lock_alone

router = APIRouter()

#: Where they would be deleted.
SIDES: dict[Direction, str] = {"lms_to_qbo": "QuickBooks", "qbo_to_lms": "Pilot"}


@router.get("/errors/{error_id}/held")
def show(request: Request, error_id: Id, who: Viewer, connection: Database) -> Response:
    """The records that would be deleted."""
    return _page(request, connection, _question(connection, error_id))


@router.post("/errors/{error_id}/release")
def release(request: Request, error_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Delete them: the next run of the DAG carries it out."""
    error = _question(connection, error_id)
    dag_id = _dag_of(error, who)
    if dags.is_off(dag_id):
        return _page(request, connection, error, not_started=True)
    lock_alone(connection)
    if _is_stale(connection, error, form):
        connection.rollback()
        return _page(request, connection, error, stale=True)
    # What the person has seen, and nothing that is held until a run begins.
    seen = mass_delete.held_by_question(
        connection,
        error["realm_id"],
        error["direction"],
        error["record_entity"],
        error["billing_lab_id"],
        along=FLOWS[dag_id].names,
    )
    mass_delete.release(connection, error["direction"], seen)
    connection.execute("select pg_notify('qbo_sync', '')")
    _note(connection, who, "release_held", error, form)
    dags.start(dag_id, error["realm_id"], who.name)
    return go(request, f"/errors/{error_id}", done="held-released")


@router.post("/errors/{error_id}/refuse")
def refuse(request: Request, error_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Keep them, on the side that has them."""
    error = _question(connection, error_id)
    dag_id = _dag_of(error, who)
    if _is_stale(connection, error, form):
        return _page(request, connection, error, stale=True)
    entities = FLOWS[dag_id].names
    mass_delete.refuse(connection, error["realm_id"], error["direction"], entities, error["billing_lab_id"], who.name)
    connection.execute("select pg_notify('qbo_sync', '')")
    _note(connection, who, "refuse_held", error, form)
    dags.start(dag_id, error["realm_id"], who.name)
    return go(request, f"/errors/{error_id}", done="held-refused")


def _question(connection: Database, error_id: int) -> Row:
    error = read_error(connection, error_id)
    if error["error_code"] != "mass_delete_held" or error["status"] == "resolved":
        raise HTTPException(404)
    return error


def _dag_of(error: Row, who: Bookkeeper) -> str:
    dag_id = dags.dag_of(error["direction"], error["record_entity"])
    if not who.may_run(dag_id):
        raise HTTPException(403)
    return dag_id


def _is_stale(connection: Database, error: Row, form: Form) -> bool:
    """Whether others are held by now than the person has seen."""
    return form.number("count") != count_held(connection, error)["records"]


def _note(connection: Database, who: Bookkeeper, action: str, error: Row, form: Form) -> None:
    note(
        connection,
        who,
        action,
        lab=error["billing_lab_id"],
        realm=error["realm_id"],
        error=error["id"],
        records=form.number("count"),
    )
    connection.commit()


def _page(
    request: Request, connection: Database, error: Row, *, stale: bool = False, not_started: bool = False
) -> Response:
    number = min(id_of(request.query_params.get("page", "")) or 1, 100_000)
    count = count_held(connection, error)
    return page(
        request,
        "held.html",
        status=409 if stale or not_started else 200,
        error=error,
        records=read_held(connection, error, number),
        count=count["records"],
        total=count["total"],
        number=number,
        pages=-(-count["records"] // PAGE_SIZE),
        side=SIDES[error["direction"]],
        other=next(side for side in SIDES.values() if side != SIDES[error["direction"]]),
        stale=stale,
        not_started=not_started,
    )
