"""The tasks that every DAG of the sync is made of. Each calls one step; XCom carries keys and counts only."""

from typing import Any

from airflow.sdk import get_current_context, task


def _step(name: str, *arguments: Any) -> Any:
    """Run one step of the flow that the DAG's id names, as this run."""
    # Imported in the task: the DAG processor parses the files without them, and forks of the scheduler have them.
    from include.orchestration.runtime import runtime
    from include.sync import load, steps
    from include.sync.flows import FLOWS
    from include.sync.runtime import Run

    run = get_current_context()["dag_run"]
    step = load.load if name == "load" else getattr(steps, name)
    return step(runtime(Run(dag_id=run.dag_id, run_id=run.run_id)), FLOWS[run.dag_id], *arguments)


_BY_COMPANY = "{{ task.op_kwargs['company']['name'] }}"


@task
def companies() -> list[dict[str, str]]:
    """The QuickBooks companies that have something to do."""
    params = get_current_context()["params"]
    return _step("companies", params["realm_id"], params["resync"])


@task(map_index_template=_BY_COMPANY)
def extract(company: dict[str, str]) -> dict[str, int]:
    """Read the changed records on both sides."""
    return _step("extract", company["realm_id"])


@task(map_index_template=_BY_COMPANY)
def transform(company: dict[str, str]) -> dict[str, int]:
    """Decide what to do with each."""
    return _step("transform", company["realm_id"])


@task(map_index_template=_BY_COMPANY)
def validate(company: dict[str, str]) -> dict[str, int]:
    """Check each against its expectations; set aside what fails."""
    return _step("validate", company["realm_id"])


@task(map_index_template=_BY_COMPANY)
def load(company: dict[str, str]) -> dict[str, int]:
    """Carry it out, and record what became of each."""
    return _step("load", company["realm_id"])
