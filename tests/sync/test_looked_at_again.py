"""What is linked to something that is not quite what was sent: the LMS learns what QuickBooks says of it."""

import pytest

from include.qbo.errors import OutcomeUnknown
from tests.support.bookkeeper import discount, in_quickbooks, pays, received, sale, shipping
from tests.support.both_sides import linked_account
from tests.support.quickbooks import Json
from tests.support.world import World


def credited(world: World, customer: str, invoice: Json) -> None:
    """The bookkeeper gives a credit of $25 for it."""
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("25.00")])
    lines = [pays(invoice, "25"), pays(memo, "25", "CreditMemo")]
    world.qbo.create("Payment", CustomerRef={"value": customer}, TotalAmt=0, Line=lines)


def entered_on_both_sides(world: World, *lines: Json) -> tuple[int, str, Json]:
    """The LMS's invoice, and the customer and invoice that the bookkeeper has entered for it."""
    customer = world.qbo.create("Customer", DisplayName="Lakeside Dental")["Id"]
    invoice = world.simple_invoice(world.account("Lakeside Dental"))
    number = world.lms_invoice(invoice)["invoice_number"]
    return invoice, customer, in_quickbooks(world, customer, *lines, DocNumber=number, TxnDate="2026-06-01")


def test_an_adopted_invoice_has_the_balance_that_it_has_in_quickbooks(world: World) -> None:
    invoice, customer, made = entered_on_both_sides(world, sale("100.00"))
    credited(world, customer, made)
    world.both()
    assert world.qbo_invoice(invoice)["Id"] == made["Id"]
    assert world.lms_invoice(invoice)["balance"] == 75
    assert world.errors() == []


def test_an_adopted_invoice_has_the_boxes_that_it_has_in_quickbooks(world: World) -> None:
    invoice, _, made = entered_on_both_sides(world, sale("110.00"), discount("20.00"), shipping("10.00"))
    world.both()
    assert world.qbo_invoice(invoice)["Id"] == made["Id"]
    row = world.lms_invoice(invoice)
    assert (row["subtotal"], row["discount_amount"], row["shipping_amount"]) == (110, 20, 10)


@pytest.mark.parametrize("what", ["credit", "payment"])
def test_what_quickbooks_applies_by_itself_to_a_new_invoice_reaches_its_balance(world: World, what: str) -> None:
    account, customer = linked_account(world)
    world.prefer(SalesFormsPrefs={"AutoApplyCredit": True, "AutoApplyPayments": True})
    world.sql("update qbo_sync.connection set sync_payments = false")
    if what == "credit":
        world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("125.00")])
    else:
        received(world, customer, "125.00")
    world.simple_invoice(account)
    world.both()
    for row in world.sql("select id, balance from lms.invoice"):
        assert row["balance"] == world.qbo_invoice(row["id"])["Balance"]
    assert world.value("select sum(balance) from lms.invoice") < 200


def test_a_create_found_after_its_answer_was_lost_and_credited_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    account, customer = linked_account(world)
    invoice = world.simple_invoice(account)
    world.run("product_lms_to_qbo")
    world.qbo.control("POST", "faults", {"kind": "http_500_after", "operation": "create", "times": 1})
    with pytest.raises(OutcomeUnknown):
        world.run("invoice_lms_to_qbo")
    number = world.lms_invoice(invoice)["invoice_number"]
    [made] = [one for one in world.qbo.all("Invoice") if one["DocNumber"] == number]
    credited(world, customer, made)
    world.both()
    assert world.qbo_invoice(invoice)["Id"] == made["Id"]
    assert world.lms_invoice(invoice)["balance"] == 75
