"""Buttons that Airflow shows on tasks: on load to what the task has left about itself (told.py), on validate to the
run's validation report."""

from typing import Any
from urllib.parse import urlencode

from airflow.sdk import BaseOperatorLink, conf

from include.orchestration.told import LABS_PAGE, QUICKBOOKS_DOCUMENT


class _LeftByTheTask(BaseOperatorLink):
    """A link that the task has pushed; none for any other task, and no button then."""

    key: str

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Asked by the api-server, which may read Airflow's tables."""
        if ti_key.task_id != "load":
            return ""
        from airflow.serialization.definitions.operatorlink import XComOperatorLink

        return XComOperatorLink(self.name, self.key).get_link(operator, ti_key=ti_key)


class LabsPage(_LeftByTheTask):
    """The page of the lab; the list of labs if the task worked for several."""

    name = "QuickBooks Online page"
    key = LABS_PAGE


class QuickBooksDocument(_LeftByTheTask):
    """The only record that the run wrote."""

    name = "Document in QuickBooks"
    key = QUICKBOOKS_DOCUMENT


class ValidationReport(BaseOperatorLink):
    """The report of the run, for each of its validate tasks."""

    name = "Validation report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Empty for any other task. Only the DAGs of the sync call a task so (include/orchestration/tasks.py)."""
        if ti_key.task_id != "validate":
            return ""
        base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
        return f"{base}/quickbooks/validation?{urlencode({'dag_id': ti_key.dag_id, 'run_id': ti_key.run_id})}"


LINKS = [LabsPage(), QuickBooksDocument(), ValidationReport()]
