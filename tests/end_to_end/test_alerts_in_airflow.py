"""Alerts in a real Airflow: its DAG tells them, and its own deadlines do."""

import json
from collections.abc import Iterator

import pytest

from include.stack.stack import Stack
from tests.support.airflow import Airflow
from tests.support.airflow_database import deadline_is_now, versions_of
from tests.support.receivers import TOKEN, Receiver, connection_to, mail_server, web_server
from tests.support.waiting import eventually
from tests.support.world import World

DAG = "sync_alerts"


@pytest.fixture
def receiver(airflow: Airflow) -> Iterator[Receiver]:
    """A mail server and a web server, entered in Airflow as its form for connections does; the latter."""
    with mail_server() as mail, web_server() as web:
        given = json.loads(connection_to([mail, web]))
        extra = json.dumps({"config": json.dumps(given["extra"]["config"])})
        airflow.post("connections", connection_id="pilot_alerts", conn_type=given["conn_type"], extra=extra)
        yield web
        airflow.delete("connections/pilot_alerts")
        assert set(mail.titles()) & set(web.titles())


def told(receiver: Receiver, title: str) -> list[str]:
    """The messages that arrived with this title, alone or among others: other labs are on this Airflow too."""
    said = [f"{one.title}\n{one.text}" for one in receiver.received]
    return [one for one in said if title in one]


def test_the_dag_tells_once_and_once_more_when_it_is_over(
    live: World, airflow: Airflow, receiver: Receiver, stack: Stack
) -> None:
    realm, title = live.qbo.realm, "Reconnect Cedar & Sons to QuickBooks"
    live.sql("update qbo_sync.company set name = 'Cedar & Sons' where realm_id = %s", realm)
    live.qbo.control("POST", f"companies/{realm}/disconnect")
    status = "select status from qbo_sync.company where realm_id = %s"
    eventually(lambda: live.value(status, realm) == "reconnect_required")
    for _ in range(2):
        assert airflow.wait(DAG, airflow.trigger(DAG)) == "success"
    [once] = told(receiver, title)
    assert f"{airflow.url}/quickbooks/labs/{live.lab}/connect" in once
    live.connect(live.lab, live.qbo)
    live.sql("update qbo_sync.company set name = 'Cedar & Sons' where realm_id = %s", realm)
    run = airflow.trigger(DAG)
    assert airflow.wait(DAG, run) == "success"
    assert len(told(receiver, title)) == 2 and len(told(receiver, f"Over: {title}")) == 1
    assert TOKEN not in airflow.log(DAG, run, "tell")

    receiver.refuses = True
    live.sql("update qbo_sync.company set status = 'reconnect_required' where realm_id = %s", realm)
    run = airflow.trigger(DAG)
    assert airflow.wait(DAG, run) == "failed"
    log = airflow.log(DAG, run, "tell")
    assert "address 2 of the connection pilot_alerts could not be reached" in log
    assert TOKEN not in log
    receiver.refuses = False
    live.connect(live.lab, live.qbo)
    assert airflow.wait(DAG, airflow.trigger(DAG)) == "success"
    assert versions_of(stack, DAG) == 1, "a deadline makes no new version of its DAG"


def test_a_run_that_takes_too_long_is_told_by_its_deadline(
    live: World, airflow: Airflow, receiver: Receiver, stack: Stack
) -> None:
    title = "A run of company_check is taking unusually long"
    live.qbo.control("POST", "faults", {"kind": "slow", "seconds": 20, "realm": live.qbo.realm})
    run = airflow.trigger("company_check", realm_id=live.qbo.realm)
    eventually(lambda: deadline_is_now(stack, run))
    [once] = eventually(lambda: told(receiver, title))
    assert f"{airflow.url}/dags/company_check/runs/{run}" in once
    live.qbo.control("DELETE", "faults")
    airflow.wait("company_check", run)
    assert airflow.wait(DAG, airflow.trigger(DAG)) == "success"
    assert len(told(receiver, title)) == 2 and len(told(receiver, f"Over: {title}")) == 1
