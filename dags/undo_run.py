"""
### Undo a run

**For:** billing labs whose sync did what nobody wanted. **Does:** takes back what one run of one of the sync's DAGs
wrote, on either side: what it created is deleted, what it changed is as it was before, what it deleted is made again,
what it linked is unlinked. Money that uses other records goes before them and comes back after them. Every record that
has changed since, on either side, is left and listed with the reason; so is what lies in closed books or in a bank
deposit. Customers and items stay.

**Start it** from the QuickBooks Online page: *History*, a record, *Undo this run*. It shows first what would be taken
back and what would be left, and asks. Or here: without *Take it back* the run writes nothing on either side.

**Afterwards** nothing of these records is synced until somebody asks for it (*Compare again* with the record's ID).

**Safe to** rerun or clear: what has been taken back is not taken back again. **A failed task** means that QuickBooks or
the database could not be reached, or that the run to undo is unknown; a retry goes on where it stopped.
"""

from airflow.sdk import Param, dag, task_group

from include.orchestration.schedule import COMMON, params
from include.orchestration.undo import companies, extract, load, transform, validate


@dag(
    dag_id="undo_run",
    dag_display_name="Undo a run",
    schedule=None,
    params={
        "undo_dag_id": Param(
            None,
            type=["null", "string"],
            title="DAG",
            description="The DAG whose run is to be undone, such as invoice_lms_to_qbo.",
        ),
        "undo_run_id": Param(
            None,
            type=["null", "string"],
            title="Run",
            description="The ID of that run, as Airflow's list of runs shows it. One that has written nothing fails.",
        ),
        "realm_id": params()["realm_id"],
        "confirm": Param(
            False,
            type="boolean",
            title="Take it back",
            description="Carry it out. Otherwise only a preview is made, for the QuickBooks Online page.",
        ),
    },
    doc_md=__doc__,
    tags=["quickbooks", "undo"],
    **COMMON,
)
def undo_run() -> None:
    """One row of tasks per company in which the run wrote."""

    @task_group(prefix_group_id=False)
    def undo_in_company(company: dict[str, str]) -> None:
        steps = extract(company=company), transform(company=company), validate(company=company)
        steps[0] >> steps[1] >> steps[2] >> load(company=company)

    undo_in_company.expand(company=companies())


undo_run()
