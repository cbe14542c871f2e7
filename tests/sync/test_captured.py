"""What change capture has read is not asked for again, as long as it can be believed."""

from collections.abc import Callable

import pytest

from tests.support.bookkeeper import change, fresh, in_quickbooks, pays, received, remove, sale
from tests.support.both_sides import invoiced, many_invoices, of_payment, of_qbo, quiet
from tests.support.quickbooks import Json
from tests.support.world import World


def metered(world: World) -> int:
    """Calls that count against the quota, since they were last counted."""
    calls: int = world.qbo.control("GET", "stats")["metered"]
    world.qbo.control("POST", "stats/reset")
    return calls


def raises(world: World, bill: Json, amount: str) -> None:
    """The bookkeeper changes the price of an invoice with one line."""
    world.qbo.update("Invoice", fresh(world, bill), Line=[sale(amount)])


def captured(world: World) -> int:
    """How many records are kept."""
    count: int = world.value("select count(*) from qbo_sync.captured_object")
    return count


@pytest.fixture
def bill(world: World) -> Json:
    """An invoice of QuickBooks' over $80 that both sides know."""
    _, _, customer = invoiced(world)
    made = in_quickbooks(world, customer)
    world.both()
    metered(world)
    return made


def test_an_invoice_that_is_new_changed_or_deleted_costs_no_call_but_the_capture(world: World) -> None:
    _, _, customer = invoiced(world)
    bill = in_quickbooks(world, customer)
    metered(world)
    world.fetch()
    assert metered(world) == 1
    assert of_qbo(world, bill)["total_amount"] == 80
    raises(world, bill, "90.00")
    metered(world)
    world.fetch()
    assert metered(world) == 1
    assert of_qbo(world, bill)["total_amount"] == 90
    remove(world, bill)
    metered(world)
    world.fetch()
    assert metered(world) == 1
    assert world.value("select count(*) from lms.invoice where origin = 'qbo'") == 0
    quiet(world)


def test_a_payment_comes_with_the_balances_of_what_it_settles_in_the_same_call(world: World) -> None:
    account, invoice, customer = invoiced(world)
    other = world.simple_invoice(account)
    world.both()
    one, two = world.qbo_invoice(invoice), world.qbo_invoice(other)
    made = received(world, customer, "50.00", pays(one, "50.00"))
    metered(world)
    world.fetch()
    assert metered(world) == 1
    assert world.lms_invoice(invoice)["balance"] == 50
    change(world, made, TotalAmt=90, Line=[pays(one, "20.00"), pays(two, "70.00")])
    metered(world)
    world.fetch()
    assert metered(world) == 1
    assert [world.lms_invoice(id_)["balance"] for id_ in (invoice, other)] == [80, 30]
    remove(world, made, "Payment")
    metered(world)
    world.fetch()
    assert metered(world) == 1
    assert [world.lms_invoice(id_)["balance"] for id_ in (invoice, other)] == [100, 100]
    quiet(world)


def test_thirty_of_each_at_once_cost_one_call(world: World) -> None:
    invoices = many_invoices(world, 30)
    world.both()
    there = [world.qbo_invoice(invoice) for invoice in invoices]
    customer = there[0]["CustomerRef"]["value"]
    bills = [in_quickbooks(world, customer) for _ in invoices]
    payments = [received(world, customer, "60.00", pays(one, "60.00")) for one in there]
    metered(world)
    world.fetch()
    assert metered(world) == 1
    assert {of_qbo(world, one)["total_amount"] for one in bills} == {80}
    assert {of_payment(world, one)["amount"] for one in payments} == {60}
    assert {world.lms_invoice(invoice)["balance"] for invoice in invoices} == {40}
    quiet(world)


def test_the_method_of_a_new_payment_is_asked_for(world: World) -> None:
    """Change data capture gives its id only, and the methods' names are nowhere else."""
    _, invoice, customer = invoiced(world)
    method = next(one["Id"] for one in world.qbo.all("PaymentMethod") if one["Name"] == "Check")
    line = pays(world.qbo_invoice(invoice), "50.00")
    made = received(world, customer, "50.00", line, PaymentMethodRef={"value": method})
    metered(world)
    world.fetch()
    assert metered(world) == 2
    assert of_payment(world, made)["method"] == "Check"


def is_too_old(world: World, bill: Json) -> None:
    """The run comes late."""
    world.sql("update qbo_sync.captured_object set asked_at = asked_at - interval '3 minutes'")


