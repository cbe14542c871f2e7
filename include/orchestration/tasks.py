"""The tasks that every DAG of the sync is made of. Each calls one step; XCom carries keys and counts only."""

from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from include.orchestration.disconnected import skipped_when_disconnected
from include.orchestration.this_run import BY_COMPANY, asked_by, this_run


def _step(name: str, *arguments: Any, **options: Any) -> Any:
    """Run one step of the flow that the DAG's id names, as this run."""
    from include.sync import steps
    from include.sync.flows import FLOWS

    runtime = this_run()
    with skipped_when_disconnected():
        return getattr(steps, name)(runtime, FLOWS[runtime.run.dag_id], *arguments, **options)


@task
def companies() -> list[dict[str, str]]:
    """The QuickBooks companies that have something to do."""
    from include.sync.selection import selection_of

    context = get_current_context()
    params, run = context["params"], context["dag_run"]
    options = {
        "woken": run.run_type == "asset_triggered",
        "release_held": bool(params.get("release_held")),
        "refused_by": asked_by() if params.get("refuse_held") else None,
        "selected": selection_of(params),
        "dry_run": params["dry_run"],
    }
    return _step("companies", params["realm_id"], params["resync"], **options)


def _chosen() -> dict[str, Any]:
    """What of the held deletes the run was asked to release, and whether it is to write nothing."""
    params = get_current_context()["params"]
    return {
        "release_held": bool(params.get("release_held")),
        "release_lab": params.get("billing_lab_id"),
        "dry_run": params["dry_run"],
    }


@task(map_index_template=BY_COMPANY)
def extract(company: dict[str, str]) -> dict[str, int]:
    """Read the changed records on both sides. Nothing there (another run was quicker): the rest is skipped."""
    from include.sync.selection import selection_of

    params = get_current_context()["params"]
    compare = selection_of(params) if params["resync"] and params["dry_run"] else None
    extracted: dict[str, int] = _step("extract", company["realm_id"], **_chosen(), compare=compare)
    if not any(extracted.values()):
        raise AirflowSkipException("another run has taken everything that was due")
    return extracted


@task(map_index_template=BY_COMPANY)
def transform(company: dict[str, str]) -> dict[str, int]:
    """Decide what to do with each."""
    return _step("transform", company["realm_id"], **_chosen())


@task(map_index_template=BY_COMPANY)
def validate(company: dict[str, str]) -> dict[str, int]:
    """Check each against its expectations; set aside what fails."""
    return _step("validate", company["realm_id"])


@task(map_index_template=BY_COMPANY)
def load(company: dict[str, str]) -> dict[str, int]:
    """Carry it out, and record what became of each; in a dry run keep it as a preview."""
    return _step("load", company["realm_id"], dry_run=get_current_context()["params"]["dry_run"])
