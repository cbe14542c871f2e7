"""Crashes, lost answers, reruns and two runs at once: in the end each record exists exactly once."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from include.qbo.client import QboClient
from include.qbo.errors import OutcomeUnknown, RequestRefused, Unavailable
from include.qbo.faults import Fault
from tests.support.bookkeeper import pays, received
from tests.support.both_sides import assert_each_once, many_invoices
from tests.support.world import INVOICES, World, make_world

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.rule("4.g", "8.1.b")
@pytest.mark.trap(1, 3)
@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize("kind", ["timeout_after", "drop_connection", "timeout_before", "http_500", "garbage"])
def test_a_lost_answer_makes_no_duplicate_and_no_loss(
    world: World, kind: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every attempt of a first load loses its answer; the next load finds out what happened."""
    monkeypatch.setattr("include.qbo.client.TIMEOUT", (2, 2))
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    invoices = many_invoices(world, 1 + count)
    world.qbo.control("POST", "faults", {"kind": kind, "operation": "create" if count == 1 else "batch", "times": 1})
    with pytest.raises(OutcomeUnknown):
        world.run(INVOICES)
    assert world.value("select count(*) from qbo_sync.write_intent") == count
    world.sync()
    assert_each_once(world, invoices)


def test_an_answer_lost_once_is_replayed_within_the_same_load(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.qbo.client.TIMEOUT", (2, 2))
    invoices = many_invoices(world, 5)
    world.qbo.control("POST", "faults", {"kind": "timeout_after", "operation": "batch", "times": 1})
    assert world.run(INVOICES)["created"] == 4
    assert_each_once(world, invoices)


@pytest.mark.trap(5)
def test_lost_answers_without_numbers_of_our_own_make_no_duplicate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": False})
    monkeypatch.setattr("include.qbo.client.TIMEOUT", (2, 2))
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    many_invoices(world, 5)
    world.qbo.control("POST", "faults", {"kind": "timeout_after", "operation": "batch", "times": 1})
    with pytest.raises(OutcomeUnknown):
        world.run(INVOICES)
    world.sync()
    assert len(world.qbo.all("Invoice")) == 5
    assert world.value("select count(distinct qbo_id) from qbo_sync.entity_link where entity = 'invoice'") == 5


def test_made_in_spite_of_a_fault_without_numbers_of_our_own_makes_no_duplicate(world: World) -> None:
    """Trap 6; of an invoice alike that the bookkeeper entered, the note tells it apart."""
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": False})
    pair, product = world.pair(world.account()), world.product()
    world.invoice(world.case(pair, [{"product": product}]))
    world.sync()
    [first] = world.qbo.all("Invoice")
    line = {"Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1, "UnitPrice": 100}}
    entered = {"CustomerRef": first["CustomerRef"], "TxnDate": first["TxnDate"], "PrivateNote": "by hand"}
    theirs = world.qbo.create("Invoice", Line=[line], **entered)
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    world.qbo.control(
        "POST", "faults", {"kind": "fault_6000_after", "operation": "create", "entity": "Invoice", "times": 1}
    )
    world.sync()
    assert [error["error_code"] for error in world.errors()] == ["qbo_6000"]
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    assert world.sync()["adopted"] == 1
    assert world.errors() == []
    assert len(world.qbo.all("Invoice")) == 3
    assert world.qbo_invoice(invoice)["Id"] not in (first["Id"], theirs["Id"])


@pytest.mark.trap(6)
@pytest.mark.parametrize(
    ("answers", "errors"), [(["fault_6000_after"], ["qbo_6000"] * 3), (["http_503_after", "html_413"], [])]
)
def test_a_whole_batch_made_in_spite_of_a_fault_makes_no_duplicate(
    world: World, answers: list[str], errors: list[str]
) -> None:
    """One by one, under request ids of their own, they would be there twice."""
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": False})
    pair, product = world.pair(world.account()), world.product()
    world.invoice(world.case(pair, [{"product": product}]))
    world.sync()
    prices = [{"product": product, "quantity": number} for number in (1, 2, 3)]
    invoices = [world.invoice(world.case(pair, [line])) for line in prices]
    for kind in answers:
        world.qbo.control("POST", "faults", {"kind": kind, "entity": "Invoice", "operation": "create", "times": 1})
    adopted = world.sync()["adopted"]
    assert [error["error_code"] for error in world.errors()] == errors
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    adopted += world.sync().get("adopted", 0)
    assert adopted == 3
    assert world.errors() == []
    assert len(world.qbo.all("Invoice")) == 4
    assert all(world.link("invoice", invoice) for invoice in invoices)


@pytest.mark.trap(6)
def test_a_batch_that_a_gateway_stumbles_over_twice_is_sent_again_without_an_error(world: World) -> None:
    """Nothing was made: neither the lost answer nor the refusal of the whole says anything of a record."""
    account = world.account()
    world.simple_invoice(account)
    world.credit(account, "5.00")
    world.both()
    for amount in ("10.00", "20.00", "30.00"):
        world.credit(account, amount)
    for kind in ("http_503", "html_413"):
        world.qbo.control("POST", "faults", {"kind": kind, "entity": "CreditMemo", "operation": "create", "times": 1})
    world.run("credit_lms_to_qbo")
    assert (len(world.qbo.all("CreditMemo")), world.errors()) == (1, [])
    world.sql("update qbo_sync.change_mark set attempt_after = null")
    world.run("credit_lms_to_qbo")
    assert sorted(one["TotalAmt"] for one in world.qbo.all("CreditMemo")) == [5, 10, 20, 30]
    assert world.errors() == []


def _refused(*_: object, **__: object) -> None:
    raise RequestRefused(Fault(status=400, code="4000", message="", detail=""))


#: What the next worker hears when it asks whether the create of one that died is there.
QUESTIONS = {"and nothing is found yet": lambda *_, **__: ([None], False), "and the question is refused": _refused}


@pytest.mark.trap(6)
@pytest.mark.parametrize("dies", ["no", *QUESTIONS])
@pytest.mark.parametrize("money", ["payment", "credit"])
def test_money_that_is_refused_after_a_lost_answer_is_not_sent_twice(
    world: World, money: str, dies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QuickBooks was asked before, by this worker or by one that died then: it may have it."""
    account = world.account()
    invoice = world.simple_invoice(account)
    world.credit(account, "5.00")
    world.both()
    give(world, money, account, "50.00", invoice)
    dag_id, resource = f"{money}_lms_to_qbo", {"payment": "Payment", "credit": "CreditMemo"}[money]
    made = {"kind": "http_503_after", "entity": resource, "operation": "create", "times": 1}
    refused = {"kind": "fault", "code": "2010", "status": 400, "entity": resource, "operation": "create", "times": 1}
    world.qbo.control("POST", "faults", made)
    with monkeypatch.context() as worker:
        if dies == "no":
            world.qbo.control("POST", "faults", refused)
            world.run(dag_id)
        else:
            worker.setattr("include.qbo.client.ATTEMPTS", 1)
            with pytest.raises(OutcomeUnknown):
                world.run(dag_id)
            time.sleep(2)  # QuickBooks tells to the second when it made something
            worker.setattr("include.sync.write.recover._found", QUESTIONS[dies])
            world.qbo.control("POST", "faults", refused)
            world.sql("update qbo_sync.change_mark set extracted_at = null, attempt_after = null")
            world.run(dag_id)
    refusals = [] if dies == "and the question is refused" else ["qbo_2010"]
    assert [error["error_code"] for error in world.errors()] == refusals
    world.qbo.control("DELETE", "faults")
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.sql("update qbo_sync.change_mark set extracted_at = null, attempt_after = null")
    world.both()
    assert world.errors() == []
    assert [one["TotalAmt"] for one in world.qbo.all(resource) if one["TotalAmt"] > 5] == [50]
    assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"]


@pytest.mark.rule("8.1.b")
@pytest.mark.parametrize("entity", ["Customer", "Item"])
def test_a_lost_answer_for_a_customer_or_item(world: World, entity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.qbo.client.TIMEOUT", (2, 2))
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    before = {record["Id"] for record in world.qbo.all(entity)}
    world.simple_invoice()
    world.qbo.control("POST", "faults", {"kind": "timeout_after", "entity": entity, "operation": "create", "times": 1})
    with pytest.raises(OutcomeUnknown):
        world.run()
    world.sync()
    assert len({record["Id"] for record in world.qbo.all(entity)} - before) == 1
    assert len(world.qbo.all("Invoice")) == 1


@pytest.mark.parametrize("to_itself", [False, True])
def test_a_customer_is_linked_by_hand_while_the_answer_of_its_create_is_lost(
    world: World, to_itself: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To another account; or the account to another customer: the person's link stays, and the sync goes on."""
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    account = world.account("Lakeside Dental")
    world.simple_invoice(account)
    world.qbo.control(
        "POST", "faults", {"kind": "drop_connection", "entity": "Customer", "operation": "create", "times": 1}
    )
    with pytest.raises(OutcomeUnknown):
        world.run("billing_account_lms_to_qbo")
    [lost] = world.qbo.all("Customer")
    holder, customer = world.account("Hillside Dental"), lost["Id"]
    if to_itself:
        holder, customer = account, world.qbo.create("Customer", DisplayName="Lakeside")["Id"]
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'billing_account', %s, %s)",
        world.qbo.realm,
        holder,
        customer,
    )
    world.simple_invoice(world.account("Seaside Dental"))
    world.sync()
    link = world.link("billing_account", holder)
    assert link and link["qbo_id"] == customer
    expected = [] if to_itself else [("billing_account", "name_taken")]
    assert [(error["entity"], error["error_code"]) for error in world.errors()] == expected
    assert len(world.qbo.all("Invoice")) == (2 if to_itself else 1), "the others go on"


@pytest.mark.rule("8.1.b")
@pytest.mark.parametrize("then", ["nobody can say whether it was changed", "workers die for minutes"])
def test_a_payment_that_is_changed_in_quickbooks_while_its_answer_is_lost_is_there_once(
    world: World, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that QuickBooks shows is like what was sent, but it replays its answer."""
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    lost_answer(world, monkeypatch, "payment_lms_to_qbo", "create")
    [made] = world.qbo.all("Payment")
    world.qbo.create("Payment", **{**made, "Line": []})
    if then == "workers die for minutes":
        world.sql("update qbo_sync.write_request set created_at = now() - interval '9 minutes'")
        world.sql("update qbo_sync.write_request set sent_at = now() - interval '4 minutes'")
        world.run("payment_lms_to_qbo")
    else:
        find = QboClient.find

        def broken(self: QboClient, resource: str, field: str, *values: Any, **options: Any) -> Any:
            if (resource, field) == ("Payment", "Id"):
                raise Unavailable("QuickBooks does not answer")
            return find(self, resource, field, *values, **options)

        run = world.prepared("payment_lms_to_qbo")
        with monkeypatch.context() as patch:
            patch.setattr(QboClient, "find", broken)
            world.load(run)
    link = world.link("payment", payment)
    assert link and link["qbo_id"] == made["Id"]
    world.both()
    assert world.errors() == []
    assert [one["Id"] for one in world.qbo.all("Payment")] == [made["Id"]]
    assert world.sql("select id from lms.payment") == [{"id": payment}]
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"] == 100


@pytest.mark.rule("8.1.b")
@pytest.mark.parametrize("lost", ["one of a batch", "the whole batch, for minutes", "a fault that hides it"])
@pytest.mark.parametrize("money", ["payment", "credit"])
def test_money_that_is_changed_in_quickbooks_before_it_is_found_is_there_once(
    world: World, money: str, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bookkeeper unapplies the payment, or rewrites the credit memo's note, before Pilot looks for what it sent."""
    account = world.account()
    invoice = world.simple_invoice(account)
    world.credit(account, "5.00")
    world.both()
    amounts = ["50.00", "30.00"] if "batch" in lost else ["50.00"]
    for amount in amounts:
        give(world, money, account, amount, invoice)
    dag_id, resource = f"{money}_lms_to_qbo", {"payment": "Payment", "credit": "CreditMemo"}[money]
    if "batch" in lost:
        lost_answer(world, monkeypatch, dag_id, "batch")
    else:
        world.qbo.control("POST", "faults", {"kind": "fault_6000_after", "operation": "create", "times": 1})
        world.run(dag_id)
    made = [one for one in world.qbo.all(resource) if one["TotalAmt"] > 5]
    assert len(made) == len(amounts)
    changed = [one for one in made if one["TotalAmt"] == 50 or "minutes" in lost]
    for one in changed:
        rest: dict[str, Any] = {"Line": []} if money == "payment" else {"PrivateNote": "A courtesy"}
        world.qbo.create(resource, **{**one, **rest})
    if "minutes" in lost:
        world.sql("update qbo_sync.write_request set created_at = now() - interval '9 minutes'")
        world.sql("update qbo_sync.write_request set sent_at = now() - interval '160 seconds'")
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    for _ in range(2):
        world.sql("update qbo_sync.change_mark set extracted_at = null, attempt_after = null")
        world.both()
    assert world.errors() == []
    assert sorted(one["Id"] for one in world.qbo.all(resource) if one["TotalAmt"] > 5) == sorted(
        one["Id"] for one in made
    )
    ours = world.sql(f"select amount from lms.{money} where amount > 5")
    assert sorted(one["amount"] for one in ours) == sorted(one["TotalAmt"] for one in made)
    assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"]


def test_an_invoice_that_is_changed_before_it_is_found_is_still_checked_to_the_cent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, product = world.pair(world.account()), world.product()
    world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    world.sql("update lms.invoice set total_amount = total_amount - 1 where id = %s", invoice)
    lost_answer(world, monkeypatch, INVOICES, "create")
    world.qbo.update("Invoice", max(world.qbo.all("Invoice"), key=lambda one: int(one["Id"])), DueDate="2027-01-01")
    later(world)
    assert [error["error_code"] for error in world.errors()] == ["total_mismatch"]


def test_of_two_payments_that_are_alike_by_now_each_is_found_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = world.account()
    one, two = world.simple_invoice(account), world.simple_invoice(account)
    world.both()
    for invoice in (one, two):
        world.payment(account, "50.00", {invoice: "50.00"})
    lost_answer(world, monkeypatch, "payment_lms_to_qbo", "batch")
    first, second = world.qbo.all("Payment")
    # The bookkeeper moves the first one's money to the other's invoice.
    world.qbo.create("Payment", **{**first, "Line": second["Line"]})
    later(world)
    assert world.errors() == []
    assert [payment["Id"] for payment in world.qbo.all("Payment")] == [first["Id"], second["Id"]]
    assert len(world.sql("select id from lms.payment")) == 2
    for invoice, balance in ((one, 100), (two, 0)):
        assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"] == balance


@pytest.mark.trap(6)
def test_another_check_of_the_same_day_and_amount_that_is_entered_and_changed_later_is_not_taken_for_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = world.account()
    one, two = world.simple_invoice(account), world.simple_invoice(account)
    world.both()
    payment = world.payment(account, "50.00", {one: "50.00"})
    refused = {"kind": "fault", "code": "6000", "status": 400, "entity": "Payment", "operation": "create", "times": 1}
    world.qbo.control("POST", "faults", refused)
    world.run("payment_lms_to_qbo")
    assert [error["error_code"] for error in world.errors()] == ["qbo_6000"]
    world.sql("update qbo_sync.unconfirmed_create set sent_after = sent_after - interval '1 hour',"
              "  answered_at = answered_at - interval '1 hour'")  # fmt: skip
    bill = world.qbo_invoice(two)
    day = str(world.value("select payment_date from lms.payment where id = %s", payment))
    hers = received(world, bill["CustomerRef"]["value"], "50.00", pays(bill, "50.00"), TxnDate=day)
    world.qbo.update("Payment", hers, CustomerRef=hers["CustomerRef"], PrivateNote="deposited")
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    later(world)
    assert world.errors() == []
    assert len(world.qbo.all("Payment")) == len(world.sql("select id from lms.payment")) == 2
    for invoice in (one, two):
        assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"] == 50


def test_a_batch_that_may_still_be_at_work_is_waited_for_and_not_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    for amount in ("30.00", "20.00"):
        world.payment(account, amount, {invoice: amount})
    lost_answer(world, monkeypatch, "payment_lms_to_qbo", "batch", kind="http_503")
    world.sql("update qbo_sync.write_request set created_at = now() - interval '9 minutes'")
    world.sql("update qbo_sync.write_request set sent_at = now() - interval '100 seconds'")
    for _ in range(2):
        with pytest.raises(OutcomeUnknown, match="may still be at work"):
            world.run("payment_lms_to_qbo")
        world.sql("update qbo_sync.change_mark set extracted_at = null, attempt_after = null")
    assert world.qbo.all("Payment") == []
    world.sql("update qbo_sync.write_request set sent_at = sent_at - interval '60 seconds'")
    world.run("payment_lms_to_qbo")
    assert sorted(one["TotalAmt"] for one in world.qbo.all("Payment")) == [20, 30]


def give(world: World, money: str, account: int, amount: str, invoice: int) -> None:
    """A payment of the invoice, or a credit."""
    if money == "payment":
        world.payment(account, amount, {invoice: amount})
    else:
        world.credit(account, amount)


def lost_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, dag_id: str, operation: str, kind: str = "http_503_after"
) -> None:
    """A run whose next request of this kind is done, and its answer lost; or another `kind` of fault."""
    world.qbo.control("POST", "faults", {"kind": kind, "operation": operation, "times": 1})
    with monkeypatch.context() as worker, pytest.raises(OutcomeUnknown):
        worker.setattr("include.qbo.client.ATTEMPTS", 1)
        world.run(dag_id)


def later(world: World) -> None:
    """Runs until nothing is due, and everything that was put off is looked at again."""
    for _ in range(3):
        world.sql("update qbo_sync.change_mark set extracted_at = null, attempt_after = null")
        world.both()


def test_uninvoiced_while_the_answer_of_its_create_is_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.qbo.client.TIMEOUT", (2, 2))
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    pair, product = world.pair(world.account()), world.product()
    world.invoice(world.case(pair, [{"product": product}]))
    world.sync()
    case = world.case(pair, [{"product": product}])
    world.invoice(case)
    world.qbo.control("POST", "faults", {"kind": "timeout_after", "operation": "create", "times": 1})
    with pytest.raises(OutcomeUnknown):
        world.run(INVOICES)
    world.sql("select lms.uninvoice_case(%s)", case)
    world.sync()
    assert len(world.qbo.all("Invoice")) == 1


@pytest.mark.rule("8.1.d")
def test_two_runs_at_once(world: World) -> None:
    invoices = many_invoices(world, 40)
    world.sql("select qbo_sync.dispatch_lms_changes()")
    runs = [world.as_run(INVOICES) for _ in range(2)]
    for run in runs:  # both have everything in hand
        world.step("extract", run)
        world.sql("update qbo_sync.change_mark set extracted_at = extracted_at - interval '1 hour'")
        world.step("transform", run)
        world.step("validate", run)
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(world.load, runs))
    assert sorted(count["created"] for count in counts) == [0, 39]
    assert_each_once(world, invoices)


