"""
### Alerts and metrics

**For:** ops, and whoever keeps the books. **Does:** looks for what a person has to know although nobody looks at the
page: a company that must be reconnected, sync errors open for more than a day, books that do not agree, deletes held
for a decision, the month's calls nearly used up, changes that no run works on, a company that keeps failing, a run that
takes too long. One message per cause to the addresses of Airflow's connection `pilot_alerts`, and one when it is over;
without that connection nothing is sent, and what is open is in `qbo_sync.alert`. Also emits the metrics of how things
stand, if Airflow's metrics are on. What each alert means and what to do: docs/operations.md.

**Runs:** every ten minutes (`PILOT_ALERTS_CRON`). It asks QuickBooks nothing. **Safe to** rerun at any time: nobody is
told twice. **A failed task** means that the database, or an address for alerts, could not be reached; the log says
which, and the next run tells what this one could not.
"""

import os
from datetime import UTC, datetime

from airflow.sdk import CronTriggerTimetable, Param, dag

from include.orchestration.alerts import tell
from include.orchestration.deadlines import DEADLINE
from include.orchestration.retries import DEFAULT_ARGS


@dag(
    dag_id="sync_alerts",
    dag_display_name="Alerts and metrics",
    schedule=CronTriggerTimetable(os.environ.get("PILOT_ALERTS_CRON") or "*/10 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    deadline=DEADLINE,
    params={
        "test_message": Param(
            False,
            type="boolean",
            title="Send a test message",
            description="Send a test message to every address of the connection pilot_alerts, and do nothing else.",
        ),
    },
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["quickbooks", "upkeep"],
)
def sync_alerts() -> None:
    """One task."""
    tell()


sync_alerts()
