"""The bookkeeper receives money in the payment of $0.00 that applies a credit (fact 9.6): it is neither overwritten nor
deleted, and people are told."""

from tests.support.bookkeeper import change, fresh, pays
from tests.support.both_sides import invoiced, memo_of
from tests.support.quickbooks import Json
from tests.support.world import World


def received(world: World) -> tuple[int, int, Json]:
    """LMS ids of an invoice and of a credit that is applied to it; QuickBooks' payment that applies it, with $50.00."""
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "40.00", {invoice: "40.00"})
    world.both()
    [payment] = world.qbo.all("Payment")
    lines = [pays(world.qbo_invoice(invoice), "40.00"), pays(memo_of(world, credit), "40.00", "CreditMemo")]
    change(world, payment, TotalAmt=50, Line=lines)
    world.both()
    return invoice, credit, payment


def codes(world: World) -> list[str]:
    return [error["error_code"] for error in world.errors()]


def test_it_is_told_and_the_books_are_still_compared(world: World) -> None:
    received(world)
    [error] = world.errors()
    assert (error["entity"], error["error_code"]) == ("credit", "received_with_credit")
    assert "also has $50.00 received from the customer" in error["message"]
    assert any(one["cause"] for one in world.prove().difference)


def test_it_stays_when_the_credit_is_applied_otherwise_in_pilot(world: World) -> None:
    invoice, credit, payment = received(world)
    world.apply("credit", credit, {invoice: "30.00"})
    world.both()
    assert fresh(world, payment, "Payment")["TotalAmt"] == 50
    assert codes(world) == ["received_with_credit"]


def test_it_stays_when_the_credit_is_given_to_another_account_in_pilot(world: World) -> None:
    _, credit, payment = received(world)
    other, invoice, _ = invoiced(world)
    world.sql("update lms.credit set billing_account_id = %s, doctor_office_id = null where id = %s", other, credit)
    world.apply("credit", credit, {invoice: "30.00"})
    world.both()
    assert fresh(world, payment, "Payment")["TotalAmt"] == 50
    assert "received_with_credit" in codes(world)


def test_it_stays_when_the_credit_is_deleted_in_pilot(world: World) -> None:
    """The credit memo too: QuickBooks would let the money pay the invoice in its place."""
    _, credit, payment = received(world)
    before = fresh(world, payment, "Payment")
    world.sql("delete from lms.credit where id = %s", credit)
    world.sql("update lms.invoice set balance = 100")
    world.both()
    after = fresh(world, payment, "Payment")
    assert (after["TotalAmt"], after["Line"]) == (50, before["Line"])
    assert set(codes(world)) == {"received_with_credit"}
    # The money becomes a payment of its own, as advised: the credit goes.
    lines = [{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in after["Line"]]
    change(world, payment, TotalAmt=0, Line=lines)
    world.both()
    assert codes(world) == []
    assert world.qbo.all("CreditMemo") == []
