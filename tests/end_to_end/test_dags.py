"""The DAGs in a real Airflow: woken by the LMS, rerun without harm, readable for an operator."""

from datetime import date

import pytest

from tests.support.airflow import Airflow
from tests.support.both_sides import Known
from tests.support.waiting import eventually, nothing_is_due
from tests.support.world import CAPTURE, LMS_TO_QBO, QBO_TO_LMS, RECONCILIATION, World

STEPS = ["companies", "extract", "load", "transform", "validate"]


def test_every_dag_of_the_contract_is_there_unpaused_with_docs_and_its_tasks(airflow: Airflow) -> None:
    dags = {dag["dag_id"]: dag for dag in airflow.get("dags")["dags"]}
    assert {*LMS_TO_QBO, *QBO_TO_LMS, CAPTURE} <= set(dags)
    assert not dags[CAPTURE]["is_paused"]
    assert {task["task_id"] for task in airflow.get(f"dags/{CAPTURE}/tasks")["tasks"]} == {"poll", "capture"}
    for dag_id in [*LMS_TO_QBO, *QBO_TO_LMS]:
        assert not dags[dag_id]["is_paused"]
        assert not dags[dag_id]["has_import_errors"]
        details = airflow.get(f"dags/{dag_id}/details")
        assert "A failed task" in details["doc_md"]
        assert {"realm_id", "resync", "dry_run", "lms_ids", "qbo_ids"} <= set(details["params"])
        of_transactions = {"billing_lab_id", "from_date", "to_date", "release_held", "refuse_held"}
        is_list = dag_id.startswith(("billing_account", "product"))
        assert of_transactions & set(details["params"]) == (set() if is_list else of_transactions)
        assert ("document_numbers" in details["params"]) == dag_id.startswith("invoice")
        tasks = airflow.get(f"dags/{dag_id}/tasks")["tasks"]
        assert sorted(task["task_id"] for task in tasks) == STEPS


def test_an_invoiced_case_reaches_quickbooks_by_itself(live: World, airflow: Airflow) -> None:
    invoice = live.simple_invoice(live.account("Lakeside Dental", "detailed"), tax="5.00")
    eventually(lambda: live.link("invoice", invoice))
    assert live.qbo_invoice(invoice)["TotalAmt"] == 105
    assert live.errors() == []


def test_uninvoicing_reaches_quickbooks_by_itself(known: Known, airflow: Airflow) -> None:
    world = known.world
    invoice = known.invoice()
    eventually(lambda: world.link("invoice", invoice))
    number = world.lms_invoice(invoice)["invoice_number"]
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoice)
    eventually(lambda: number not in {one["DocNumber"] for one in world.qbo.all("Invoice")})


def test_what_the_bookkeeper_does_reaches_the_lms_by_itself(known: Known, airflow: Airflow) -> None:
    world = known.world
    customer = world.link("billing_account", known.account)
    assert customer
    made = world.qbo.create(
        "Invoice",
        CustomerRef={"value": customer["qbo_id"]},
        Line=[{"Amount": 80, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1, "UnitPrice": 80}}],
    )
    paid = [{"Amount": 30, "LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Invoice"}]}]
    world.qbo.create("Payment", CustomerRef={"value": customer["qbo_id"]}, TotalAmt=30, Line=paid)
    eventually(
        lambda: world.sql(
            "select 1 from lms.payment_application a join lms.invoice i on i.id = a.invoice_id"
            " where i.billing_account_id = %s and i.origin = 'qbo' and i.balance = 50",
            known.account,
        )
    )


def test_a_company_that_quickbooks_does_not_answer_for_has_a_failed_task_of_its_own(
    live: World, airflow: Airflow
) -> None:
    realm = live.qbo.realm
    eventually(lambda: live.sql("select 1 from qbo_sync.qbo_cursor where realm_id = %s", realm))
    live.qbo.control("POST", "faults", {"kind": "http_503", "operation": "cdc", "realm": realm})
    run = airflow.trigger(CAPTURE, realm_id=realm)
    assert airflow.wait(CAPTURE, run) == "failed"
    ended = {one["task_id"]: one for one in airflow.tasks(CAPTURE, run)}
    assert ended["poll"]["state"] == "success"
    own = ended["capture"]
    name = live.value("select name from qbo_sync.company where realm_id = %s", realm)
    assert (own["state"], own["rendered_map_index"]) == ("failed", name)
    assert own["try_number"] == 1, "the next run tries again"
    live.qbo.control("DELETE", "faults")
    run = airflow.trigger(CAPTURE, realm_id=realm)
    assert airflow.wait(CAPTURE, run) == "success"
    live.sql("update qbo_sync.poll set apart_until = null where realm_id = %s", realm)
    run = airflow.trigger(CAPTURE, realm_id=realm)
    assert airflow.wait(CAPTURE, run) == "success"
    states = {one["task_id"]: one["state"] for one in airflow.tasks(CAPTURE, run)}
    assert states == {"poll": "success", "capture": "skipped"}


