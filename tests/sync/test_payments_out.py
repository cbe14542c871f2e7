"""Payments from the LMS to QuickBooks (rule 7)."""

import pytest

from tests.support.both_sides import applied, qbo_payment
from tests.support.world import World


@pytest.fixture
def invoiced(world: World) -> tuple[World, int, list[int]]:
    """An account with two synced invoices of $100."""
    account = world.account("Lakeside Dental")
    invoices = [world.simple_invoice(account) for _ in range(2)]
    world.sync()
    return world, account, invoices


@pytest.mark.cell("payment", "lms", "create")
@pytest.mark.rule("7.a", "7.b", "7.c")
@pytest.mark.trap(15)
def test_a_payment_settles_its_invoices(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    payment = world.payment(
        account, "150.00", {invoices[0]: "100.00", invoices[1]: "30.00"}, method="check", reference="77"
    )
    world.sync()
    made = qbo_payment(world, payment)
    ids = [world.qbo_invoice(invoice)["Id"] for invoice in invoices]
    assert (made["TotalAmt"], made["UnappliedAmt"], made["TxnDate"]) == (150, 20, "2026-06-15")
    assert applied(made) == {ids[0]: 100, ids[1]: 30}
    assert made["DepositToAccountRef"]["value"] == world.value("select deposit_account_id from qbo_sync.connection")
    assert made["PaymentMethodRef"]["value"] in {
        m["Id"] for m in world.qbo.all("PaymentMethod") if m["Name"] == "Check"
    }
    assert "PaymentRefNum" not in made, "the reference does not sync"
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in invoices] == [0, 70]
    assert world.errors() == []


@pytest.mark.cell("payment", "lms", "update")
@pytest.mark.trap(14)
def test_amount_and_applications_follow(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    payment = world.payment(account, "100.00", {invoices[0]: "100.00"})
    world.sync()
    world.sql("update lms.payment set amount = 60 where id = %s", payment)
    world.apply("payment", payment, {invoices[1]: "60.00"})
    assert world.sync()["updated"] == 1
    assert qbo_payment(world, payment)["TotalAmt"] == 60
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in invoices] == [100, 40]


@pytest.mark.cell("payment", "lms", "delete")
def test_a_deleted_payment_goes_and_the_invoice_is_open_again(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    payment = world.payment(account, "100.00", {invoices[0]: "100.00"})
    world.sync()
    world.sql("delete from lms.payment where id = %s", payment)
    assert world.sync()["deleted"] == 1
    assert world.qbo.all("Payment") == []
    assert world.qbo_invoice(invoices[0])["Balance"] == 100


@pytest.mark.rule("8.3.b", "8.5.a")
def test_a_payment_waits_for_its_invoice(world: World) -> None:
    account = world.account("Bad: Name")
    invoice = world.simple_invoice(account)
    world.payment(account, "100.00", {invoice: "100.00"})
    world.sync()
    assert world.qbo.all("Payment") == []
    assert [error["entity"] for error in world.errors()] == ["billing_account"]
    world.sql("update lms.billing_account set name = 'Good Name' where id = %s", account)
    world.sync()
    assert len(world.qbo.all("Payment")) == 1
    assert world.errors() == []


@pytest.mark.rule("4.j", "8.5.b")
def test_uninvoicing_a_paid_case_unlinks_the_payment_and_deletes_the_invoice(world: World) -> None:
    account = world.account()
    case = world.case(world.pair(account), [{"product": world.product()}])
    invoice = world.invoice(case)
    payment = world.payment(account, "100.00", {invoice: "100.00"})
    world.sync()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.sync()
    assert world.qbo.all("Invoice") == []
    assert (qbo_payment(world, payment)["UnappliedAmt"], qbo_payment(world, payment)["Line"]) == (100, [])
    assert world.errors() == []


@pytest.mark.trap(13)
def test_what_the_bookkeeper_linked_beside_ours_stays(invoiced: tuple[World, int, list[int]]) -> None:
    """All-or-none lines: an update of ours must send the bookkeeper's lines again."""
    world, account, invoices = invoiced
    payment = world.payment(account, "150.00", {invoices[0]: "100.00"})
    world.sync()
    made = qbo_payment(world, payment)
    stranger = world.qbo.create(
        "Invoice",
        CustomerRef=made["CustomerRef"],
        DocNumber="X-1",
        Line=[{"Amount": 40, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1}}],
    )
    made = qbo_payment(world, payment)
    line = {"Amount": 40, "LinkedTxn": [{"TxnId": stranger["Id"], "TxnType": "Invoice"}]}
    lines = [{"Amount": x["Amount"], "LinkedTxn": x["LinkedTxn"]} for x in made["Line"]]
    world.qbo.update("Payment", made, CustomerRef=made["CustomerRef"], TotalAmt=150, Line=[*lines, line])
    world.sql("update lms.payment set amount = 160 where id = %s", payment)
    world.sync()
    assert applied(qbo_payment(world, payment))[stranger["Id"]] == 40
    assert qbo_payment(world, payment)["TotalAmt"] == 160


