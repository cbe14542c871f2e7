"""
### QuickBooks change capture

**For:** billing labs. **Does:** asks each connected QuickBooks company what changed since the last time (one call for
customers, vendors, employees, items, invoices, credit memos and payments together), and marks the invoices and payments
that have to be compared. What the sync wrote itself is not marked. Customers and items that changed only make errors
that had to do with names be tried again. The first time, and after a gap of almost 30 days, everything is compared.

**Runs:** every `PILOT_QBO_POLL_SECONDS` (300 by default, 30 on the local stack) for all companies, and when a webhook
of QuickBooks says that something changed (asset `qbo_webhook_events`), for those companies. One task per company,
however many labs share it. What it marks wakes `invoice_qbo_to_lms` and `payment_qbo_to_lms`.

**Safe to** rerun, clear or start twice: each capture goes on from where the last one committed. **A failed task** means
that QuickBooks could not be reached or that the company must be connected again; nothing is lost by it.
"""

from airflow.sdk import AssetOrTimeSchedule, DeltaTriggerTimetable, Param, dag

from include.orchestration.assets import QBO_WEBHOOK_EVENTS
from include.orchestration.capture import POLL, capture, captured_companies
from include.orchestration.schedule import COMMON, params


@dag(
    dag_id="qbo_change_capture",
    dag_display_name="QuickBooks change capture",
    schedule=AssetOrTimeSchedule(timetable=DeltaTriggerTimetable(POLL), assets=QBO_WEBHOOK_EVENTS),
    params={
        "realm_id": params()["realm_id"],
        "dry_run": Param(
            False,
            type="boolean",
            title="Count only (dry run)",
            description="Ask QuickBooks what changed, return how much, and mark nothing. The next run finds it again.",
        ),
    },
    doc_md=__doc__,
    tags=["quickbooks", "quickbooks → lms", "capture"],
    **COMMON,
)
def qbo_change_capture() -> None:
    """One task per company."""
    capture.expand(company=captured_companies())


qbo_change_capture()
