"""Buttons that Airflow shows on a load task: to what the task has left about itself (told.py)."""

from typing import Any

from airflow.sdk import BaseOperatorLink

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


LINKS = [LabsPage(), QuickBooksDocument()]
