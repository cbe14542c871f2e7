"""
### Company check

**For:** billing labs and whoever keeps their books. **Does:** reads each connected company's settings and chart of
accounts in QuickBooks and keeps what can stop the sync: closed books, automatic application of credits,
numbers that QuickBooks gives itself, boxes that are off, sales tax, currencies, accounts gone inactive. The findings
are on the QuickBooks Online page (Admin), each with what it means and what to change.

**Runs:** every day at 05:00 UTC, and when a lab connects (the page does that itself). Three calls to QuickBooks per
company. **Safe to** rerun or clear. **A failed task** means that QuickBooks could not be reached or that the company
must be connected again: it fails every day, at once, until somebody does that on the page. The other DAGs skip such a
company and stay green. The other companies are checked all the same.
"""

from airflow.sdk import CronTriggerTimetable, dag

from include.orchestration.company_check import check, connected_companies
from include.orchestration.schedule import COMMON, params


@dag(
    dag_id="company_check",
    dag_display_name="Company check",
    schedule=CronTriggerTimetable("0 5 * * *", timezone="UTC"),
    params={"realm_id": params()["realm_id"]},
    doc_md=__doc__,
    tags=["quickbooks", "check"],
    **COMMON,
)
def company_check() -> None:
    """One task per company."""
    check.expand(company=connected_companies())


company_check()
