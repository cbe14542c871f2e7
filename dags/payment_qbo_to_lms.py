"""
### QuickBooks payments → LMS

**For:** billing labs. **Moves:** payments that the bookkeeper enters in QuickBooks to the receiving lab, with the
invoices that they settle; changes of amount and applications, voids and deletions of all synced payments. Where both
sides changed a payment, QuickBooks' version stays and the other one is kept in the sync error's detail. The balances of
the invoices follow. Credits that the sync applied in QuickBooks never come back as payments.

**Runs:** when the change capture has marked payments (asset `qbo_payment_changes`), after new invoices came to the LMS
(`lms_invoices`: a payment waits for them), and every 15 minutes in case an event was lost.
Companies with little to do share a row of tasks (`extract` → `transform` → `validate` → `load`); one with much to do,
or that failed of late, has a row of its own, under its name.

**Safe to** rerun, clear or start twice: what is done is recognized. A payment that cannot be synced fails no task; it
is in the table `qbo_sync.sync_error` (the dashboard's list). **A failed task** means that QuickBooks or the database
could not be reached, or that the company must be connected again (its log says which).
"""

from typing import Any

from airflow.sdk import dag, task_group

from include.orchestration.assets import LMS_INVOICES, LMS_PAYMENTS, QBO_PAYMENT_CHANGES
from include.orchestration.schedule import COMMON, on, params
from include.orchestration.tasks import companies, extract, load, transform, validate


@dag(
    dag_id="payment_qbo_to_lms",
    dag_display_name="Payments: QuickBooks → LMS",
    schedule=on(QBO_PAYMENT_CHANGES | LMS_INVOICES),
    params=params(transactions=True),
    doc_md=__doc__,
    tags=["quickbooks", "quickbooks → lms", "payments"],
    **COMMON,
)
def payment_qbo_to_lms() -> None:
    """Payments to payments."""

    @task_group(prefix_group_id=False)
    def sync_companies(shard: dict[str, Any]) -> None:
        load.override(outlets=[LMS_PAYMENTS])(shard=validate(shard=transform(shard=extract(shard=shard))))

    sync_companies.expand(shard=companies())


payment_qbo_to_lms()
