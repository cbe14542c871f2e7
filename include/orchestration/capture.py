"""The tasks of the change capture."""

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected
from include.orchestration.this_run import BY_COMPANY, this_run

#: How often QuickBooks is asked what changed: a call per company and poll, which counts against the month's quota.
POLL = timedelta(seconds=float(os.environ.get("PILOT_QBO_POLL_SECONDS", "300")))


@task(task_id="companies")
def captured_companies() -> list[dict[str, Any]]:
    """The connected companies: the one asked for; those with a webhook event, when that woke the run; else all."""
    from include.sync.capture import companies

    context = get_current_context()
    reported_only = context["dag_run"].run_type == "asset_triggered"
    return companies(this_run(), context["params"]["realm_id"], reported_only=reported_only)


@task(map_index_template=BY_COMPANY)
def capture(company: dict[str, str]) -> dict[str, int]:
    """Ask the company what changed, and mark the invoices and payments to look at."""
    from include.sync.capture import capture as run_capture

    with skipped_when_disconnected():
        return run_capture(this_run(), company["realm_id"], dry_run=get_current_context()["params"]["dry_run"])
