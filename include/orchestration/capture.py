"""The tasks of the change capture."""

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected

#: How often QuickBooks is asked what changed: a call per company and poll, which counts against the month's quota.
POLL = timedelta(seconds=float(os.environ.get("PILOT_QBO_POLL_SECONDS", "300")))


def _runtime() -> Any:
    # Imported in the task: the DAG processor parses the file without them.
    from include.company.runtime import Run
    from include.orchestration.runtime import runtime

    run = get_current_context()["dag_run"]
    return runtime(Run(dag_id=run.dag_id, run_id=run.run_id))


@task(task_id="companies")
def captured_companies() -> list[dict[str, Any]]:
    """The connected companies: the one asked for; those with a webhook event, when that woke the run; else all."""
    from include.sync.capture import companies

    context = get_current_context()
    reported_only = context["dag_run"].run_type == "asset_triggered"
    return companies(_runtime(), context["params"]["realm_id"], reported_only=reported_only)


@task(map_index_template="{{ task.op_kwargs['company']['name'] }}")
def capture(company: dict[str, str]) -> dict[str, int]:
    """Ask the company what changed, and mark the invoices and payments to look at."""
    from include.sync.capture import capture as run_capture

    with skipped_when_disconnected():
        return run_capture(_runtime(), company["realm_id"], dry_run=get_current_context()["params"]["dry_run"])
