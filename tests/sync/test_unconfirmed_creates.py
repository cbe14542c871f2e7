"""Creates of which nobody knows at first whether QuickBooks did them: what is taken for theirs later, and what not."""

from collections.abc import Callable

import pytest

from include.qbo.errors import OutcomeUnknown
from tests.support.bookkeeper import an_hour_ago, pays, received, remove
from tests.support.both_sides import invoiced, quiet
from tests.support.world import World

#: What lab staff do to a payment, its amount in both ledgers afterwards, and what is left of the invoice over $100.
CHANGES: dict[str, tuple[Callable[[World, int], object], list[int], int]] = {
    "another amount": (
        lambda world, payment: world.sql(
            "with a as (update lms.payment_application set amount = 25 where payment_id = %s)"
            " update lms.payment set amount = 25 where id = %s",
            payment,
            payment,
        ),
        [25],
        75,
    ),
    "another day": (
        lambda world, payment: world.sql(
            "update lms.payment set payment_date = payment_date - 7 where id = %s", payment
        ),
        [40],
        60,
    ),
}


def done_and_answered_with_a_fault(world: World, entity: str, resource: str) -> None:
    fault = {"kind": "fault_6000_after", "entity": resource, "operation": "create", "times": 1}
    world.qbo.control("POST", "faults", {**fault, "realm": world.qbo.realm})
    world.sync()
    assert [error["error_code"] for error in world.errors()] == ["qbo_6000"]
    assert world.value("select entity from qbo_sync.unconfirmed_create") == entity


@pytest.mark.trap(6)
@pytest.mark.parametrize("captured", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_a_payment_that_the_lms_changes_before_it_is_found_is_there_once(
    world: World, what: str, captured: bool
) -> None:
    """Looked for as it would be sent now it is not found, and paid twice."""
    change, amounts, open_amount = CHANGES[what]
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "40.00", {invoice: "40.00"})
    done_and_answered_with_a_fault(world, "payment", "Payment")
    change(world, payment)
    if captured:
        world.capture()
        assert world.steps(world.as_run("payment_qbo_to_lms"))["created"] == 0, "it is ours"
    world.both()
    world.both()
    assert [one["TotalAmt"] for one in world.qbo.all("Payment")] == amounts
    assert [one["amount"] for one in world.sql("select amount from lms.payment")] == amounts
    assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"] == open_amount
    assert (world.errors(), world.sql("select * from qbo_sync.unconfirmed_create")) == ([], [])
    quiet(world)


@pytest.mark.trap(6)
@pytest.mark.parametrize("own_numbers", [True, False])
def test_an_invoice_that_the_lms_changes_before_it_is_found_is_there_once(world: World, own_numbers: bool) -> None:
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": own_numbers})
    invoice = world.simple_invoice()
    done_and_answered_with_a_fault(world, "invoice", "Invoice")
    world.sql("update lms.invoice set invoice_number = 'CHANGED' where id = %s", invoice)
    world.capture()
    assert world.steps(world.as_run("invoice_qbo_to_lms"))["created"] == 0, "it is ours"
    world.both()
    world.both()
    assert len(world.qbo.all("Invoice")) == world.value("select count(*) from lms.invoice") == 1
    assert world.link("invoice", invoice)
    assert (world.errors(), world.sql("select * from qbo_sync.unconfirmed_create")) == ([], [])
    quiet(world)


@pytest.mark.trap(6)
@pytest.mark.parametrize(("entity", "resource"), [("credit", "CreditMemo"), ("credit_application", "Payment")])
def test_a_credit_that_the_lms_changes_before_it_is_found_is_there_once(
    world: World, entity: str, resource: str
) -> None:
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "40.00", {invoice: "40.00"})
    done_and_answered_with_a_fault(world, entity, resource)
    world.sql(
        "with a as (update lms.credit_application set amount = 25 where credit_id = %s)"
        " update lms.credit set amount = 25 where id = %s",
        credit,
        credit,
    )
    world.both()
    world.both()
    assert [one["TotalAmt"] for one in world.qbo.all("CreditMemo")] == [25]
    assert [one["TotalAmt"] for one in world.qbo.all("Payment")] == [0]
    assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"] == 75
    assert (world.errors(), world.sql("select * from qbo_sync.unconfirmed_create")) == ([], [])
    quiet(world)


