"""Airflow's own deadline for each run of ours: whoever takes longer is reported at once, and once.

The triggerer does it (Airflow's AsyncCallback), so that it works while the workers are all busy or stuck.
"""

import asyncio
import os
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

#: How long a run may take.
LONGEST = timedelta(minutes=float(os.environ.get("PILOT_RUN_DEADLINE_MINUTES") or "120"))


async def report_slow_run(context: dict[str, Any] | None = None) -> None:
    """A run has missed its deadline: keep the alert and send it. `context`: as Airflow has it then, {dag_run, …}."""
    from include.orchestration.listening import CONNECTION_ID
    from include.orchestration.notify import connection_or_none

    run = (context or {})["dag_run"]
    if run["state"] not in ("queued", "running"):
        return  # it has failed: that is seen in Airflow, and no run waits for it
    lms, addresses = await BaseHook.aget_connection(CONNECTION_ID), await connection_or_none()
    await asyncio.to_thread(_keep_and_send, run, lms, addresses)


def _keep_and_send(run: dict[str, Any], lms: Any, addresses: Any) -> None:
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    from include.alerts.alerts import keep
    from include.alerts.causes import Fact, alert
    from include.alerts.delivery import deliver
    from include.orchestration.alerts import base_url
    from include.orchestration.notify import services_of

    begun = run["start_date"] or run["queued_at"]
    fact = Fact(
        kind="slow_run",
        since=datetime.fromisoformat(begun) if isinstance(begun, str) else begun,
        subject=f"{run['dag_id']}/{run['dag_run_id']}",
    )
    with PostgresHook(connection=lms).get_conn() as connection:
        keep(connection, [alert(fact, base_url())])
        connection.commit()
        deliver(connection, lambda: services_of(addresses))


#: For @dag(deadline=…).
DEADLINE = DeadlineAlert(
    reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=LONGEST, callback=AsyncCallback(report_slow_run)
)