@pytest.mark.parametrize("dag_id", ["billing_account_lms_to_qbo", "product_lms_to_qbo", "invoice_lms_to_qbo"])
def test_two_runs_at_once_that_compare_everything_write_nothing(known: Known, airflow: Airflow, dag_id: str) -> None:
    live = known.world
    nothing_is_due(live)
    live.qbo.control("POST", "stats/reset")
    before = looked_at(live, dag_id)
    runs = [airflow.trigger(dag_id, realm_id=live.qbo.realm, resync=True) for _ in range(2)]
    assert [airflow.wait(dag_id, run) for run in runs] == ["success", "success"]
    # A run of the schedule may have come between and taken all that these two marked.
    nothing_is_due(live)
    assert live.qbo.writes() == 0
    eventually(lambda: looked_at(live, dag_id) > before)


def looked_at(world: World, dag_id: str) -> int:
    """Records of the world's company that this DAG's runs compared and found the same on both sides."""
    return world.value(
        "select coalesce(sum(unchanged), 0)::int from qbo_sync.sync_run where dag_id = %s and realm_id = %s",
        dag_id,
        world.qbo.realm,
    )


def test_the_books_are_compared_on_demand(known: Known, airflow: Airflow) -> None:
    live = known.world
    nothing_is_due(live)
    assert sorted(one["task_id"] for one in airflow.get(f"dags/{RECONCILIATION}/tasks")["tasks"]) == STEPS
    # One at a time: a second proof would move QuickBooks' side while the first adds it up.
    assert airflow.get(f"dags/{RECONCILIATION}/details")["max_active_runs"] == 1
    run = airflow.trigger(RECONCILIATION, realm_id=live.qbo.realm, full=True)
    assert airflow.wait(RECONCILIATION, run) == "success"
    [proof] = live.sql("select * from qbo_sync.reconciliation where run_id = %s", run)
    assert (proof["realm_id"], proof["state"], proof["read_fully"]) == (live.qbo.realm, "equal", True)


def test_a_run_compares_what_its_form_selects_and_a_backfill_of_airflows_writes_nothing(
    known: Known, airflow: Airflow
) -> None:
    live, dag_id = known.world, "invoice_lms_to_qbo"
    may, june = (known.invoice(on=date(2026, month, 1)) for month in (5, 6))
    eventually(lambda: live.link("invoice", may) and live.link("invoice", june))
    nothing_is_due(live)
    before = live.qbo.all("Invoice")
    live.qbo.control("POST", "stats/reset")
    selected = {"billing_lab_id": live.lab, "resync": True, "from_date": "2026-05-20", "lms_ids": [str(june)]}
    run = airflow.trigger(dag_id, **selected)
    assert airflow.wait(dag_id, run) == "success"
    compared = live.sql("select record_id from qbo_sync.staged_record where run_id = %s", run)
    assert [one["record_id"] for one in compared] == [str(june)]

    run = airflow.trigger(dag_id, **{**selected, "from_date": "2026-06-20"})
    assert airflow.wait(dag_id, run) == "failed"
    [failed] = [one for one in airflow.tasks(dag_id, run) if one["state"] == "failed"]
    assert (failed["task_id"], failed["try_number"]) == ("companies", 1), "no retry makes it right"

    airflow.backfill(dag_id, "2026-06-01T00:00:00Z", "2026-06-01T00:30:00Z")
    runs = eventually(lambda: airflow.backfilled(dag_id))
    assert {airflow.wait(dag_id, run) for run in runs} == {"success"}
    assert live.qbo.writes() == 0
    assert live.qbo.all("Invoice") == before


def test_a_bad_record_fails_no_task_and_says_where_to_look(live: World, airflow: Airflow) -> None:
    live.simple_invoice(live.account("Bad: Name"))
    good = live.simple_invoice(live.account("Good Name"))
    eventually(lambda: live.link("invoice", good))
    [error] = eventually(lambda: live.sql("select * from qbo_sync.sync_error where realm_id = %s", live.qbo.realm))
    assert error["task_id"] == "load"
    run = airflow.get(f"dags/{error['dag_id']}/dagRuns/{error['run_id']}")
    assert run["state"] in ("success", "running")


def test_a_company_whose_grant_is_gone_is_marked_and_goes_on_when_it_is_connected_again(
    live: World, airflow: Airflow
) -> None:
    live.sql(
        "update qbo_sync.company set refresh_token_encrypted = %s, access_token_expires_at = now() where realm_id = %s",
        live.runtime.vault.seal("not-a-grant"),
        live.qbo.realm,
    )
    live.simple_invoice()
    eventually(
        lambda: (
            live.value("select status from qbo_sync.company where realm_id = %s", live.qbo.realm)
            == "reconnect_required"
        )
    )
    live.connect(live.lab, live.qbo)
    eventually(lambda: len(live.qbo.all("Invoice")) == 1)
