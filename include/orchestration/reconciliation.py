"""The tasks of the ledger proof."""

from typing import Any

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected
from include.orchestration.this_run import BY_COMPANY, this_run
from include.orchestration.told import tell


def _step(name: str, company: dict[str, str], *arguments: Any, **options: Any) -> dict[str, int]:
    """Run one step of the proof, as this run."""
    from include.reconciliation import steps

    with skipped_when_disconnected():
        counts: dict[str, int] = getattr(steps, name)(this_run(), company["realm_id"], *arguments, **options)
    tell(company["name"], counts)
    return counts


@task(task_display_name="Connected companies")
def companies() -> list[dict[str, str]]:
    """The connected QuickBooks companies, or the one that was asked for."""
    from include.reconciliation.steps import companies as found

    return found(this_run(), get_current_context()["params"]["realm_id"])


@task(task_display_name="Extract: read both ledgers", map_index_template=BY_COMPANY)
def extract(company: dict[str, str]) -> dict[str, int]:
    """Read QuickBooks' side, and set both sides of each record side by side."""
    return _step("extract", company, full=get_current_context()["params"]["full"])


@task(task_display_name="Transform: compare", map_index_template=BY_COMPANY)
def transform(company: dict[str, str]) -> dict[str, int]:
    """Add up each customer on both sides, and find the cause of each difference."""
    return _step("transform", company)


@task(task_display_name="Validate: does it add up", map_index_template=BY_COMPANY)
def validate(company: dict[str, str]) -> dict[str, int]:
    """Check that the proof itself adds up; keep the results."""
    return _step("validate", company)


@task(task_display_name="Load: keep the proof", map_index_template=BY_COMPANY)
def load(company: dict[str, str]) -> dict[str, int]:
    """Close the proof: equal, explained or different."""
    return _step("load", company)
