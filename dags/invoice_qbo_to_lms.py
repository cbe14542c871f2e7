"""
### QuickBooks invoices → LMS

**For:** billing labs. **Moves:** invoices that the bookkeeper creates in QuickBooks to the receiving lab; amounts and
balances of all synced invoices when they change in QuickBooks; deletions (the case is completed again) and voids. Never
changes a case or its line items.

**Runs:** when the change capture has marked invoices (asset `qbo_invoice_changes`), and every 15 minutes in case an
event was lost.
Companies with little to do share a row of tasks (`extract` → `transform` → `validate` → `load`); one with much to do,
or that failed of late, has a row of its own, under its name.

**Safe to** rerun, clear or start twice: what is done is recognized. An invoice that cannot be synced fails no task; it
is in the table `qbo_sync.sync_error` (the dashboard's list). **A failed task** means that QuickBooks or the database
could not be reached, or that the company must be connected again (its log says which).
"""

from typing import Any

from airflow.sdk import dag, task_group

from include.orchestration.assets import LMS_INVOICES, QBO_INVOICE_CHANGES
from include.orchestration.schedule import COMMON, on, params
from include.orchestration.tasks import companies, extract, load, transform, validate


@dag(
    dag_id="invoice_qbo_to_lms",
    dag_display_name="Invoices: QuickBooks → LMS",
    schedule=on(QBO_INVOICE_CHANGES),
    params=params(transactions=True, numbered=True),
    doc_md=__doc__,
    tags=["quickbooks", "quickbooks → lms", "invoices"],
    **COMMON,
)
def invoice_qbo_to_lms() -> None:
    """Invoices to invoices."""

    @task_group(prefix_group_id=False)
    def sync_companies(shard: dict[str, Any]) -> None:
        load.override(outlets=[LMS_INVOICES])(shard=validate(shard=transform(shard=extract(shard=shard))))

    sync_companies.expand(shard=companies())


invoice_qbo_to_lms()
