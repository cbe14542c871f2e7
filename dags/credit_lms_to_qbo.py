"""
### Credits → QuickBooks credit memos

**For:** billing labs. **Moves:** credits of the LMS to credit memos in QuickBooks Online, and what of a credit is
applied to invoices to one zero-total payment there; follows changes of amount and applications, and deletes. Changes
made in QuickBooks do not come back.

**Runs:** when the LMS commits a change (asset `lms_credit_changes`), after invoices reached QuickBooks
(`qbo_invoices`: an application waits for its invoice), and every 15 minutes in case an event was lost.
Companies with little to do share a row of tasks (`extract` → `transform` → `validate` → `load`); one with much to do,
or that failed of late, has a row of its own, under its name.

**Safe to** rerun, clear or start twice: nothing is created twice. A record that cannot be synced fails no task; it
is in the table `qbo_sync.sync_error` (the dashboard's list). **A failed task** means that QuickBooks or the database
could not be reached, or that the company must be connected again (its log says which).
"""

from typing import Any

from airflow.sdk import dag, task_group

from include.orchestration.assets import LMS_CREDIT_CHANGES, QBO_CREDITS, QBO_INVOICES
from include.orchestration.schedule import COMMON, on, params
from include.orchestration.tasks import companies, extract, load, transform, validate


@dag(
    dag_id="credit_lms_to_qbo",
    dag_display_name="Credits: LMS → QuickBooks",
    schedule=on(LMS_CREDIT_CHANGES | QBO_INVOICES),
    params=params(transactions=True),
    doc_md=__doc__,
    tags=["quickbooks", "lms → quickbooks", "credits"],
    **COMMON,
)
def credit_lms_to_qbo() -> None:
    """Credits and their applications."""

    @task_group(prefix_group_id=False)
    def sync_companies(shard: dict[str, Any]) -> None:
        load.override(outlets=[QBO_CREDITS])(shard=validate(shard=transform(shard=extract(shard=shard))))

    sync_companies.expand(shard=companies())


credit_lms_to_qbo()
