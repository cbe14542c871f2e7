"""Labs that share a QuickBooks company leave it, and come back."""

from tests.support.bookkeeper import in_quickbooks, received
from tests.support.both_sides import customer_of
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