@pytest.mark.rule("8.1.c")
def test_a_run_that_is_cleared_and_rerun_does_nothing_twice(world: World) -> None:
    invoices = many_invoices(world, 5)
    run = world.as_run(INVOICES)
    world.companies(run)
    for _ in range(2):
        world.steps(run)
    assert_each_once(world, invoices)


@pytest.mark.rule("8.1.a")
def test_kill_9_in_the_middle_of_the_load_again_and_again(lms_database: str, sandbox_url: str) -> None:
    """A process that loads 300 invoices is killed at five moments; the sixth ends the work."""
    import json

    from cryptography.fernet import Fernet

    key = Fernet.generate_key().decode()
    with make_world(lms_database, sandbox_url, token_key=key) as world:
        invoices = many_invoices(world, 300)
        in_hand = world.prepared(INVOICES)
        for attempt in range(6):
            given = {
                "database": lms_database,
                "sandbox": sandbox_url,
                "key": key,
                "realm": world.qbo.realm,
                "dag_id": in_hand.run.dag_id,
                "run": in_hand.run.run_id,
            }
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.load_process"],
                cwd=PROJECT,
                env={**os.environ, "GIVEN": json.dumps(given), "PYTHONPATH": str(PROJECT)},
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "loading\n"
            if attempt < 5:
                _wait_for_progress(world, 30 * (attempt + 1))
                os.kill(process.pid, signal.SIGKILL)
            process.wait(60)
        assert process.returncode == 0
        world.sync()
        assert_each_once(world, invoices)


def _wait_for_progress(world: World, links: int) -> None:
    """Until so many invoices are linked: somewhere in the middle, with requests under way."""
    deadline = time.monotonic() + 30
    while world.value("select count(*) from qbo_sync.entity_link where entity = 'invoice'") < links:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_tokens_stand_nowhere_in_plain_text(world: World) -> None:
    row = world.sql("select * from qbo_sync.company")[0]
    opened = world.runtime.vault.open(bytes(row["refresh_token_encrypted"]))
    assert opened
    dump = repr(world.sql("select * from qbo_sync.company")) + repr(world.sql("select * from qbo_sync.api_call"))
    assert opened not in dump
    assert opened not in repr(world.runtime)
