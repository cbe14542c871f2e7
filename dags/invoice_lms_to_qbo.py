"""
### Invoices → QuickBooks invoices

**For:** billing labs. **Moves:** an invoice to QuickBooks Online when its case is invoiced in the LMS, and deletes it
there when the case is un-invoiced. Discount and shipping go into their boxes, tax is a line, the case's billing notes
are the memo. Other edits of an LMS invoice are not pushed.

**Runs:** when the LMS commits a change (asset `lms_invoice_changes`), after new customers or items reached QuickBooks
(`qbo_customers`, `qbo_items`: an invoice waits for them), and every 15 minutes in case an event was lost.
Companies with little to do share a row of tasks (`extract` → `transform` → `validate` → `load`); one with much to do,
or that failed of late, has a row of its own, under its name.

**Safe to** rerun, clear or start twice: no invoice is created twice. An invoice that cannot be synced fails no task; it
is in the table `qbo_sync.sync_error` (the dashboard's list). **A failed task** means that QuickBooks or the database
could not be reached, or that the company must be connected again (its log says which).
"""

from typing import Any

from airflow.sdk import dag, task_group

from include.orchestration.assets import LMS_INVOICE_CHANGES, QBO_CUSTOMERS, QBO_INVOICES, QBO_ITEMS
from include.orchestration.schedule import COMMON, on, params
from include.orchestration.tasks import companies, extract, load, transform, validate


@dag(
    dag_id="invoice_lms_to_qbo",
    dag_display_name="Invoices: LMS → QuickBooks",
    schedule=on(LMS_INVOICE_CHANGES | QBO_CUSTOMERS | QBO_ITEMS),
    params=params(transactions=True, numbered=True),
    doc_md=__doc__,
    tags=["quickbooks", "lms → quickbooks", "invoices"],
    **COMMON,
)
def invoice_lms_to_qbo() -> None:
    """Invoices to invoices."""

    @task_group(prefix_group_id=False)
    def sync_companies(shard: dict[str, Any]) -> None:
        load.override(outlets=[QBO_INVOICES])(shard=validate(shard=transform(shard=extract(shard=shard))))

    sync_companies.expand(shard=companies())


invoice_lms_to_qbo()