@pytest.mark.parametrize("direction", ["lms_to_qbo", "both"])
def test_what_the_lms_deletes_before_it_is_found_is_left_to_the_bookkeeper(world: World, direction: str) -> None:
    """Most such faults are true refusals: what is there may have been entered in its place. Both ways it comes back."""
    account, invoice, customer = invoiced(world)
    world.sql("update qbo_sync.connection set direction = %s", direction)
    fault = {"kind": "fault", "entity": "Payment", "operation": "create", "code": "6000", "times": 1}
    world.qbo.control("POST", "faults", {**fault, "realm": world.qbo.realm})
    payment = world.payment(account, "40.00", {invoice: "40.00"})
    world.sync()
    assert [error["error_code"] for error in world.errors()] == ["qbo_6000"]
    theirs = received(world, customer, "40.00", pays(world.qbo_invoice(invoice), "40.00"), TxnDate="2026-06-15")
    world.sql("delete from lms.payment where id = %s", payment)
    world.both()
    world.both()
    assert [one["Id"] for one in world.qbo.all("Payment")] == [theirs["Id"]]
    copies = world.sql("select amount, origin from lms.payment")
    assert copies == ([{"amount": 40, "origin": "qbo"}] if direction == "both" else [])
    assert world.errors() == []
    quiet(world)


def test_an_older_credit_of_the_bookkeepers_is_not_the_one_whose_answer_was_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same customer, day and amount: linked to it, the LMS's credit would never come to QuickBooks."""
    account, _, customer = invoiced(world)
    world.credit(account, "5.00")
    world.both()
    [memo] = world.qbo.all("CreditMemo")
    credit = world.credit(account, "40.00")
    detail = {"ItemRef": memo["Line"][0]["SalesItemLineDetail"]["ItemRef"], "Qty": 1, "UnitPrice": 40}
    line = {"Amount": 40, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
    entered = {"CustomerRef": {"value": customer}, "TxnDate": memo["TxnDate"], "PrivateNote": memo.get("PrivateNote")}
    with an_hour_ago(world):
        theirs = world.qbo.create("CreditMemo", Line=[line], **entered)
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    fault = {"kind": "http_503", "entity": "CreditMemo", "operation": "create", "times": 1, "realm": world.qbo.realm}
    world.qbo.control("POST", "faults", fault)
    with pytest.raises(OutcomeUnknown):
        world.run("credit_lms_to_qbo")
    world.both()
    link = world.link("credit", credit)
    assert link and link["qbo_id"] != theirs["Id"]
    assert sorted(one["TotalAmt"] for one in world.qbo.all("CreditMemo")) == [5, 40, 40]
    quiet(world)


@pytest.mark.trap(6)
def test_an_application_that_is_made_anew_is_looked_for_too(world: World) -> None:
    """The bookkeeper has deleted the payment that applied the credit: the link to it stands until there is another."""
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "40.00", {invoice: "40.00"})
    world.both()
    [payment] = world.qbo.all("Payment")
    remove(world, payment, "Payment")
    world.sql("update lms.credit_application set amount = 15 where credit_id = %s", credit)
    done_and_answered_with_a_fault(world, "credit_application", "Payment")
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.both()
    assert [one["Line"][0]["Amount"] for one in world.qbo.all("Payment")] == [15]
    assert world.qbo_invoice(invoice)["Balance"] == 85
    assert (world.errors(), world.sql("select * from qbo_sync.unconfirmed_create")) == ([], [])
    quiet(world)
