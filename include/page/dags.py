"""Starting the sync's DAGs, and finding their runs and logs, in Airflow's own tables."""

import logging
import secrets
from datetime import UTC, datetime
from typing import Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.exceptions import AirflowException
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

from include.page.address import log_url, run_url
from include.sync.flows import FLOWS

log = logging.getLogger(__name__)


def dag_of(direction: str, entity: str) -> str:
    """The DAG that moves an entity in a direction."""
    for dag_id, flow in FLOWS.items():
        if flow.direction == direction and entity in flow.names:
            return dag_id
    shown = {"doctor_office": "billing_account", "special_item": "product"}.get(entity, entity)
    return f"{shown}_{direction}"


def start(dag_id: str, realm_id: str, user_name: str, **parameters: Any) -> str | None:
    """Start a DAG for one company, with further parameters; the run's id, or None if Airflow has no such DAG or it is
    paused (the marks wait for it)."""
    run_id = f"page__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}_{secrets.token_hex(4)}"
    try:
        with create_session(scoped=False) as session:
            model = session.get(DagModel, dag_id)
            if model is None or model.is_paused:
                return None
            trigger_dag(
                dag_id,
                run_id=run_id,
                run_type=DagRunType.MANUAL,
                conf={"realm_id": realm_id, **parameters},
                triggered_by=DagRunTriggeredByType.UI,
                triggering_user_name=user_name,
                note="Started on the QuickBooks Online page",
                session=session,
            )
    except (AirflowException, ValueError) as error:
        log.warning("DAG %s could not be started: %s", dag_id, error)
        return None
    return run_id


def is_off(dag_id: str) -> bool:
    """Whether Airflow has no such DAG, or it is paused."""
    with create_session(scoped=False) as session:
        model = session.get(DagModel, dag_id)
        return model is None or model.is_paused


def run_state(dag_id: str, run_id: str) -> str | None:
    """queued, running, success or failed; None if Airflow does not know the run."""
    with create_session(scoped=False) as session:
        found = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return str(getattr(found, "value", found)) if found else None


def task_log(dag_id: str, run_id: str, task_id: str, company_name: str) -> str:
    """The log of the task that worked the company in a run; the run itself if it is not to be found."""
    with create_session(scoped=False) as session:
        found = session.execute(
            select(TaskInstance.map_index, TaskInstance.rendered_map_index).where(
                TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id == task_id
            )
        ).all()
    for map_index, rendered in found:
        # Several companies may have shared a task: it bears the names of all.
        if len(found) == 1 or company_name in (rendered or "").split(", "):
            return log_url(dag_id, run_id, task_id, map_index)
    return run_url(dag_id, run_id)
