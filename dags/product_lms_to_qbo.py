"""
### Products → QuickBooks items

**For:** billing labs. **Moves:** products of the LMS to service items in QuickBooks Online, when an invoice needs them,
and the special items `Tax` (for invoices with tax) and `Lab Credit` (for credits). An item is created once; from then
on it is the bookkeeper's.

**Runs:** when the LMS commits a change (asset `lms_product_changes`), and every 15 minutes in case an event was lost.
Companies with little to do share a row of tasks (`extract` → `transform` → `validate` → `load`); one with much to do,
or that failed of late, has a row of its own, under its name.

**Safe to** rerun, clear or start twice: what is done is recognized. A record that cannot be synced fails no task; it
is in the table `qbo_sync.sync_error` (the dashboard's list). **A failed task** means that QuickBooks or the database
could not be reached, or that the company must be connected again (its log says which).
"""

from typing import Any

from airflow.sdk import dag, task_group

from include.orchestration.assets import LMS_PRODUCT_CHANGES, QBO_ITEMS
from include.orchestration.schedule import COMMON, on, params
from include.orchestration.tasks import companies, extract, load, transform, validate


@dag(
    dag_id="product_lms_to_qbo",
    dag_display_name="Products: LMS → QuickBooks",
    schedule=on(LMS_PRODUCT_CHANGES),
    params=params(),
    doc_md=__doc__,
    tags=["quickbooks", "lms → quickbooks", "items"],
    **COMMON,
)
def product_lms_to_qbo() -> None:
    """Products to items."""

    @task_group(prefix_group_id=False)
    def sync_companies(shard: dict[str, Any]) -> None:
        load.override(outlets=[QBO_ITEMS])(shard=validate(shard=transform(shard=extract(shard=shard))))

    sync_companies.expand(shard=companies())


product_lms_to_qbo()
