"""Do the books agree? The last proof of each lab, one lab's proof with its records, CSV, PDF, and its buttons."""

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.model.money import show
from include.page import dags
from include.page.access import Bookkeeper, Id, Posted, Viewer, id_of
from include.page.audit import note
from include.page.chart import make_pairs
from include.page.database import Database, PageRuntime, Row, rows
from include.page.lab_data import read_lab
from include.page.reconciliation_csv import as_csv
from include.page.reconciliation_data import (
    BUCKETS,
    CAUSES,
    FIGURES,
    SHOWN,
    STATES,
    months,
    overview,
    read_proof,
)
from include.page.render import go, page
from include.page.retrying import MOST
from include.page.security import add_headers
from include.qbo.web import web_of
from include.reconciliation.fix import mark_again

router = APIRouter()

DAG = "ledger_reconciliation"


@router.get("/books")
def all_books(request: Request, who: Viewer, connection: Database) -> Response:
    """Each lab: do its books agree, and when was that found?"""
    return page(request, "books.html", labs=overview(connection), states=STATES)


@router.get("/labs/{lab_id}/books")
def lab_books(request: Request, lab_id: Id, who: Viewer, connection: Database, runtime: PageRuntime) -> Response:
    """One lab's proof: the last one, or an earlier one."""
    lab = _connected(connection, lab_id)
    found = read_proof(connection, lab, id_of(request.query_params.get("proof", "")))
    web = web_of(runtime.app)
    return page(
        request,
        "lab_books.html",
        lab=lab,
        found=found,
        months=months(connection, lab["realm_id"]),
        states=STATES,
        causes=CAUSES,
        figures=FIGURES,
        buckets=BUCKETS,
        chart=make_pairs([(BUCKETS[one["bucket"]], one["lms"], one["qbo"]) for one in found.aging]) if found else None,
        shown=SHOWN,
        show=show,
        document=lambda one: web.document(lab["realm_id"], one["entity"], one["qbo_id"]),
        may_compare=who.may_run(DAG),
    )


@router.get("/labs/{lab_id}/books/{proof_id}.{kind}")
def download(request: Request, lab_id: Id, proof_id: Id, kind: str, who: Viewer, connection: Database) -> Response:
    """A proof as CSV or PDF."""
    if kind not in ("csv", "pdf"):
        raise HTTPException(404)
    found = read_proof(connection, _connected(connection, lab_id), proof_id)
    if found is None:
        raise HTTPException(404)
    # Half a second to import, and only for this.
    from include.page.reconciliation_pdf import as_pdf, file_name

    # A byte order mark tells a spreadsheet that it is UTF-8.
    content = as_pdf(found) if kind == "pdf" else as_csv(found).encode("utf-8-sig")
    answer = Response(content, media_type="application/pdf" if kind == "pdf" else "text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(found, kind)}"'
    add_headers(answer)
    return answer


@router.post("/labs/{lab_id}/books")
def compare_now(request: Request, lab_id: Id, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Compare the books now; or have one record or all that differ compared again, which syncs them."""
    lab = _connected(connection, lab_id)
    if form["action"] == "prove":
        if not who.may_run(DAG):
            raise HTTPException(403)
        note(connection, who, "prove", lab=lab_id, realm=lab["realm_id"])
        connection.commit()
        started = dags.start(DAG, lab["realm_id"], who.name)
        return go(request, f"/labs/{lab_id}/books", done="proving" if started else "proving-not")
    if form["difference"] and form.number("difference") is None:
        raise HTTPException(400)
    chosen = _chosen(connection, lab, form.number("proof"), form.number("difference"))
    count = _fix(connection, who, lab, chosen)
    done = "compared" if count else "compared-none"
    return go(request, f"/labs/{lab_id}/books", done=done, n=count, proof=form["proof"])


def _chosen(connection: Database, lab: Row, proof_id: int | None, difference_id: int | None) -> list[Row]:
    """The differences with a fix: the one named, or all of the proof."""
    return rows(
        connection,
        "select d.* from qbo_sync.reconciliation_difference d"
        "  join qbo_sync.reconciliation p on p.id = d.reconciliation_id"
        " where p.id = %(proof)s and p.realm_id = %(realm)s and d.fix is not null"
        "   and (d.billing_lab_id = %(lab)s or d.billing_lab_id is null)"
        "   and (%(one)s::bigint is null or d.id = %(one)s) order by d.id limit %(most)s",
        {"proof": proof_id, "realm": lab["realm_id"], "lab": lab["id"], "one": difference_id, "most": MOST},
    )


def _fix(connection: Database, who: Bookkeeper, lab: Row, chosen: list[Row]) -> int:
    """Mark them, commit, and start what moves them; how many."""
    if not chosen:
        return 0
    marked = mark_again(connection, lab["realm_id"], chosen)
    wanted = sorted({dags.dag_of(direction, entity) for direction, entity in marked})
    if not all(who.may_run(dag_id) for dag_id in wanted):
        raise HTTPException(403)
    note(connection, who, "compare_again", lab=lab["id"], realm=lab["realm_id"], records=len(chosen))
    connection.commit()
    for dag_id in wanted:
        dags.start(dag_id, lab["realm_id"], who.name)
    return len(chosen)


def _connected(connection: Database, lab_id: int) -> Row:
    lab = read_lab(connection, lab_id)
    if lab["realm_id"] is None:
        raise HTTPException(404)
    return lab