@pytest.mark.rule("7.f")
@pytest.mark.trap(18)
def test_a_deposited_payment_that_changes_is_told(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    payment = world.payment(account, "100.00", {invoices[0]: "100.00"})
    world.sync()
    made = qbo_payment(world, payment)
    bank = next(a for a in world.qbo.all("Account") if a["AccountType"] == "Bank")
    linked = [{"TxnId": made["Id"], "TxnType": "Payment", "TxnLineId": "0"}]
    world.qbo.create("Deposit", DepositToAccountRef={"value": bank["Id"]}, Line=[{"Amount": 100, "LinkedTxn": linked}])
    world.sql("update lms.payment set amount = 110 where id = %s", payment)
    world.sync()
    [error] = world.errors()
    assert error["error_code"] == "qbo_6540"
    assert "The payment of $110.00 dated 06/15/2026 is part of a bank deposit" in error["message"]
    assert qbo_payment(world, payment)["TotalAmt"] == 100


def test_over_applied_in_the_lms_is_told_before_sending(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    payment = world.payment(account, "50.00", {invoices[0]: "60.00"})
    world.qbo.control("POST", "stats/reset")
    world.sync()
    [error] = world.errors()
    assert (error["error_code"], error["lms_id"]) == ("validation_failed", payment)
    assert "applied to invoices for $60.00, which is more than the payment itself" in error["message"]
    assert world.qbo.writes() == 0, "nothing was sent"
    assert (world.qbo.all("Payment"), world.link("payment", payment)) == ([], None)
    world.apply("payment", payment, {invoices[0]: "50.00"})
    world.sync()
    assert world.errors() == []
    assert qbo_payment(world, payment)["UnappliedAmt"] == 0


@pytest.mark.rule("7.e")
@pytest.mark.trap(54)
def test_a_link_that_quickbooks_refuses_names_the_invoice(world: World) -> None:
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"cross_customer_payment": "exact"})
    account = world.account("Group Practice", "detailed")
    invoice = world.simple_invoice(pair=world.pair(account, "Dr. Sub"))
    world.payment(account, "100.00", {invoice: "100.00"})
    world.sync()
    [error] = world.errors()
    number = world.lms_invoice(invoice)["invoice_number"]
    assert error["error_code"] == "qbo_620"
    assert f"invoice {number} is for" in error["message"]
    assert "Dr. Sub" in error["message"]
    assert world.qbo.all("Payment") == []


