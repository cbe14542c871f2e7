"""The validation report of a run: each rule that was checked, how many records failed it, and which."""

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.page.access import Viewer
from include.page.database import Database
from include.page.render import page
from include.page.validation_data import read_results
from include.sync.flows import FLOWS

router = APIRouter()


@router.get("/validation")
def show(request: Request, who: Viewer, connection: Database, dag_id: str = "", run_id: str = "") -> Response:
    """All companies and record types of the run. 404 for what is no run of a sync."""
    if dag_id not in FLOWS or not run_id or "\0" in run_id:
        raise HTTPException(404)
    results = read_results(connection, dag_id, run_id)
    return page(
        request,
        "validation.html",
        dag_id=dag_id,
        run_id=run_id,
        results=results,
        checked=sum(one["checked"] for one in results),
        set_aside=sum(one["set_aside"] for one in results),
    )
