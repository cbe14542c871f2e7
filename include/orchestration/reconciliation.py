"""The tasks of the ledger proof."""

from typing import Any

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected
from include.orchestration.this_run import BY_COMPANY, this_run


def _step(name: str, *arguments: Any, **options: Any) -> Any:
    """Run one step of the proof, as this run."""
    from include.reconciliation import steps

    with skipped_when_disconnected():
        return getattr(steps, name)(this_run(), *arguments, **options)


@task
def companies() -> list[dict[str, str]]:
    """The connected QuickBooks companies, or the one that was asked for."""
    return _step("companies", get_current_context()["params"]["realm_id"])


@task(map_index_template=BY_COMPANY)
def extract(company: dict[str, str]) -> dict[str, int]:
    """Read QuickBooks' side, and set both sides of each record side by side."""
    return _step("extract", company["realm_id"], full=get_current_context()["params"]["full"])


@task(map_index_template=BY_COMPANY)
def transform(company: dict[str, str]) -> dict[str, int]:
    """Add up each customer on both sides, and find the cause of each difference."""
    return _step("transform", company["realm_id"])


@task(map_index_template=BY_COMPANY)
def validate(company: dict[str, str]) -> dict[str, int]:
    """Check that the proof itself adds up; keep the results."""
    return _step("validate", company["realm_id"])


@task(map_index_template=BY_COMPANY)
def load(company: dict[str, str]) -> dict[str, int]:
    """Close the proof: equal, explained or different."""
    return _step("load", company["realm_id"])
