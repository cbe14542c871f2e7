"""The tasks of the company check."""

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected
from include.orchestration.this_run import BY_COMPANY, this_run
from include.orchestration.told import tell


@task(task_display_name="Connected companies")
def connected_companies() -> list[dict[str, str]]:
    """The companies to look at: the one asked for, else all that are connected or must be connected again."""
    from include.company.check_run import companies_to_check

    return companies_to_check(this_run(), get_current_context()["params"]["realm_id"])


@task(task_display_name="Check the company's settings", map_index_template=BY_COMPANY)
def check(company: dict[str, str]) -> dict[str, int]:
    """Read the company's settings and accounts, and keep what can stop the sync."""
    from include.company.check_run import check_company

    with skipped_when_disconnected():
        counts = check_company(this_run(), company["realm_id"])
    tell(company["name"], counts)
    return counts
