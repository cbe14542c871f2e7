"""The tasks of the change capture."""

from airflow.sdk import get_current_context, task

from include.orchestration.disconnected import skipped_when_disconnected
from include.orchestration.polling import poll_settings
from include.orchestration.retries import BY_A_LATER_RUN
from include.orchestration.this_run import BY_COMPANY, this_run
from include.orchestration.told import tell

#: Companies that have tasks of their own at the same time, in all runs: they may take minutes.
OWN_TASKS = 8


@task(task_display_name="Poll all companies", multiple_outputs=False)
def poll() -> list[dict[str, str]]:
    """Ask all companies that are due what changed (in a run by hand: all, or the one asked for), and mark it; those
    that need a task of their own are returned."""
    from include.sync.poll import poll as run_poll

    context = get_current_context()
    run_type = context["dag_run"].run_type
    polled = run_poll(
        this_run(),
        poll_settings(),
        context["params"]["realm_id"],
        by_hand=run_type == "manual",
        reported_only=run_type == "asset_triggered",
        dry_run=context["params"]["dry_run"],
    )
    return polled.apart


@task(
    task_display_name="Capture one company",
    map_index_template=BY_COMPANY,
    multiple_outputs=False,
    max_active_tis_per_dag=OWN_TASKS,
    retry_policy=BY_A_LATER_RUN,
)
def capture(company: dict[str, str]) -> dict[str, int]:
    """Ask the company what changed, and mark the invoices and payments to look at."""
    from include.sync.poll import captured_apart

    dry_run = get_current_context()["params"]["dry_run"]
    with skipped_when_disconnected():
        counts = captured_apart(this_run(), poll_settings(), company["realm_id"], dry_run=dry_run)
    tell(company["name"], counts)
    return counts
