"""What every task needs to know of the run that it belongs to."""

from typing import Any

from airflow.sdk import get_current_context

#: For @task(map_index_template=…): how the Airflow UI names a mapped task.
BY_COMPANY = "{{ task.op_kwargs['company']['name'] }}"
BY_SHARD = "{{ task.op_kwargs['shard']['name'] }}"


def this_run() -> Any:
    """The Runtime of this run."""
    # Imported in the task: the DAG processor parses the files without them, and forks of the scheduler have them.
    from include.company.runtime import Run
    from include.orchestration.runtime import runtime

    run = get_current_context()["dag_run"]
    return runtime(Run(dag_id=run.dag_id, run_id=run.run_id))


def asked_by() -> str:
    """Who started this run, as far as Airflow says."""
    run = get_current_context()["dag_run"]
    return str(getattr(run, "triggering_user_name", None) or run.run_id)
