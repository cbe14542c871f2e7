"""Labs leave a QuickBooks company, come back, or go on in another one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.support.bookkeeper import change, fresh, in_quickbooks, pays, received
from tests.support.both_sides import customer_of, number_taken, of_payment, qbo_payment
from tests.support.quickbooks import Json, make_company
from tests.support.world import World

TODAY = datetime.now(UTC).date()


def test_one_that_comes_back_alone_receives_what_is_entered_in_quickbooks(world: World) -> None:
    """Although another lab did, when it left."""
    first, second = world.lab, world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    account = world.account("Lakeside Dental")
    world.invoice(world.case(world.pair(account), [{"product": world.product()}], lab=second))
    world.both()
    customer = customer_of(world, account)
    world.disconnect(second)
    world.disconnect(first)
    world.connect(second, world.qbo)
    in_quickbooks(world, customer)
    received(world, customer, "30.00")
    world.both()
    assert world.value("select count(*) from lms.invoice where origin = 'qbo'") == 1
    assert [one["amount"] for one in world.sql("select amount from lms.payment")] == [30]


def test_one_that_comes_back_to_another_that_receives_does_not(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    world.disconnect(world.lab)
    world.connect(world.lab, world.qbo)
    receivers = world.sql("select billing_lab_id from qbo_sync.connection where receives_qbo_transactions")
    assert receivers == [{"billing_lab_id": second}]


def test_what_came_from_the_company_before_is_told_in_the_books_of_another_one(world: World) -> None:
    """It is never sent there; what the bookkeeper is advised to do brings the two in step."""
    account = world.account("Lakeside Dental")
    world.simple_invoice(account)
    world.both()
    customer = customer_of(world, account)
    entered = in_quickbooks(world, customer, DocNumber="A-7")
    received(world, customer, "30.00")
    world.both()
    before = world.value("select name from qbo_sync.company")
    world.disconnect()
    world = replace(world, qbo=make_company(world.qbo.url, "Harbor Dental"))
    world.connect(world.lab, world.qbo)
    world.both()
    assert len(world.qbo.all("Invoice")) == 1
    told = {one["entity"]: one for one in world.prove().difference}
    assert told.keys() == {"invoice", "payment"}
    for one in told.values():
        assert (one["cause"], one["explained"], one["fix"]) == ("missing", False, None)
        assert f"entered in “{before}”" in one["reason"]
    [there] = world.qbo.all("Customer")
    in_quickbooks(world, there["Id"], DocNumber="A-7", TxnDate=entered["TxnDate"])
    received(world, there["Id"], "30.00")
    world.both()
    world.sql("delete from lms.payment where id = %s", told["payment"]["lms_id"])
    world.both()
    assert world.value("select count(*) from lms.invoice") == 2
    assert world.errors() == []
    assert world.prove().state == "equal"


def _received_from_an_unknown_customer(world: World) -> tuple[int, int, Json]:
    """A second lab, an account, and the account's customer in QuickBooks, unlinked, whose payment of $30 has failed."""
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    account = world.account("Harbor Dental")
    there = world.qbo.create("Customer", DisplayName="Harbor Dental, Inc.")
    received(world, there["Id"], "30.00")
    world.both()
    return second, account, there


@pytest.mark.parametrize("how", ["leaves", "only sends"])
def test_what_failed_under_the_lab_that_received_comes_to_the_one_that_does_now(world: World, how: str) -> None:
    second, account, there = _received_from_an_unknown_customer(world)
    assert [(one["error_code"], one["billing_lab_id"]) for one in world.errors()] == [
        ("customer_not_linked", world.lab)
    ]
    if how == "leaves":
        world.disconnect(world.lab)
    else:
        _receives(world, second)
        world.sql("update qbo_sync.connection set direction = 'lms_to_qbo' where billing_lab_id = %s", world.lab)
    world.both()
    _link_customer(world, account, there["Id"])
    world.both()
    assert world.sql("select amount, billing_lab_id from lms.payment") == [{"amount": 30, "billing_lab_id": second}]
    assert world.errors() == []


def test_a_retry_goes_by_the_lab_that_receives_now(world: World) -> None:
    second, account, there = _received_from_an_unknown_customer(world)
    _receives(world, second)
    world.sql("update qbo_sync.connection set direction = 'lms_to_qbo' where billing_lab_id = %s", world.lab)
    _link_customer(world, account, there["Id"])
    world.sql("delete from qbo_sync.lms_change")  # the link's retry alone is to bring it
    world.bring("payment_qbo_to_lms")
    assert [one["billing_lab_id"] for one in world.sql("select billing_lab_id from lms.payment")] == [second]


def test_a_payment_does_not_wait_for_an_invoice_that_does_not_come(world: World) -> None:
    """The lab that receives takes nothing over from QuickBooks; the one whose payment it is does."""
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    account = world.account("Lakeside Dental")
    ours = world.invoice(world.case(world.pair(account), [{"product": world.product()}], lab=second))
    payment = world.payment(account, "40.00", {ours: "40.00"}, lab=second)
    world.both()
    world.sql("update qbo_sync.connection set direction = 'lms_to_qbo' where billing_lab_id = %s", world.lab)
    theirs = in_quickbooks(world, customer_of(world, account))
    lines = [pays(world.qbo_invoice(ours), "40.00"), pays(theirs, "25.00")]
    change(world, qbo_payment(world, payment), TotalAmt=65, Line=lines)
    world.both()
    assert world.sql("select amount from lms.payment") == [{"amount": 65}]
    assert [one["error_code"] for one in world.errors()] == ["unsynced_application"]
    world.sql("update qbo_sync.connection set direction = 'both' where billing_lab_id = %s", world.lab)
    world.both()
    assert len(of_payment(world, qbo_payment(world, payment))["applied"]) == 2
    assert world.errors() == []