@pytest.mark.setting("sync_payments")
def test_payments_switched_off_stay_where_they_are_and_catch_up(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    world.sql("update qbo_sync.connection set sync_payments = false")
    world.payment(account, "100.00", {invoices[0]: "100.00"})
    world.sync()
    assert world.qbo.all("Payment") == []
    world.sql("update qbo_sync.connection set sync_payments = true")
    world.sync()
    assert len(world.qbo.all("Payment")) == 1


def test_a_second_run_writes_nothing(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    world.payment(account, "100.00", {invoices[0]: "60.00"})
    world.credit(account, "20.00", {invoices[1]: "20.00"})
    world.sync()
    world.qbo.control("POST", "stats/reset")
    world.resync()
    assert world.qbo.writes() == 0
    assert world.errors() == []


@pytest.mark.parametrize("taker", ["new", "older", "younger"])
def test_one_payment_leaves_an_invoice_and_another_comes(world: World, taker: str) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    older = world.payment(account, "100.00", {invoice: "100.00"} if taker != "older" else {})
    younger = world.payment(account, "100.00", {invoice: "100.00"} if taker == "older" else {})
    world.both()
    world.apply("payment", younger if taker == "older" else older, {})
    if taker == "new":
        world.payment(account, "100.00", {invoice: "100.00"})
    else:
        world.apply("payment", older if taker == "older" else younger, {invoice: "100.00"})
    world.both()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"] == 0


@pytest.mark.parametrize("table", ["payment", "credit"])
def test_two_that_swap_their_invoices_do_not_wait_for_each_other(world: World, table: str) -> None:
    account = world.account()
    one, two = world.simple_invoice(account), world.simple_invoice(account)
    first = world.payment(account, "100.00", {one: "100.00"})
    second = getattr(world, table)(account, "80.00", {two: "80.00"})
    world.both()
    world.apply("payment", first, {})
    world.apply(table, second, {one: "80.00"})
    world.apply("payment", first, {two: "100.00"})
    world.both()
    # A credit and a payment are moved by two DAGs: the one that came too early is tried again after a minute.
    world.sql("update qbo_sync.sync_error set retry_at = now() where status = 'open' and error_code = 'qbo_6000'")
    world.both()
    assert world.errors() == []
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in (one, two)] == [20, 0]
    assert [world.lms_invoice(invoice)["balance"] for invoice in (one, two)] == [20, 0]


def test_money_that_finds_room_goes_from_one_invoice_to_another_in_one_write(world: World) -> None:
    account = world.account()
    one, two = world.simple_invoice(account), world.simple_invoice(account)
    payment = world.payment(account, "100.00", {one: "100.00"})
    world.both()
    world.qbo.control("POST", "stats/reset")
    world.apply("payment", payment, {two: "100.00"})
    world.both()
    assert world.qbo.writes() == 1
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in (one, two)] == [100, 0]


def test_an_invoice_of_it_that_was_deleted_in_quickbooks_is_named(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    gone = world.qbo_invoice(invoices[0])
    world.qbo.call("invoice", {"Id": gone["Id"], "SyncToken": gone["SyncToken"]}, operation="delete")
    world.payment(account, "100.00", {invoices[0]: "70.00", invoices[1]: "30.00"})
    world.sync()
    [error] = world.errors()
    assert (error["entity"], error["error_code"]) == ("payment", "applied_to_deleted")
    assert error["message"] == (
        "The payment of $100.00 dated 06/15/2026 cannot be applied in QuickBooks: the invoice to which $70.00 of it is"
        " applied was deleted there."
    )
    assert [one["TxnId"] for one in error["detail"]["deleted"]] == [gone["Id"]]
    assert world.qbo.all("Payment") == []
    assert world.qbo_invoice(invoices[1])["Balance"] == 100


@pytest.mark.parametrize("table", ["payment", "credit"])
def test_what_gives_up_first_and_is_refused_is_not_tried_without_a_pause(world: World, table: str) -> None:
    account = world.account()
    one, two = world.simple_invoice(account), world.simple_invoice(account)
    world.payment(account, "100.00", {two: "100.00"})
    mover = getattr(world, table)(account, "80.00", {one: "80.00"})
    world.both()
    world.apply(table, mover, {two: "80.00"})
    operation = "update" if table == "payment" else "delete"
    fault = {"kind": "fault", "entity": "Payment", "operation": operation, "code": "6540", "status": 400}
    world.qbo.control("POST", "faults", {**fault, "realm": world.qbo.realm})
    world.sync()
    [error] = world.errors()
    assert (error["error_code"], error["attempts"]) == ("qbo_6540", 1)
    assert world.value("select count(*) from qbo_sync.change_mark where direction = 'lms_to_qbo'") == 0