def is_asked_for_again(world: World, bill: Json) -> None:
    """Somebody who has just mended something in QuickBooks wants to see it."""
    world.sql("select qbo_sync.mark(%s, 'qbo_to_lms', 'invoice', %s, null)", world.qbo.realm, bill["Id"])


def is_written_by_us(world: World, bill: Json) -> None:
    """Any write of ours to the company."""
    world.simple_invoice()
    world.run()


def has_lost_its_lines(world: World, bill: Json) -> None:
    """As QuickBooks once answered (trap 50)."""
    world.sql("update qbo_sync.captured_object set body = jsonb_set(body, '{Line}', '[]')")


def is_known_in_a_newer_version(world: World, bill: Json) -> None:
    """Another run was quicker."""
    world.sql("update qbo_sync.entity_link set sync_token = '2' where qbo_id = %s", bill["Id"])


@pytest.mark.parametrize(
    "happens", [is_too_old, is_asked_for_again, is_written_by_us, has_lost_its_lines, is_known_in_a_newer_version]
)
def test_what_may_have_changed_since_is_asked_for(
    world: World, bill: Json, happens: Callable[[World, Json], None]
) -> None:
    raises(world, bill, "90.00")
    world.capture()
    raises(world, bill, "95.00")
    happens(world, bill)
    world.bring()
    assert of_qbo(world, bill)["total_amount"] == 95
    world.fetch()
    quiet(world)


def test_what_is_changed_again_comes_with_the_next_capture(world: World, bill: Json) -> None:
    raises(world, bill, "90.00")
    world.capture()
    raises(world, bill, "95.00")
    world.capture()
    metered(world)
    world.bring()
    assert metered(world) == 0
    assert of_qbo(world, bill)["total_amount"] == 95
    raises(world, bill, "96.00")
    world.capture()
    remove(world, bill)
    world.bring()
    world.fetch()
    assert world.value("select count(*) from lms.invoice where origin = 'qbo'") == 0
    quiet(world)


def test_a_write_that_is_under_way_may_change_what_was_read(world: World, bill: Json) -> None:
    raises(world, bill, "90.00")
    world.capture()
    raises(world, bill, "95.00")
    world.sql("insert into qbo_sync.write_request (request_id, realm_id) values ('lost', %s)", world.qbo.realm)
    world.sql(
        "insert into qbo_sync.write_intent (request_id, position, realm_id, entity, record_id, generation, operation,"
        "  resource, payload, base) values ('lost', 0, %s, 'payment', '999', 1, 'create', 'Payment', '{}', '{}')",
        world.qbo.realm,
    )
    world.bring("invoice_qbo_to_lms")
    assert of_qbo(world, bill)["total_amount"] == 95


def test_a_payment_that_is_asked_for_is_followed_with_balances_of_the_same_moment(world: World) -> None:
    _, invoice, customer = invoiced(world)
    line = world.qbo_invoice(invoice)
    made = received(world, customer, "50.00", pays(line, "50.00"))
    world.capture()
    change(world, made, TotalAmt=60, Line=[pays(line, "60.00")])
    world.sql("select qbo_sync.mark(%s, 'qbo_to_lms', 'payment', %s, null)", world.qbo.realm, made["Id"])
    world.bring("payment_qbo_to_lms")
    assert of_payment(world, made)["applied"] == {invoice: 60}
    assert world.lms_invoice(invoice)["balance"] == 40


def test_nothing_is_kept_for_longer_than_it_is_believed(world: World, bill: Json) -> None:
    raises(world, bill, "90.00")
    world.capture(dry_run=True)
    before = captured(world)
    world.capture()
    assert captured(world) >= max(before, 1)
    is_too_old(world, bill)
    world.capture()
    assert captured(world) == 0
    raises(world, bill, "95.00")
    world.capture()
    assert captured(world) == 1
    world.sql("update qbo_sync.captured_object set asked_at = asked_at - interval '2 days'")
    assert world.prune()["captured_object"] == 1
    assert captured(world) == 0
    raises(world, bill, "96.00")
    world.capture()
    world.disconnect()
    assert captured(world) == 0


def test_a_poll_of_many_gives_what_it_was_answered_to_the_runs(world: World, bill: Json) -> None:
    raises(world, bill, "90.00")
    metered(world)
    world.poll_all(by_hand=True)
    world.bring()
    assert metered(world) == 1
    assert of_qbo(world, bill)["total_amount"] == 90
