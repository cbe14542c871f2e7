"""
### Ledger proof

**For:** billing labs and whoever keeps their books. **Does:** compares both ledgers, customer by customer and to the
cent: invoices, credits and what remains of them, payments, unapplied money, open balance. They are equal, or each
record that explains a gap is listed with its cause and what to do. The result is kept and shown on the QuickBooks
Online page under *Do the books agree?*, also for earlier months, as CSV and as PDF. Nothing is changed on either side.

**Runs:** every day at 06:00 UTC, and on demand from the page. The first time it reads all transactions of QuickBooks,
a thousand per request; from then on only what changed since. It reads everything again after 25 days without a proof,
when QuickBooks cannot list all changes, when its customer balances do not match what was read, or with the parameter
`full`.

**Safe to** rerun or clear: each run is a proof of its own. **A failed task** `validate` means that the proof itself
does not add up and says nothing about the books: tell support. Any other one: QuickBooks could not be reached, or the
company must be connected again. The other companies are compared all the same.
"""

from airflow.sdk import CronTriggerTimetable, Param, dag, task_group

from include.orchestration.reconciliation import companies, extract, load, transform, validate
from include.orchestration.schedule import COMMON, params


@dag(
    dag_id="ledger_reconciliation",
    dag_display_name="Ledger proof",
    schedule=CronTriggerTimetable("0 6 * * *", timezone="UTC"),
    params={
        "realm_id": params()["realm_id"],
        "full": Param(
            False,
            type="boolean",
            title="Read everything",
            description="Read all of QuickBooks' transactions again, not only those that changed since the last proof.",
        ),
    },
    doc_md=__doc__,
    tags=["quickbooks", "check"],
    **{**COMMON, "max_active_runs": 1},  # a second proof moves QuickBooks' side while the first adds it up
)
def ledger_reconciliation() -> None:
    """One row of tasks per company."""

    @task_group(prefix_group_id=False)
    def prove_company(company: dict[str, str]) -> None:
        steps = extract(company=company), transform(company=company), validate(company=company)
        steps[0] >> steps[1] >> steps[2] >> load(company=company)

    prove_company.expand(company=companies())


ledger_reconciliation()
