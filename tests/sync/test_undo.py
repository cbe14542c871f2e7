"""Undo of a run: what it did is taken back on either side, and what has changed since is left and listed."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.support.bookkeeper import in_quickbooks, pays, received, sale
from tests.support.world import INVOICES, UNDO, World

PAYMENTS = "payment_lms_to_qbo"
CREDITS = "credit_lms_to_qbo"


def amounts(world: World, entity: str) -> list[Any]:
    """What QuickBooks has of it."""
    return sorted(one["TotalAmt"] for one in world.qbo.all(entity))


def test_what_a_run_created_in_quickbooks_is_deleted_and_not_sent_again(world: World) -> None:
    account = world.account()
    invoices = [world.simple_invoice(account) for _ in range(3)]
    world.sync()
    made = world.last_run(INVOICES)
    # the bookkeeper has touched one, and somebody has paid another
    world.qbo.update("Invoice", world.qbo_invoice(invoices[1]), PrivateNote="touched")
    paid = world.qbo_invoice(invoices[2])
    received(world, paid["CustomerRef"]["value"], "100.00", pays(paid, "100.00"))

    assert world.undo(made, confirmed=False) == {"taken_back": 0, "left": 2}
    assert len(world.qbo.all("Invoice")) == 3, "a preview writes nothing"
    assert world.undo(made) == {"taken_back": 1, "left": 2}, world.undo_left()
    assert world.undo_left() == {
        ("invoice", str(invoices[1])): "It has been changed in QuickBooks since.",
        ("invoice", str(invoices[2])): "A payment in QuickBooks is applied to it.",
    }
    assert len(world.qbo.all("Invoice")) == 2
    assert world.link("invoice", invoices[0]) is None
    [entry] = world.sql("select * from qbo_sync.audit_entry where undo_of is not null")
    assert (entry["operation"], entry["lms_id"], entry["dag_id"]) == ("delete", invoices[0], "undo_run")
    assert entry["request_id"] and entry["before"]["total"] == Decimal("100.00")

    world.both()
    world.resync()
    assert world.link("invoice", invoices[0]) is None, "it is left alone"
    assert world.errors() == []
    assert world.undo(made) == {"taken_back": 0, "left": 3}, world.undo_left()
    assert world.undo_left()["invoice", str(invoices[0])] == "It has been taken back already."

    world.sql("select qbo_sync.sync_again(%s, 'invoice', %s, null)", world.qbo.realm, invoices[0])
    world.sync()
    assert world.qbo_invoice(invoices[0])["TotalAmt"] == 100, "somebody asked for it"


def test_customers_and_items_stay(world: World) -> None:
    world.simple_invoice()
    world.sync()
    assert world.undo(world.last_run("billing_account_lms_to_qbo")) == {"taken_back": 0, "left": 1}, world.undo_left()
    [reason] = world.undo_left().values()
    assert reason.startswith("Customers and items stay")


def test_what_a_run_changed_and_deleted_in_quickbooks_is_as_it_was(world: World) -> None:
    account = world.account()
    first, second = world.simple_invoice(account), world.simple_invoice(account)
    payment, other = world.payment(account, "60.00", {first: "60.00"}), world.payment(account, "20.00", {second: "20"})
    credit = world.credit(account, "30.00", {second: "10.00"})
    world.sync()
    before = (
        amounts(world, "Payment"),
        amounts(world, "CreditMemo"),
        sorted((one["DocNumber"], one["Balance"]) for one in world.qbo.all("Invoice")),
    )

    world.sql("update lms.payment set amount = 50 where id = %s", payment)
    world.apply("payment", payment, {first: "50.00"})
    world.sql("delete from lms.payment where id = %s", other)
    world.sync()
    assert world.undo(world.last_run(PAYMENTS)) == {"taken_back": 2, "left": 0}, world.undo_left()
    world.sql("update lms.credit set amount = 25 where id = %s", credit)
    world.apply("credit", credit, {first: "5.00", second: "10.00"})
    world.sync()
    assert world.undo(world.last_run(CREDITS)) == {"taken_back": 2, "left": 0}, world.undo_left()
    assert before == (
        amounts(world, "Payment"),
        amounts(world, "CreditMemo"),
        sorted((one["DocNumber"], one["Balance"]) for one in world.qbo.all("Invoice")),
    )
    world.both()
    assert amounts(world, "Payment") == before[0]


def test_closed_books_and_deposits_are_respected(world: World) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    payment = world.payment(account, "40.00")
    world.sync()
    link = world.link("payment", payment)
    assert link
    sent = world.qbo.call(f"payment/{link['qbo_id']}")["Payment"]
    bank = world.qbo.all("Account", "WHERE AccountType = 'Bank'")[0]
    linked = {"LinkedTxn": [{"TxnId": sent["Id"], "TxnType": "Payment", "TxnLineId": "0"}], "Amount": 40}
    world.qbo.create("Deposit", DepositToAccountRef={"value": bank["Id"]}, Line=[linked])
    world.undo(world.last_run(PAYMENTS))
    assert "deposit" in world.undo_left()["payment", str(payment)]
    world.prefer(AccountingInfoPrefs={"BookCloseDate": "2026-06-30"})
    assert world.undo(world.last_run(INVOICES)) == {"taken_back": 0, "left": 1}, world.undo_left()
    assert "closed through 06/30/2026" in world.undo_left()["invoice", str(invoice)]
    assert world.qbo_invoice(invoice)


def test_what_a_run_wrote_to_the_lms_is_put_back_row_by_row(world: World) -> None:
    account = world.account()
    invoice, deleted = world.simple_invoice(account), world.simple_invoice(account)
    world.payment(account, "30.00", {deleted: "30.00"})
    world.sync()
    before = world.lms_ledger()
    customer = world.qbo_invoice(invoice)["CustomerRef"]["value"]
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("80.00")])
    in_quickbooks(world, customer, sale("70.00"))
    gone = world.qbo_invoice(deleted)
    world.qbo.call("invoice", {"Id": gone["Id"], "SyncToken": gone["SyncToken"]}, operation="delete")
    world.fetch()
    assert world.lms_ledger() != before
    assert world.undo(world.last_run("invoice_qbo_to_lms")) == {"taken_back": 3, "left": 0}, world.undo_left()
    assert world.lms_ledger() == before
    world.both()
    assert world.lms_ledger() == before, "they are left alone"

    sent = world.link("invoice", invoice)
    assert sent
    world.sql("select qbo_sync.sync_again(%s, 'invoice', %s, %s)", world.qbo.realm, invoice, sent["qbo_id"])
    world.both()
    assert world.lms_invoice(invoice)["total_amount"] == 80, "somebody asked for it"
    assert world.errors() == []


def test_a_payment_from_quickbooks_is_taken_out_of_the_lms_unless_it_was_changed_there(world: World) -> None:
    account = world.account()
    invoice, other = world.simple_invoice(account), world.simple_invoice(account)
    world.sync()
    for one in (invoice, other):
        body = world.qbo_invoice(one)
        received(world, body["CustomerRef"]["value"], "40.00", pays(body, "40.00"))
    world.fetch()
    run = world.last_run("payment_qbo_to_lms")
    world.sql("update lms.payment set method = 'Check' where id = (select max(id) from lms.payment)")
    assert world.undo(run)["taken_back"] == 1
    assert set(world.undo_left().values()) <= {
        "It has been changed in Pilot since.",
        "It has changes that are not synced yet.",
    }
    [left] = world.lms_ledger()["payment"]
    assert left["method"] == "Check"
    assert [one["payment_id"] for one in world.lms_ledger()["payment_application"]] == [left["id"]]
    world.both()
    assert len(world.lms_ledger()["payment"]) == 1


def test_an_adopted_invoice_is_only_unlinked(world: World) -> None:
    account = world.account()
    first = world.simple_invoice(account)
    world.sync()
    sent = world.qbo_invoice(first)
    second = world.simple_invoice(account)
    number = world.lms_invoice(second)["invoice_number"]
    theirs = in_quickbooks(world, sent["CustomerRef"]["value"], sale("100.00"), DocNumber=number, TxnDate="2026-06-01")
    world.sync()
    run = world.last_run(INVOICES)
    world.both()
    link = world.link("invoice", second)
    if link is None or link["qbo_id"] != theirs["Id"]:
        pytest.fail(f"not adopted: {world.errors()}")
    counts = world.undo(run)
    assert counts == {"taken_back": 1, "left": 0}, world.undo_left()
    assert world.link("invoice", second) is None
    assert len(world.qbo.all("Invoice")) == 2
    world.both()
    assert world.link("invoice", second) is None


def test_what_people_change_between_the_check_and_the_undo_is_left(world: World) -> None:
    account = world.account()
    invoice, credit = world.simple_invoice(account), world.credit(account, "30.00")
    world.sync()
    world.sql("update lms.credit set amount = 25 where id = %s", credit)
    world.sync()

    def bookkeeper() -> None:
        [memo] = world.qbo.all("CreditMemo")
        world.qbo.update("CreditMemo", memo, Line=[sale("44.00")])

    assert world.undo(world.last_run(CREDITS), meanwhile=bookkeeper) == {"taken_back": 0, "left": 1}
    assert amounts(world, "CreditMemo") == [44]
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("80.00")])
    world.fetch()

    def in_pilot() -> None:
        world.sql("update lms.invoice set due_date = '2026-12-24' where id = %s", invoice)
        world.sql("delete from qbo_sync.lms_change")

    assert world.undo(world.last_run("invoice_qbo_to_lms"), meanwhile=in_pilot) == {"taken_back": 0, "left": 1}
    assert world.undo_left() == {("invoice", str(invoice)): "It has been changed in Pilot since."}
    assert world.lms_invoice(invoice)["due_date"] == date(2026, 12, 24)
    assert world.sql("select * from qbo_sync.left_alone") == []


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before"])
def test_a_lost_answer_is_made_up_for_by_the_next_try(world: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    payment, other = world.payment(account, "60.00", {invoice: "60.00"}), world.payment(account, "5.00")
    world.sync()
    monkeypatch.setattr("include.qbo.client.TIMEOUT", (2, 2))
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    created = world.last_run(PAYMENTS)
    world.qbo.control("POST", "faults", {"kind": kind, "operation": "delete", "times": 1})
    assert world.undo(created, tries=2) == {"taken_back": 2, "left": 0}
    assert world.qbo.all("Payment") == []
    world.both()
    assert world.qbo.all("Payment") == [], (payment, other)
    assert world.value("select count(*) from qbo_sync.audit_entry where undo_of is not null") == 2


def test_a_run_that_is_cleared_begins_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.account()
    for _ in range(2):
        world.simple_invoice(account)
    world.sync()
    made, again = world.last_run(INVOICES), world.as_run(UNDO)
    monkeypatch.setattr(World, "as_run", lambda self, dag_id: again)
    assert world.undo(made) == {"taken_back": 2, "left": 0}, world.undo_left()
    assert world.undo(made) == {"taken_back": 0, "left": 2}, world.undo_left()
    assert set(world.undo_left().values()) == {"It has been taken back already."}
