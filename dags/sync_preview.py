"""
### Preview

**For:** billing labs, before their first sync or any other one. **Does:** plans everything that a lab or a company has
to sync, in both directions, as the sync's DAGs would carry it out one after the other, and keeps what would be created,
linked, changed, and deleted, with the problems and what to do about them. It is shown on the QuickBooks Online page
(Admin), which also starts this DAG.

**Writes nothing** to QuickBooks or the LMS: no record, no link, no sync error. What has changed in QuickBooks is marked
first, as the change capture does every few minutes. QuickBooks is read as a sync would read it; how often, the preview
says. One task per company, because what comes later is planned on what comes before it
(`docs/decisions/0023-preview.md`).

**Safe to** rerun, clear or start at any time, also while a sync is running. **A failed task** means that QuickBooks or
the database could not be reached, that the company must be connected again, or that a sync was linking the same records
just then; it is tried again by itself.
"""

from airflow.sdk import Param, dag

from include.orchestration.preview import companies_to_preview, preview
from include.orchestration.schedule import COMMON, params


@dag(
    dag_id="sync_preview",
    dag_display_name="Preview of a sync",
    schedule=None,
    params={
        "realm_id": params()["realm_id"],
        "billing_lab_id": Param(
            None,
            type=["null", "integer"],
            title="Billing lab",
            description="Only this lab (its ID in Pilot; an unknown one fails); empty: every lab of the company.",
        ),
    },
    doc_md=__doc__,
    tags=["quickbooks", "preview"],
    **COMMON,
)
def sync_preview() -> None:
    """One task per company."""
    preview.expand(company=companies_to_preview())


sync_preview()
