"""kill -9 on the running load task in the middle of many invoices: nothing twice, nothing missing."""

import os
import random
import signal
import time

import psutil
import pytest

from include.stack.stack import Stack
from tests.support.airflow import Airflow
from tests.support.waiting import eventually
from tests.support.world import World

DAG = "invoice_lms_to_qbo"


def load_processes(airflow: Airflow) -> list[psutil.Process]:
    """The processes of load tasks that run now: a task's process bears its id as its title."""
    running = {t["id"] for t in airflow.tasks(DAG) if t["task_id"] == "load" and t["state"] == "running"}
    titles = {f"airflow worker -- {task}" for task in running}
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if " ".join(process.info["cmdline"] or []).strip() in titles
    ]


def invoice_many(live: World, count: int) -> list[int]:
    """Many cases of one pair, invoiced in one transaction."""
    pair, product = live.pair(live.account()), live.product()
    first = live.invoice(live.case(pair, [{"product": product}]))
    eventually(lambda: live.link("invoice", first))
    live.sql(
        "with cases as (insert into lms.lab_case (billing_lab_id, doctor_office_id, case_number, status)"
        "   select %s, %s, 'K-' || gen_random_uuid(), 'completed' from generate_series(1, %s) returning id)"
        " insert into lms.case_line_item (case_id, position, product_id, quantity, unit_price)"
        " select id, 1, %s, 1, 100 from cases",
        live.lab,
        pair,
        count,
        product,
    )
    rows = live.sql(
        "select lms.invoice_case(id, '2026-06-01') as id from lms.lab_case where status = 'completed'"
        " and billing_lab_id = %s and case_number like 'K-%%'",
        live.lab,
    )
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("count", "kills"), [(240, 2), pytest.param(1000, 5, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_nothing_twice_nothing_missing(stack: Stack, live: World, airflow: Airflow, count: int, kills: int) -> None:
    chance = random.Random(count)
    # A slow QuickBooks, so that there is a middle to be killed in.
    invoices = invoice_many(live, count)
    live.qbo.control("POST", "faults", {"kind": "slow", "seconds": 2.0, "operation": "batch"})
    killed = 0
    while killed < kills:
        eventually(lambda: load_processes(airflow))
        time.sleep(chance.uniform(0.2, 2.5))
        for process in load_processes(airflow):
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
    live.qbo.control("DELETE", "faults")
    linked = "select count(*) from qbo_sync.entity_link where entity = 'invoice' and realm_id = %s"
    eventually(lambda: live.value(linked, live.qbo.realm) == count + 1, 400)
    eventually(
        lambda: live.value("select count(*) from qbo_sync.write_intent where realm_id = %s", live.qbo.realm) == 0
    )
    numbers = [
        invoice["DocNumber"]
        for start in range(1, count + 2, 1000)
        for invoice in live.qbo.query(f"SELECT * FROM Invoice ORDERBY Id STARTPOSITION {start} MAXRESULTS 1000")
    ]
    assert len(numbers) == len(set(numbers)) == count + 1
    assert live.value("select count(*) from qbo_sync.entity_link where lms_id = any(%s)", invoices) == count
