"""What the bookkeeper did in QuickBooks stays when a write of ours is refused, and what was not done is told."""

import pytest

from tests.support.bookkeeper import fresh, pays, received, sale
from tests.support.both_sides import invoiced
from tests.support.quickbooks import Json
from tests.support.world import World


def used(world: World, credit: int, invoice: int, amount: str, **more: str) -> Json:
    """The bookkeeper applies a credit of the LMS to an invoice."""
    link = world.link("credit", credit)
    assert link
    there = world.qbo_invoice(invoice)
    lines = [pays(there, amount), pays({"Id": link["qbo_id"]}, amount, "CreditMemo")]
    return world.qbo.create("Payment", CustomerRef=there["CustomerRef"], TotalAmt=0, Line=lines, **more)


def credit_and_invoices(world: World) -> tuple[int, int, int]:
    """A credit of $60 and two invoices of $100 of one account, all of them in QuickBooks."""
    account = world.account("Lakeside Dental")
    first, second = world.simple_invoice(account), world.simple_invoice(account)
    credit = world.credit(account, "60.00")
    world.both()
    return credit, first, second


def test_the_bookkeepers_use_of_a_credit_stays_and_the_lab_is_told(world: World) -> None:
    credit, first, second = credit_and_invoices(world)
    theirs = used(world, credit, second, "60")
    world.both()
    world.apply("credit", credit, {first: "60.00"})
    world.both()
    assert fresh(world, theirs, "Payment")["Line"], "their application is gone"
    [error] = world.errors()
    assert (error["error_code"], error["entity"]) == ("qbo_6000", "credit")
    assert "needs $60.00 of its credit memo, but nothing of it is left in QuickBooks" in error["message"]


def test_a_credit_that_is_refused_for_its_invoice_costs_the_bookkeepers_application_nothing(world: World) -> None:
    credit, first, second = credit_and_invoices(world)
    theirs = used(world, credit, second, "20")
    paid = world.qbo_invoice(first)
    received(world, paid["CustomerRef"]["value"], "100.00", pays(paid, "100.00"))
    world.apply("credit", credit, {first: "40.00"})
    world.sync()
    assert fresh(world, theirs, "Payment")["Line"]


def test_an_automatic_application_in_closed_books_becomes_an_error(world: World) -> None:
    credit, first, second = credit_and_invoices(world)
    note = "Created by QB Online to link credits to charges."
    theirs = used(world, credit, second, "60", TxnDate="2026-06-05", PrivateNote=note)
    world.both()
    world.prefer(AccountingInfoPrefs={"BookCloseDate": "2026-06-10"})
    world.apply("credit", credit, {first: "60.00"})
    world.sync()
    assert [error["error_code"] for error in world.errors()] == ["qbo_6000"]
    assert [one["Id"] for one in world.qbo.all("Payment")] == [theirs["Id"]]
    assert [world.qbo_invoice(one)["Balance"] for one in (first, second)] == [100, 40]


def test_uninvoicing_in_closed_books_leaves_the_payment_on_the_invoice(world: World) -> None:
    """The payment is QuickBooks' alone; of one that Pilot has too see test_closed_books.py."""
    _, invoice, customer = invoiced(world)
    world.sql("update qbo_sync.connection set sync_payments = false")
    made = world.qbo_invoice(invoice)
    paid = received(world, customer, "100.00", pays(made, "100.00"))
    world.both()
    world.prefer(AccountingInfoPrefs={"BookCloseDate": "2026-06-10"})
    world.sql("select lms.uninvoice_case(%s)", world.lms_invoice(invoice)["case_id"])
    world.sync()
    assert fresh(world, made)["Balance"] == 0
    assert fresh(world, paid, "Payment")["Line"]
    assert [error["error_code"] for error in world.errors()] == ["books_closed"]


def test_uninvoicing_frees_a_credit_where_quickbooks_refuses_the_delete(world: World) -> None:
    _, invoice, customer = invoiced(world)
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"paid_invoice_delete": "refuse"})
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("60.00")])
    lines = [pays(world.qbo_invoice(invoice), "60"), pays(memo, "60", "CreditMemo")]
    world.qbo.create("Payment", CustomerRef={"value": customer}, TotalAmt=0, Line=lines)
    world.both()
    world.sql("select lms.uninvoice_case(%s)", world.lms_invoice(invoice)["case_id"])
    world.both()
    assert fresh(world, memo, "CreditMemo")["RemainingCredit"] == 60
    assert (world.qbo.all("Invoice"), world.qbo.all("Payment"), world.errors()) == ([], [], [])


def test_uninvoicing_leaves_the_rest_of_a_payment_with_a_credit_in_it(world: World) -> None:
    account, invoice, customer = invoiced(world)
    other = world.simple_invoice(account)
    world.both()
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"paid_invoice_delete": "refuse"})
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("60.00")])
    lines = [
        pays(world.qbo_invoice(invoice), "100"),
        pays(world.qbo_invoice(other), "40"),
        pays(memo, "60", "CreditMemo"),
    ]
    paid = world.qbo.create("Payment", CustomerRef={"value": customer}, TotalAmt=80, Line=lines)
    world.both()
    world.sql("select lms.uninvoice_case(%s)", world.lms_invoice(invoice)["case_id"])
    world.sync()
    assert fresh(world, memo, "CreditMemo")["RemainingCredit"] == 20, "it pays no more than the invoice that stays"
    assert fresh(world, paid, "Payment")["UnappliedAmt"] == 80
    assert world.qbo_invoice(other)["Balance"] == 60


def close_unnoticed(world: World, through: str) -> None:
    """The books are closed at the very moment: the sync has just read the closing date, and goes by that."""
    body = {"AccountingInfoPrefs": {"BookCloseDate": through}}
    world.qbo.control("POST", f"companies/{world.qbo.realm}/preferences", body)
    world.sql("update qbo_sync.company set preferences_read_at = clock_timestamp()")


@pytest.mark.parametrize("what", ["invoice", "payment", "credit"])
def test_a_delete_that_quickbooks_answers_and_does_not_do_is_told(world: World, what: str) -> None:
    account, invoice, _ = invoiced(world)
    record = invoice if what == "invoice" else getattr(world, what)(account, "50.00")
    world.both()
    assert world.link(what, record)
    close_unnoticed(world, "2026-06-30")
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"closed_period": "ignore"})
    if what == "invoice":
        world.sql("select lms.uninvoice_case(%s)", world.lms_invoice(invoice)["case_id"])
    else:
        world.sql(f"delete from lms.{what} where id = %s", record)
    world.sync()
    [error] = world.errors()
    assert (error["error_code"], error["operation"]) == ("not_taken_over", "delete")
    assert "QuickBooks kept it" in error["message"]
    assert world.link(what, record), "the record is still in QuickBooks, and nobody would know whose it is"


def test_a_delete_is_not_believed_because_the_question_is_refused(world: World) -> None:
    account, _, _ = invoiced(world)
    payment = world.payment(account, "50.00")
    world.both()
    close_unnoticed(world, "2026-06-30")
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"closed_period": "ignore"})
    fault = {"kind": "fault", "entity": "Payment", "operation": "read", "code": "5020", "times": 1}
    world.qbo.control("POST", "faults", {**fault, "realm": world.qbo.realm})
    world.sql("delete from lms.payment where id = %s", payment)
    world.sync()
    assert world.link("payment", payment), "it is still in QuickBooks"
    assert [error["error_code"] for error in world.errors()] == ["not_taken_over"]
