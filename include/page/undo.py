"""Undo of a run: what would be taken back and what would be left, and the button that carries it out."""

from itertools import groupby
from operator import itemgetter

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.page import dags
from include.page.access import Bookkeeper, Posted, Viewer
from include.page.audit import note
from include.page.database import Database, Row, row, rows
from include.page.render import go, page
from include.page.sync_again import asking_for
from include.sync.flows import FLOWS

router = APIRouter()

#: The DAG that undoes.
DAG_ID = "undo_run"
#: Records that are shown of each kind; the counts are of all.
MOST = 200


@router.get("/undo")
def show(
    request: Request, who: Viewer, connection: Database, dag_id: str = "", run_id: str = "", realm: str = ""
) -> Response:
    """The run's last undo or preview of one; or how it goes on. 404 for a run that has written nothing."""
    run = _run(connection, dag_id, run_id, realm)
    asked = row(
        connection,
        "select user_name, at, detail ->> 'by_run' as by_run from qbo_sync.page_change"
        " where action in ('undo', 'undo_preview') and realm_id = %s and detail ->> 'dag_id' = %s"
        "   and detail ->> 'run_id' = %s order by id desc limit 1",
        [realm, dag_id, run_id],
    )
    found = row(
        connection,
        "select * from qbo_sync.undo where realm_id = %s and dag_id = %s and run_id = %s and finished_at is not null"
        " order by id desc limit 1",
        [realm, dag_id, run_id],
    )
    state = dags.run_state(DAG_ID, asked["by_run"]) if asked and asked["by_run"] else None
    taken = _records(connection, found, left=False)
    return page(
        request,
        "undo.html",
        run=run,
        asked=asked,
        state=state,
        failed=asked is not None and state not in ("queued", "running", "success"),
        undo=found,
        taken=taken,
        again=_ways_back(FLOWS[dag_id].direction, taken),
        left=_records(connection, found, left=True),
        most=MOST,
        undo_dag=DAG_ID,
    )


@router.post("/undo")
def ask(request: Request, who: Bookkeeper, form: Posted, connection: Database) -> Response:
    """Start the DAG: for a preview, or (`confirm`) to take the run back."""
    if not who.may_run(DAG_ID):
        raise HTTPException(403)
    names = {name: form[name] for name in ("dag_id", "run_id", "realm")}
    _run(connection, **names)
    confirm = form["confirm"] == "yes"
    dag_id, run_id = names["dag_id"], names["run_id"]
    by_run = dags.start(DAG_ID, names["realm"], who.name, undo_dag_id=dag_id, undo_run_id=run_id, confirm=confirm)
    action = "undo" if confirm else "undo_preview"
    note(connection, who, action, realm=names["realm"], by_run=by_run, dag_id=dag_id, run_id=run_id)
    connection.commit()
    return go(request, "/undo", **names)


def _run(connection: Database, dag_id: str, run_id: str, realm: str) -> Row:
    if "\0" in f"{dag_id}{run_id}{realm}":
        raise HTTPException(404)
    found = row(
        connection,
        "select e.dag_id, e.run_id, e.realm_id, c.name as company, max(e.at) as at, count(*) as records"
        "  from qbo_sync.audit_entry e join qbo_sync.company c using (realm_id)"
        " where e.dag_id = %s and e.run_id = %s and e.realm_id = %s group by 1, 2, 3, 4",
        [dag_id, run_id, realm],
    )
    if found is None or dag_id not in FLOWS:
        raise HTTPException(404)
    return found


def _records(connection: Database, undo: Row | None, *, left: bool) -> list[Row]:
    if undo is None:
        return []
    return rows(
        connection,
        "select r.action, r.reason, r.done_at, e.side, e.entity, e.lms_id, e.qbo_id, e.document_number, e.customer,"
        "       e.amount, e.billing_lab_id, l.name as lab, count(*) over () as total"
        "  from qbo_sync.undo_record r join qbo_sync.audit_entry e on e.id = r.entry_id"
        "  left join lms.billing_lab l on l.id = e.billing_lab_id"
        " where r.undo_id = %s and (r.action = 'leave') = %s order by r.entry_id limit %s",
        [undo["id"], left, MOST],
    )


def _ways_back(direction: str, taken: list[Row]) -> list[Row]:
    """By lab, the query of *Sync again* for what of it was taken back: a run writes one kind of record."""
    of_labs = sorted((one for one in taken if one["billing_lab_id"]), key=itemgetter("billing_lab_id"))
    found = []
    for lab, records in groupby(of_labs, itemgetter("billing_lab_id")):
        own = list(records)
        lms_ids = [one["lms_id"] for one in own if one["lms_id"]]
        qbo_ids = [one["qbo_id"] for one in own if one["qbo_id"]]
        query = asking_for(direction, own[0]["entity"], lms_ids, qbo_ids)
        if query:
            found.append({"lab": lab, "name": own[0]["lab"], "query": query})
    return found