def _link_customer(world: World, account: int, customer: str) -> None:
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'billing_account', %s, %s)",
        world.qbo.realm,
        account,
        customer,
    )


@pytest.mark.parametrize("to", ["another company", "no company"])
@pytest.mark.parametrize("what", ["invoice", "payment", "credit"])
def test_what_moves_to_a_lab_elsewhere_before_it_was_sent_never_goes_to_the_old_company(
    world: World, what: str, to: str
) -> None:
    account = world.account("Lakeside Dental")
    pair, product = world.pair(account), world.product()
    world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    second, other = world.billing_lab("Second Lab"), make_company(world.qbo.url, "Harbor Dental")
    if to == "another company":
        world.connect(second, other)
    resource = {"invoice": "Invoice", "payment": "Payment", "credit": "CreditMemo"}[what]
    before = len(world.qbo.all(resource))
    world.sql("update qbo_sync.connection set hold_invoices = 'month_end' where billing_lab_id = %s", world.lab)
    if what == "invoice":
        record = world.invoice(world.case(pair, [{"product": product}]), on=TODAY)
        world.both()
    else:
        record = getattr(world, what)(account, "10.00")
        world.sql("select qbo_sync.dispatch_lms_changes()")
    world.sql(f"update lms.{what} set billing_lab_id = %s where id = %s", second, record)
    world.both()
    assert len(world.qbo.all(resource)) == before
    if to == "another company" and what == "invoice":
        assert len(other.all(resource)) == 1
    world.sql(f"update lms.{what} set billing_lab_id = %s where id = %s", world.lab, record)
    world.sql("update qbo_sync.connection set hold_invoices = 'none'")
    world.sync()
    assert len(world.qbo.all(resource)) == before + 1


def test_what_failed_is_tried_again_as_the_lab_that_it_has_now(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    world.sql("update qbo_sync.connection set started_at = null where billing_lab_id = %s", second)
    invoice, holder = number_taken(world)
    world.sync()
    assert [error["error_code"] for error in world.errors()] == ["qbo_6140"]
    world.sql("update lms.invoice set billing_lab_id = %s where id = %s", second, invoice)
    world.qbo.update("Invoice", fresh(world, holder), DocNumber="W-1")
    world.both()
    assert world.link("invoice", invoice) is None, "its lab is not started"
    world.disconnect(world.lab)
    world.sql("update qbo_sync.connection set started_at = now() where billing_lab_id = %s", second)
    world.both()
    assert world.qbo_invoice(invoice)
    assert world.errors() == []


def test_what_failed_on_its_way_from_quickbooks_is_tried_again_as_the_lab_that_it_has_now(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    world.sql("update qbo_sync.connection set direction = 'qbo_to_lms' where billing_lab_id = %s", second)
    account = world.account("Lakeside Dental")
    pair, product = world.pair(account), world.product()
    world.invoice(world.case(pair, [{"product": product}]))
    payment = world.payment(account, "40.00")
    world.both()
    there = world.qbo.create("Customer", DisplayName="Harbor Dental, Inc.")
    change(world, qbo_payment(world, payment), CustomerRef={"value": there["Id"]}, TotalAmt=45, Line=[])
    world.both()
    assert [one["error_code"] for one in world.errors()] == ["customer_not_linked"]
    world.sql("update lms.payment set billing_lab_id = %s where id = %s", second, payment)
    _receives(world, second)
    world.disconnect(world.lab)
    _link_customer(world, world.account("Harbor Dental"), there["Id"])
    world.both()
    assert world.sql("select amount from lms.payment") == [{"amount": 45}]
    assert world.errors() == []


def test_a_payment_does_not_wait_for_a_held_invoice_of_a_lab_that_has_left(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    account = world.account("Lakeside Dental")
    pair, product = world.pair(account), world.product()
    ours = world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    world.sql("update qbo_sync.connection set hold_invoices = 'days', hold_days = 90 where billing_lab_id = %s", second)
    held = world.invoice(world.case(pair, [{"product": product}], lab=second), on=TODAY)
    payment = world.payment(account, "150.00", {ours: "100.00", held: "50.00"})
    world.both()
    assert world.link("payment", payment) is None
    world.disconnect(second)
    world.sql("update qbo_sync.change_mark set waits_since = waits_since - interval '61 minutes'")
    world.both()
    assert qbo_payment(world, payment)["TotalAmt"] == 150
    assert world.qbo_invoice(ours)["Balance"] == 0


def _receives(world: World, lab: int) -> None:
    """This lab does from now on, and no other: one after the other, for never two may."""
    world.sql("update qbo_sync.connection set receives_qbo_transactions = false where receives_qbo_transactions")
    world.sql("update qbo_sync.connection set receives_qbo_transactions = true where billing_lab_id = %s", lab)
