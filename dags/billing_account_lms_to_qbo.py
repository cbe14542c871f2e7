"""
### Billing accounts → QuickBooks customers

**For:** billing labs. **Moves:** billing accounts and doctor–office pairs of the LMS to customers and sub-customers in
QuickBooks Online, when an invoice needs them; follows a change of accounting structure and a pair's move to another
account. Never renames or deletes a customer: the bookkeeper owns them.

**Runs:** when the LMS commits a change (asset `lms_customer_changes`), and every 15 minutes in case an event was lost.
Companies with little to do share a row of tasks (`extract` → `transform` → `validate` → `load`); one with much to do,
or that failed of late, has a row of its own, under its name.

**Safe to** rerun, clear or start twice: what is done is recognized. A record that cannot be synced fails no task; it
is in the table `qbo_sync.sync_error` (the dashboard's list). **A failed task** means that QuickBooks or the database
could not be reached, or that the company must be connected again (its log says which).
"""

from typing import Any

from airflow.sdk import dag, task_group

from include.orchestration.assets import LMS_CUSTOMER_CHANGES, QBO_CUSTOMERS
from include.orchestration.schedule import COMMON, on, params
from include.orchestration.tasks import companies, extract, load, transform, validate


@dag(
    dag_id="billing_account_lms_to_qbo",
    dag_display_name="Billing accounts: LMS → QuickBooks",
    schedule=on(LMS_CUSTOMER_CHANGES),
    params=params(),
    doc_md=__doc__,
    tags=["quickbooks", "lms → quickbooks", "customers"],
    **COMMON,
)
def billing_account_lms_to_qbo() -> None:
    """Billing accounts and pairs to customers."""

    @task_group(prefix_group_id=False)
    def sync_companies(shard: dict[str, Any]) -> None:
        load.override(outlets=[QBO_CUSTOMERS])(shard=validate(shard=transform(shard=extract(shard=shard))))

    sync_companies.expand(shard=companies())


billing_account_lms_to_qbo()
