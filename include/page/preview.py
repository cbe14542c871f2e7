"""Previews: ask for one, see how it goes on, read it, download it, and start the lab's sync."""

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.page import dags
from include.page.access import Bookkeeper, Id, Posted, Viewer, Visitor, id_of
from include.page.audit import note
from include.page.database import Database, Row
from include.page.lab_data import read_lab
from include.page.preview_data import (
    DAG_ID,
    MOST_PROBLEMS,
    PAGE_SIZE,
    as_csv,
    count_records,
    filter_of,
    last_asked,
    read_preview,
    read_records,
    recent_previews,
    summary,
    told,
)
from include.page.render import go, page
from include.page.security import add_headers

router = APIRouter()


@router.get("/previews")
def list_previews(request: Request, who: Viewer, connection: Database) -> Response:
    """The newest previews."""
    return page(request, "previews.html", previews=recent_previews(connection))


@router.get("/labs/{lab_id}/preview")
def of_lab(request: Request, lab_id: Id, who: Viewer, connection: Database) -> Response:
    """The lab's last preview; or how it goes on, if it is still being made."""
    lab = _connected(connection, lab_id)
    asked = last_asked(connection, lab)
    if asked and asked["preview_id"]:
        return go(request, f"/previews/{asked['preview_id']}")
    state = dags.run_state(DAG_ID, asked["run_id"]) if asked and asked["run_id"] else None
    return page(request, "preview_wait.html", lab=lab, asked=asked, state=state, dag_id=DAG_ID)


@router.post("/labs/{lab_id}/preview")
def make(request: Request, lab_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Start the DAG that makes a preview of the lab."""
    lab = _connected(connection, lab_id)
    if not who.may_run(DAG_ID):
        raise HTTPException(403)
    ask(connection, who, lab)
    return go(request, f"/labs/{lab_id}/preview")


def ask(connection: Database, who: Visitor, lab: Row) -> None:
    """Start the preview of a connected lab and note who asked for it."""
    run_id = dags.start(DAG_ID, lab["realm_id"], who.name, billing_lab_id=lab["id"])
    note(connection, who, "preview", lab=lab["id"], realm=lab["realm_id"], run_id=run_id)
    connection.commit()


@router.post("/labs/{lab_id}/start")
def start(request: Request, lab_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Start the lab's sync: what is marked is due from now on."""
    lab = _connected(connection, lab_id)
    started = connection.execute(
        "update qbo_sync.connection set started_at = clock_timestamp(), updated_at = clock_timestamp()"
        " where billing_lab_id = %s and started_at is null",
        [lab_id],
    )
    if started.rowcount:
        note(connection, who, "start", lab=lab_id, realm=lab["realm_id"])
    connection.commit()
    return go(request, f"/labs/{lab_id}", done="started")


@router.get("/previews/{preview_id}")
def show(request: Request, preview_id: Id, who: Viewer, connection: Database) -> Response:
    """What would be done: counts and totals, questions, problems, records."""
    preview = read_preview(connection, preview_id)
    wanted = filter_of(lambda name: request.query_params.get(name, ""))
    number = min(id_of(request.query_params.get("page", "")) or 1, 100_000)
    total = count_records(connection, preview_id, wanted)
    questions, asked = told(connection, preview_id, questions=True)
    problems, wrong = told(connection, preview_id, questions=False)
    return page(
        request,
        "preview.html",
        preview=preview,
        sides=summary(connection, preview_id),
        questions=questions,
        asked=asked,
        problems=problems,
        wrong=wrong,
        most=MOST_PROBLEMS,
        wanted=wanted,
        query=wanted.as_query(),
        records=read_records(connection, preview_id, wanted, number),
        total=total,
        number=number,
        pages=-(-total // PAGE_SIZE),
        dag_id=DAG_ID,
    )


@router.get("/previews/{preview_id}/preview.csv")
def download(request: Request, preview_id: Id, who: Viewer, connection: Database) -> Response:
    """All its records, for a spreadsheet."""
    preview = read_preview(connection, preview_id)
    name = f"preview-{preview['made_at']:%Y-%m-%d}-{preview_id}.csv"
    # With the mark by which spreadsheets know the encoding.
    answer = Response("\ufeff" + "".join(as_csv(connection, preview_id)), media_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    add_headers(answer)
    return answer


def _connected(connection: Database, lab_id: int) -> Row:
    lab = read_lab(connection, lab_id)
    if lab["realm_id"] is None:
        raise HTTPException(404)
    return lab
