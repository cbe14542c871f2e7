"""Labs leave a QuickBooks company, come back, or go on in another one."""

from dataclasses import replace

from tests.support.bookkeeper import in_quickbooks, received
from tests.support.both_sides import customer_of
from tests.support.quickbooks import make_company
from tests.support.world import World


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
