"""
### Housekeeping of the sync's history and Airflow's

**For:** ops. **Does:** deletes what only tells how old runs went, in three tasks that do not wait for each other.
`prune`: old staged rows (14 days), API calls and outcomes (100 days), run counts and alerts that are over (400 days),
ledger proofs (`PILOT_PROOF_DAYS`, 760 by default) and the audit of all writes (`PILOT_AUDIT_DAYS`, 400 by default)
from the sync schema. Links, bases, marks and sync errors are never touched, nor anything of the LMS or QuickBooks.
`prune_airflow`: runs, tasks and events from Airflow's own tables (`PILOT_AIRFLOW_HISTORY_DAYS`, 30 by default), with
the connection `airflow_db`; without it the task is skipped. `delete_airflow_logs`: log files of that age.

**Runs:** daily at 03:30 UTC. **Safe to** rerun at any time. **A failed task** means that its database could not be
reached, or that Airflow's `db clean` failed (its words are in the log); nothing is lost by waiting for the next day.
"""

from datetime import UTC, datetime

from airflow.sdk import CronTriggerTimetable, Param, dag

from include.orchestration.deadlines import DEADLINE
from include.orchestration.housekeeping import delete_airflow_logs, prune, prune_airflow
from include.orchestration.retries import DEFAULT_ARGS


@dag(
    dag_id="sync_housekeeping",
    dag_display_name="Housekeeping of the sync's history and Airflow's",
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    deadline=DEADLINE,
    params={
        "dry_run": Param(
            False,
            type="boolean",
            title="Count only (dry run)",
            description="Return how much is old enough to go, and delete nothing.",
        ),
    },
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["quickbooks", "upkeep"],
)
def sync_housekeeping() -> None:
    """Three tasks, side by side."""
    prune()
    prune_airflow()
    delete_airflow_logs()


sync_housekeeping()
