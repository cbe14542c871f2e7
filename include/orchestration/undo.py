"""The tasks that undo a run."""

from typing import Any

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected

_BY_COMPANY = "{{ task.op_kwargs['company']['name'] }}"


def _step(name: str, *arguments: Any, **options: Any) -> Any:
    """Run one step of the undo, as this run."""
    # Imported in the task: the DAG processor parses the file without them.
    from include.company.runtime import Run
    from include.orchestration.runtime import runtime
    from include.undo import steps

    run = get_current_context()["dag_run"]
    with skipped_when_disconnected():
        return getattr(steps, name)(runtime(Run(dag_id=run.dag_id, run_id=run.run_id)), *arguments, **options)


def _undone() -> Any:
    """The run that is to be undone, as the parameters name it."""
    from include.company.runtime import Run

    params = get_current_context()["params"]
    return Run(dag_id=str(params["undo_dag_id"] or ""), run_id=str(params["undo_run_id"] or ""))


@task
def companies() -> list[dict[str, str]]:
    """The QuickBooks companies in which the run wrote."""
    return _step("companies", _undone(), get_current_context()["params"]["realm_id"])


@task(map_index_template=_BY_COMPANY)
def extract(company: dict[str, str]) -> dict[str, int]:
    """Read what the run wrote, and what is so now on both sides."""
    context = get_current_context()
    run, confirmed = context["dag_run"], bool(context["params"]["confirm"])
    who = str(getattr(run, "triggering_user_name", None) or run.run_id)
    return _step("extract", company["realm_id"], _undone(), asked_by=who, confirmed=confirmed)


@task(map_index_template=_BY_COMPANY)
def transform(company: dict[str, str]) -> dict[str, int]:
    """Decide for each record: how it is taken back, or why it is left."""
    return _step("transform", company["realm_id"])


@task(map_index_template=_BY_COMPANY)
def validate(company: dict[str, str]) -> dict[str, int]:
    """Check what would be written to QuickBooks; leave what fails."""
    return _step("validate", company["realm_id"])


@task(map_index_template=_BY_COMPANY)
def load(company: dict[str, str]) -> dict[str, int]:
    """Take it back if that is confirmed; otherwise it stays a preview."""
    return _step("load", company["realm_id"])
