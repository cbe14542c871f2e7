"""
### QuickBooks change capture

**For:** billing labs. **Does:** asks each connected QuickBooks company what changed since the last time (one call for
customers, vendors, employees, items, invoices, credit memos and payments together), and marks the invoices and payments
that have to be compared. What the sync wrote itself is not marked. Customers and items that changed only make errors
that had to do with names be tried again. The first time, and after a gap of almost 30 days, everything is compared.

**Runs:** every `PILOT_QBO_POLL_SECONDS` (300 by default, 30 on the local stack), and when a webhook of QuickBooks says
that something changed (asset `qbo_webhook_events`), for those companies. `poll` asks all companies that are due,
side by side: one in which nothing changes is asked less often, one with webhooks rarely, and all so that the month's
metered calls last. A run by hand asks all, or the one of `realm_id`. Companies that fail, answer slowly, or are
compared as a whole have a task of their own (`capture`), under their names; mostly there are none, and it is skipped.
What is marked wakes `invoice_qbo_to_lms` and `payment_qbo_to_lms`.

**Safe to** rerun, clear or start twice: each capture goes on from where the last one committed. **A failed task**
`capture` means that QuickBooks could not be reached for this company, or that it must be connected again: a later run
tries again, after 30 s at first and after 15 minutes at last; nothing is lost by it. A failed `poll` means that the
database could not be reached.
"""

from airflow.sdk import AssetOrTimeSchedule, DeltaTriggerTimetable, Param, dag

from include.orchestration.assets import QBO_WEBHOOK_EVENTS
from include.orchestration.capture import capture, poll
from include.orchestration.polling import poll_settings
from include.orchestration.schedule import COMMON, params


@dag(
    dag_id="qbo_change_capture",
    dag_display_name="QuickBooks change capture",
    schedule=AssetOrTimeSchedule(timetable=DeltaTriggerTimetable(poll_settings().base), assets=QBO_WEBHOOK_EVENTS),
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
    # A company that keeps a task of its own waiting for minutes holds up no poll of the others.
    **{**COMMON, "max_active_runs": 16},
)
def qbo_change_capture() -> None:
    """One task for all, and one for each company that needs its own."""
    capture.expand(company=poll())


qbo_change_capture()
