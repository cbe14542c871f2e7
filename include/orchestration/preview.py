"""The task of the preview."""

from typing import Any

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected


def _runtime() -> Any:
    # Imported in the task: the DAG processor parses the file without them.
    from include.company.runtime import Run
    from include.orchestration.runtime import runtime

    run = get_current_context()["dag_run"]
    return runtime(Run(dag_id=run.dag_id, run_id=run.run_id))


@task(task_id="companies")
def companies_to_preview() -> list[dict[str, Any]]:
    """The connected companies: the one asked for, the lab's, else all."""
    from include.sync.dry_run import companies

    params = get_current_context()["params"]
    return companies(_runtime(), params["realm_id"], params["billing_lab_id"])


@task(map_index_template="{{ task.op_kwargs['company']['name'] }}")
def preview(company: dict[str, str]) -> dict[str, int]:
    """Plan everything that the company, or the lab, has to sync, and keep what would be done."""
    from include.sync.dry_run import preview_sync

    lab = get_current_context()["params"]["billing_lab_id"]
    with skipped_when_disconnected():
        return preview_sync(_runtime(), company["realm_id"], lab)
