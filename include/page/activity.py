"""Activity: what synced, how quickly, at the cost of how many calls, and the last runs."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from include.orchestration.polling import poll_settings
from include.page.access import Viewer, id_of
from include.page.activity_data import (
    api_calls,
    in_line,
    last_runs,
    metered_this_month,
    over_time,
    per_entity,
)
from include.page.chart import make_chart
from include.page.database import Database, rows
from include.page.render import page

router = APIRouter()


@router.get("/activity")
def activity(request: Request, who: Viewer, connection: Database) -> Response:
    """The last day or week, of all labs or one."""
    window = "week" if request.query_params.get("window") == "week" else "day"
    lab = id_of(request.query_params.get("lab", ""))
    slots = [(one["slot"], one["synced"], one["failed"]) for one in over_time(connection, lab, window)]
    return page(
        request,
        "activity.html",
        window=window,
        lab=lab,
        labs=rows(connection, "select id, name from lms.billing_lab order by lower(name), id"),
        chart=make_chart(slots, hourly=window == "day"),
        table=per_entity(connection, lab),
        line=in_line(connection, lab),
        calls=api_calls(connection, lab),
        metered=metered_this_month(connection, poll_settings()),
        runs=last_runs(connection, lab),
    )
