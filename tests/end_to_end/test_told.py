"""What Airflow shows people of a task: its last line, where to look, and the housekeeping of Airflow itself."""

import json
import re
from typing import Any

import pytest

from include.stack.stack import Stack
from tests.support.airflow import Airflow
from tests.support.waiting import eventually, nothing_is_due
from tests.support.world import World

HOUSEKEEPING = "sync_housekeeping"


def said_of(airflow: Airflow, dag_id: str, run_id: str, company: str) -> dict[int, str]:
    """What the run's loads said last of a company, by the row that it is in: another lab may share the run."""
    said = {}
    for load in airflow.tasks(dag_id, run_id):
        if load["task_id"] == "load" and load["state"] == "success":
            lines = airflow.log(dag_id, run_id, "load", load["map_index"], load["try_number"])
            if found := re.findall(rf"{company}: ([^\"\\]+)", lines):
                said[load["map_index"]] = found[-1]
    return said


def test_a_load_says_what_it_did_and_leads_to_the_lab_and_to_the_document(live: World, airflow: Airflow) -> None:
    account = live.account()
    first = live.simple_invoice(account)
    eventually(lambda: live.link("invoice", first))
    nothing_is_due(live)
    invoice = live.simple_invoice(account)  # its customer and items are there: a run of its own, with this one document
    eventually(lambda: live.link("invoice", invoice))
    qbo_id = live.qbo_invoice(invoice)["Id"]
    run: Any = live.sql(
        "select dag_id, run_id from qbo_sync.audit_entry where side = 'qbo' and entity = 'invoice' and lms_id = %s",
        invoice,
    )[0]
    dag_id, run_id = run["dag_id"], run["run_id"]
    assert airflow.wait(dag_id, run_id) == "success"

    counted: Any = live.sql(
        "select waiting from qbo_sync.sync_run where dag_id = %s and run_id = %s and realm_id = %s",
        dag_id,
        run_id,
        live.qbo.realm,
    )[0]
    [(row, said)] = said_of(airflow, dag_id, run_id, "Bright Dental Lab").items()
    assert said.startswith(f"1 synced, 0 errors, {counted['waiting']} waiting")
    links = airflow.get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/load/links", map_index=row)["extra_links"]
    assert links == {
        "QuickBooks Online page": f"{airflow.url}/quickbooks/labs/{live.lab}",
        "Document in QuickBooks": f"{live.qbo.url}/companies/{live.qbo.realm}/Invoice/{qbo_id}",
        "Validation report": None,
    }
    others = airflow.get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/validate/links", map_index=row)["extra_links"]
    report = others.pop("Validation report")
    assert set(others.values()) == {None}, "no other button on another task"
    shown = airflow.session.get(report, timeout=30)
    assert shown.status_code == 200 and "1 record checked" in shown.text and "days_can_be_right" in shown.text


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_housekeeping_reaches_airflow_s_own_database(stack: Stack, airflow: Airflow, dry_run: bool) -> None:
    run = airflow.trigger(HOUSEKEEPING, dry_run=dry_run)
    assert airflow.wait(HOUSEKEEPING, run, 300) == "success"
    assert {one["task_id"]: one["state"] for one in airflow.tasks(HOUSEKEEPING, run)} == {
        "prune": "success",
        "prune_airflow": "success",
        "delete_airflow_logs": "success",
    }
    password = json.loads(stack.full_environment()["AIRFLOW_CONN_AIRFLOW_DB"])["password"]
    for task, words in (
        ("prune", "of the sync's history"),
        ("prune_airflow", "of Airflow's tables, older than 30 days"),
        ("delete_airflow_logs", "would be deleted" if dry_run else "deleted, older than 30 days"),
    ):
        log = airflow.log(HOUSEKEEPING, run, task)
        assert words in log and password not in log
