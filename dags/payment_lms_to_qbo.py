"""
### Payments → QuickBooks payments

**For:** billing labs. **Moves:** payments entered in the LMS to QuickBooks Online, with the invoices that they settle;
follows changes of amount and applications, and deletes. Where both sides changed, QuickBooks' version stays and a sync
error keeps the other.

**Runs:** when the LMS commits a change (asset `lms_payment_changes`), after invoices reached QuickBooks
(`qbo_invoices`: a payment waits for the invoices it settles), and every 15 minutes in case an event was lost.
Companies with little to do share a row of tasks (`extract` → `transform` → `validate` → `load`); one with much to do,
or that failed of late, has a row of its own, under its name.

**Safe to** rerun, clear or start twice: nothing is created twice. A record that cannot be synced fails no task; it
is in the table `qbo_sync.sync_error` (the dashboard's list). **A failed task** means that QuickBooks or the database
could not be reached, or that the company must be connected again (its log says which).
"""

from typing import Any

from airflow.sdk import dag, task_group

from include.orchestration.assets import LMS_PAYMENT_CHANGES, QBO_INVOICES, QBO_PAYMENTS
from include.orchestration.schedule import COMMON, on, params
from include.orchestration.tasks import companies, extract, load, transform, validate


@dag(
    dag_id="payment_lms_to_qbo",
    dag_display_name="Payments: LMS → QuickBooks",
    schedule=on(LMS_PAYMENT_CHANGES | QBO_INVOICES),
    params=params(transactions=True),
    doc_md=__doc__,
    tags=["quickbooks", "lms → quickbooks", "payments"],
    **COMMON,
)
def payment_lms_to_qbo() -> None:
    """Payments to payments."""

    @task_group(prefix_group_id=False)
    def sync_companies(shard: dict[str, Any]) -> None:
        load.override(outlets=[QBO_PAYMENTS])(shard=validate(shard=transform(shard=extract(shard=shard))))

    sync_companies.expand(shard=companies())


payment_lms_to_qbo()
