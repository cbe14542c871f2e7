"""The tasks that every DAG of the sync is made of. Each calls one step; XCom carries keys and counts only."""

from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from include.orchestration.disconnected import skipped_when_disconnected


def _step(name: str, *arguments: Any, **options: Any) -> Any:
    """Run one step of the flow that the DAG's id names, as this run."""
    # Imported in the task: the DAG processor parses the files without them, and forks of the scheduler have them.
    from include.company.runtime import Run
    from include.orchestration.runtime import runtime
    from include.sync import steps
    from include.sync.flows import FLOWS

    run = get_current_context()["dag_run"]
    this_run = runtime(Run(dag_id=run.dag_id, run_id=run.run_id))
    with skipped_when_disconnected():
        return getattr(steps, name)(this_run, FLOWS[run.dag_id], *arguments, **options)


_BY_COMPANY = "{{ task.op_kwargs['company']['name'] }}"


def _chosen(*names: str) -> dict[str, bool]:
    """What was chosen when the run was started."""
    params = get_current_context()["params"]
    return {name: params[name] for name in names}


@task
def companies() -> list[dict[str, str]]:
    """The QuickBooks companies that have something to do."""
    context = get_current_context()
    params, woken = context["params"], context["dag_run"].run_type == "asset_triggered"
    options = {"woken": woken, **_chosen("release_held", "dry_run")}
    return _step("companies", params["realm_id"], params["resync"], **options)


@task(map_index_template=_BY_COMPANY)
def extract(company: dict[str, str]) -> dict[str, int]:
    """Read the changed records on both sides. Nothing there (another run was quicker): the rest is skipped."""
    options = _chosen("resync", "release_held", "dry_run")
    extracted: dict[str, int] = _step("extract", company["realm_id"], **options)
    if not any(extracted.values()):
        raise AirflowSkipException("another run has taken everything that was due")
    return extracted


@task(map_index_template=_BY_COMPANY)
def transform(company: dict[str, str]) -> dict[str, int]:
    """Decide what to do with each."""
    return _step("transform", company["realm_id"], **_chosen("release_held", "dry_run"))


@task(map_index_template=_BY_COMPANY)
def validate(company: dict[str, str]) -> dict[str, int]:
    """Check each against its expectations; set aside what fails."""
    return _step("validate", company["realm_id"])


@task(map_index_template=_BY_COMPANY)
def load(company: dict[str, str]) -> dict[str, int]:
    """Carry it out, and record what became of each; in a dry run keep it as a preview."""
    return _step("load", company["realm_id"], **_chosen("dry_run"))
