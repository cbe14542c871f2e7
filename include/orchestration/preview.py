"""The task of the preview."""

from typing import Any

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected
from include.orchestration.this_run import BY_COMPANY, this_run
from include.orchestration.told import tell


@task(task_id="companies", task_display_name="Companies to preview")
def companies_to_preview() -> list[dict[str, Any]]:
    """The connected companies: the one asked for, the lab's, else all."""
    from include.sync.dry_run import companies

    params = get_current_context()["params"]
    return companies(this_run(), params["realm_id"], params["billing_lab_id"])


@task(task_display_name="Plan without writing", map_index_template=BY_COMPANY)
def preview(company: dict[str, str]) -> dict[str, int]:
    """Plan everything that the company, or the lab, has to sync, and keep what would be done."""
    from include.sync.dry_run import preview_sync

    lab = get_current_context()["params"]["billing_lab_id"]
    with skipped_when_disconnected():
        counts = preview_sync(this_run(), company["realm_id"], lab)
    tell(company["name"], counts)
    return counts
