"""The tasks that undo a run."""

from typing import Any

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected
from include.orchestration.this_run import BY_COMPANY, asked_by, this_run
from include.orchestration.told import tell


def _step(name: str, company: dict[str, str], *arguments: Any, **options: Any) -> dict[str, int]:
    """Run one step of the undo, as this run."""
    from include.undo import steps

    with skipped_when_disconnected():
        counts: dict[str, int] = getattr(steps, name)(this_run(), company["realm_id"], *arguments, **options)
    tell(company["name"], counts)
    return counts


def _undone() -> Any:
    """The run that is to be undone, as the parameters name it."""
    from include.company.runtime import Run

    params = get_current_context()["params"]
    return Run(dag_id=str(params["undo_dag_id"] or ""), run_id=str(params["undo_run_id"] or ""))


@task(task_display_name="Companies of the run")
def companies() -> list[dict[str, str]]:
    """The QuickBooks companies in which the run wrote."""
    from include.undo.steps import companies as found

    return found(this_run(), _undone(), get_current_context()["params"]["realm_id"])


@task(task_display_name="Extract: what the run wrote", map_index_template=BY_COMPANY)
def extract(company: dict[str, str]) -> dict[str, int]:
    """Read what the run wrote, and what is so now on both sides."""
    confirmed = bool(get_current_context()["params"]["confirm"])
    return _step("extract", company, _undone(), asked_by=asked_by(), confirmed=confirmed)


@task(task_display_name="Transform: decide", map_index_template=BY_COMPANY)
def transform(company: dict[str, str]) -> dict[str, int]:
    """Decide for each record: how it is taken back, or why it is left."""
    return _step("transform", company)


@task(task_display_name="Validate: check", map_index_template=BY_COMPANY)
def validate(company: dict[str, str]) -> dict[str, int]:
    """Check what would be written to QuickBooks; leave what fails."""
    return _step("validate", company)


@task(task_display_name="Load: take it back", map_index_template=BY_COMPANY)
def load(company: dict[str, str]) -> dict[str, int]:
    """Take it back if that is confirmed; otherwise it stays a preview."""
    return _step("load", company)
