"""
### Housekeeping of the sync's own history

**For:** ops. **Does:** deletes old staged rows (14 days), API calls and outcomes (100 days), run counts and alerts that
are over (400 days), ledger proofs (`PILOT_PROOF_DAYS`, 760 by default) and the audit of all writes
(`PILOT_AUDIT_DAYS`, 400 by default) from the sync schema. Links, bases, marks and sync errors are never touched, nor
anything of the LMS or QuickBooks.

**Runs:** daily at 03:30 UTC. **Safe to** rerun at any time. **A failed task** means that the LMS database could not be
reached; nothing is lost by waiting for the next day.
"""

from datetime import UTC, datetime

from airflow.sdk import CronTriggerTimetable, Param, dag, get_current_context, task

from include.orchestration.deadlines import DEADLINE
from include.orchestration.retries import DEFAULT_ARGS


@dag(
    dag_id="sync_housekeeping",
    dag_display_name="Housekeeping of the sync's history",
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
            description="Return how many rows are old enough to go, and delete none.",
        ),
    },
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["quickbooks", "upkeep"],
)
def sync_housekeeping() -> None:
    """One task."""

    @task
    def prune() -> dict[str, int]:
        """Delete old history; the rows deleted, by table."""
        from include.company.runtime import Run
        from include.orchestration.runtime import audit_days, proof_days, runtime
        from include.sync.retention import prune as delete_old

        context = get_current_context()
        run = context["dag_run"]
        with runtime(Run(dag_id=run.dag_id, run_id=run.run_id)).connect() as connection:
            return delete_old(connection, proof_days(), audit_days(), dry_run=context["params"]["dry_run"])

    prune()


sync_housekeeping()
