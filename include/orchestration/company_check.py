"""The tasks of the company check."""

from typing import Any

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected


def _runtime() -> Any:
    # Imported in the task: the DAG processor parses the file without them.
    from include.company.runtime import Run
    from include.orchestration.runtime import runtime

    run = get_current_context()["dag_run"]
    return runtime(Run(dag_id=run.dag_id, run_id=run.run_id))


@task
def connected_companies() -> list[dict[str, str]]:
    """The companies to look at: the one asked for, else all that are connected or must be connected again."""
    from include.company.check_run import companies_to_check

    return companies_to_check(_runtime(), get_current_context()["params"]["realm_id"])


@task(map_index_template="{{ task.op_kwargs['company']['name'] }}")
def check(company: dict[str, str]) -> dict[str, int]:
    """Read the company's settings and accounts, and keep what can stop the sync."""
    from include.company.check_run import check_company

    with skipped_when_disconnected():
        return check_company(_runtime(), company["realm_id"])
