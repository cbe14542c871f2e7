"""The settings of a connection decide what flows; what a switch held back comes when it is switched on again."""

from typing import Any

import pytest

from tests.support.bookkeeper import change, discount, in_quickbooks, pays, received, remove, sale, void
from tests.support.both_sides import applied, customer_of, invoiced, memo_of, of_payment, of_qbo, qbo_payment, quiet
from tests.support.world import World


def settings(world: World, **columns: Any) -> None:
    for column, value in columns.items():
        world.sql(f"update qbo_sync.connection set {column} = %s where billing_lab_id = %s", value, world.lab)


def two_invoices(world: World) -> tuple[int, list[int], list[int]]:
    """An account with two cases and their invoices, all on both sides: account, cases, invoices."""
    account, product = world.account(), world.product()
    pair = world.pair(account)
    cases = [world.case(pair, [{"product": product}]) for _ in range(2)]
    invoices = [world.invoice(case) for case in cases]
    world.both()
    return account, cases, invoices


# ---------------------------------------------------------------------------------- direction


@pytest.mark.setting("direction")
def test_nothing_goes_to_quickbooks_against_the_direction_and_all_of_it_comes_later(world: World) -> None:
    account, cases, invoices = two_invoices(world)
    payment = world.payment(account, "50.00", {invoices[1]: "50.00"})
    gone = world.payment(account, "5.00")
    credit = world.credit(account, "20.00", {invoices[1]: "20.00"})
    world.both()
    settings(world, direction="qbo_to_lms")
    world.sql("select lms.uninvoice_case(%s)", cases[0])
    world.sql("update lms.payment set amount = 60 where id = %s", payment)
    world.sql("delete from lms.payment where id = %s", gone)
    world.sql("update lms.credit set amount = 30 where id = %s", credit)
    added = world.simple_invoice(account), world.payment(account, "7.00"), world.credit(account, "8.00")
    world.qbo.control("POST", "stats/reset")
    world.both()
    assert world.qbo.writes() == 0
    assert world.errors() == []
    settings(world, direction="both")
    world.both()
    assert {one["Id"] for one in world.qbo.all("Invoice")} == {
        world.qbo_invoice(one)["Id"] for one in (invoices[1], added[0])
    }
    assert (qbo_payment(world, payment)["TotalAmt"], qbo_payment(world, added[1])["TotalAmt"]) == (60, 7)
    assert world.link("payment", gone) is None
    assert (memo_of(world, credit)["TotalAmt"], memo_of(world, added[2])["TotalAmt"]) == (30, 8)
    assert world.errors() == []
    quiet(world)


@pytest.mark.setting("direction")
def test_nothing_comes_from_quickbooks_against_the_direction_and_all_of_it_comes_later(world: World) -> None:
    account, _, invoices = two_invoices(world)
    payment = world.payment(account, "50.00", {invoices[1]: "50.00"})
    gone = world.payment(account, "5.00")
    world.both()
    settings(world, direction="lms_to_qbo")
    customer = customer_of(world, account)
    remove(world, world.qbo_invoice(invoices[0]))
    world.qbo.update("Invoice", world.qbo_invoice(invoices[1]), Line=[sale("120.00")])
    change(world, qbo_payment(world, payment), TotalAmt=55, Line=[pays(world.qbo_invoice(invoices[1]), "55.00")])
    remove(world, qbo_payment(world, gone), "Payment")
    new, paid = in_quickbooks(world, customer), received(world, customer, "7.00")
    before = [world.sql(f"select * from lms.{table} order by id") for table in ("invoice", "payment", "lab_case")]
    world.both()
    after = [world.sql(f"select * from lms.{table} order by id") for table in ("invoice", "payment", "lab_case")]
    assert after == before
    assert world.errors() == []
    settings(world, direction="both")
    world.both()
    assert world.link("invoice", invoices[0]) is None
    assert world.lms_invoice(invoices[1])["balance"] == 65
    assert of_payment(world, qbo_payment(world, payment))["amount"] == 55
    assert {row["id"] for row in world.sql("select id from lms.payment")} == {
        payment,
        of_payment(world, paid)["id"],
    }
    assert of_qbo(world, new)["total_amount"] == 80
    assert world.errors() == []
    quiet(world)


@pytest.mark.setting("direction")
@pytest.mark.parametrize("how", ["void", "delete"])
def test_a_payment_that_goes_away_in_quickbooks_comes_back_to_nobody_against_the_direction(
    world: World, how: str
) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    settings(world, direction="lms_to_qbo")
    made = qbo_payment(world, payment)
    if how == "delete":
        remove(world, made, "Payment")
    else:
        body = {"Id": made["Id"], "SyncToken": made["SyncToken"], "sparse": True}
        world.qbo.call("payment", body, operation="update", include="void")
    world.both()
    assert world.sql("select amount from lms.payment") == [{"amount": 50}]
    assert world.errors() == []


# ---------------------------------------------------------------------------------- switches of the entities


@pytest.mark.setting("sync_credits")
def test_credits_switched_off_stay_where_they_are_and_catch_up(world: World) -> None:
    account, invoice, _ = invoiced(world)
    kept, gone = world.credit(account, "20.00", {invoice: "20.00"}), world.credit(account, "5.00")
    world.both()
    settings(world, sync_credits=False)
    new = world.credit(account, "8.00", {invoice: "8.00"})
    world.sql("update lms.credit set amount = 30 where id = %s", kept)
    world.sql("delete from lms.credit where id = %s", gone)
    world.qbo.control("POST", "stats/reset")
    world.both()
    assert world.qbo.writes() == 0
    assert world.errors() == []
    settings(world, sync_credits=True)
    world.both()
    assert (memo_of(world, kept)["TotalAmt"], memo_of(world, new)["RemainingCredit"]) == (30, 0)
    assert world.link("credit", gone) is None
    assert world.qbo_invoice(invoice)["Balance"] == 72
    assert world.errors() == []
    quiet(world)


@pytest.mark.setting("sync_invoices")
def test_invoices_switched_off_keep_what_is_uninvoiced_or_deleted_meanwhile_for_later(world: World) -> None:
    _, cases, invoices = two_invoices(world)
    settings(world, sync_invoices=False)
    world.sql("select lms.uninvoice_case(%s)", cases[0])
    remove(world, world.qbo_invoice(invoices[1]))
    world.both()
    assert len(world.qbo.all("Invoice")) == 1
    assert [row["id"] for row in world.sql("select id from lms.invoice")] == [invoices[1]]
    assert world.errors() == []
    settings(world, sync_invoices=True)
    world.both()
    assert (world.qbo.all("Invoice"), world.sql("select id from lms.invoice")) == ([], [])
    assert world.errors() == []
    quiet(world)


@pytest.mark.setting("sync_payments")
def test_payments_switched_off_keep_what_changed_on_both_sides_for_later(world: World) -> None:
    account, invoice, _ = invoiced(world)
    here, there = world.payment(account, "10.00", {invoice: "10.00"}), world.payment(account, "20.00")
    world.both()
    settings(world, sync_payments=False)
    world.sql("update lms.payment set amount = 11 where id = %s", here)
    change(world, qbo_payment(world, there), TotalAmt=21, Line=[])
    world.both()
    assert [row["amount"] for row in world.sql("select amount from lms.payment order by id")] == [11, 20]
    assert qbo_payment(world, here)["TotalAmt"] == 10
    settings(world, sync_payments=True)
    world.both()
    assert [row["amount"] for row in world.sql("select amount from lms.payment order by id")] == [11, 21]
    assert (qbo_payment(world, here)["TotalAmt"], qbo_payment(world, there)["TotalAmt"]) == (11, 21)
    assert world.errors() == []
    quiet(world)


# ---------------------------------------------------------------------------------- accounts


@pytest.mark.setting("receivable_account_id")
@pytest.mark.rule("4.d")
def test_the_receivable_account_is_named_on_invoices(world: World) -> None:
    account = world.qbo.create("Account", Name="Receivables of the lab", AccountType="Accounts Receivable")
    settings(world, receivable_account_id=account["Id"])
    invoice = world.simple_invoice()
    world.sync()
    assert world.qbo_invoice(invoice)["ARAccountRef"]["value"] == account["Id"]


@pytest.mark.setting("discount_account_id")
def test_the_discount_account_is_named_on_the_discount(world: World) -> None:
    account = world.qbo.create(
        "Account", Name="Given away", AccountType="Income", AccountSubType="DiscountsRefundsGiven"
    )
    settings(world, discount_account_id=account["Id"])
    case = world.case(world.pair(world.account()), [{"product": world.product(), "discount": "5.00"}])
    invoice = world.invoice(case)
    world.sync()
    [line] = [one for one in world.qbo_invoice(invoice)["Line"] if one["DetailType"] == "DiscountLineDetail"]
    assert line["DiscountLineDetail"]["DiscountAccountRef"]["value"] == account["Id"]


@pytest.mark.setting("income_account_id")
def test_without_accounts_of_their_own_tax_and_credits_earn_into_the_income_account(world: World) -> None:
    settings(world, tax_account_id=None, credit_account_id=None)
    account = world.account()
    world.simple_invoice(account, tax="1.00")
    world.credit(account, "1.00")
    world.sync()
    income = world.value("select income_account_id from qbo_sync.connection")
    items = {item["Name"]: item for item in world.qbo.all("Item")}
    assert {items[name]["IncomeAccountRef"]["value"] for name in ("Tax", "Lab Credit")} == {income}


@pytest.mark.setting("deposit_account_id")
def test_payments_go_into_the_deposit_account(world: World) -> None:
    bank = world.qbo.create("Account", Name="Savings of the lab", AccountType="Bank")
    settings(world, deposit_account_id=bank["Id"])
    account = world.account()
    world.simple_invoice(account)
    payment = world.payment(account, "10.00")
    world.sync()
    assert qbo_payment(world, payment)["DepositToAccountRef"]["value"] == bank["Id"]


# ---------------------------------------------------------------------------------- start date


@pytest.mark.setting("sync_start_date")
def test_payments_and_credits_dated_before_the_start_stay_in_the_lms_until_it_moves(world: World) -> None:
    account = world.account()
    settings(world, sync_start_date="2026-06-16")
    invoice = world.simple_invoice(account, on=None)
    payment, credit = world.payment(account, "10.00"), world.credit(account, "20.00")
    world.both()
    assert [world.qbo.all(kind) for kind in ("Invoice", "Payment", "CreditMemo")] == [[], [], []]
    assert world.errors() == []
    settings(world, sync_start_date="2026-06-01")
    world.both()
    assert world.qbo_invoice(invoice)
    assert (qbo_payment(world, payment)["TotalAmt"], memo_of(world, credit)["TotalAmt"]) == (10, 20)


@pytest.mark.setting("sync_start_date")
def test_payments_of_quickbooks_dated_before_the_start_stay_there_until_it_moves(world: World) -> None:
    _, _, customer = invoiced(world)
    settings(world, sync_start_date="2026-06-23")
    made = received(world, customer, "10.00")
    world.both()
    assert world.value("select count(*) from lms.payment") == 0
    assert world.errors() == []
    settings(world, sync_start_date="2026-06-22")
    world.both()
    assert of_payment(world, made)["amount"] == 10


@pytest.mark.setting("sync_start_date")
def test_what_is_linked_and_older_than_the_start_date_is_left_alone_both_ways(world: World) -> None:
    account, cases, invoices = two_invoices(world)
    here, there = world.payment(account, "10.00"), world.payment(account, "20.00")
    credit = world.credit(account, "5.00")
    world.both()
    settings(world, sync_start_date="2026-07-01")
    world.sql("select lms.uninvoice_case(%s)", cases[0])
    world.sql("update lms.payment set amount = 11 where id = %s", here)
    world.sql("update lms.credit set amount = 6 where id = %s", credit)
    world.qbo.update("Invoice", world.qbo_invoice(invoices[1]), Line=[sale("120.00"), discount("1.00")])
    change(world, qbo_payment(world, there), TotalAmt=21, Line=[])
    world.qbo.control("POST", "stats/reset")
    world.both()
    assert world.qbo.writes() == 0
    assert len(world.qbo.all("Invoice")) == 2
    assert world.lms_invoice(invoices[1])["total_amount"] == 100
    assert world.value("select amount from lms.payment where id = %s", there) == 20
    assert world.errors() == []
    settings(world, sync_start_date=None)
    world.both()
    assert [one["TotalAmt"] for one in world.qbo.all("Invoice")] == [119]
    assert world.lms_invoice(invoices[1])["total_amount"] == 119
    assert (qbo_payment(world, here)["TotalAmt"], memo_of(world, credit)["TotalAmt"]) == (11, 6)
    assert world.value("select amount from lms.payment where id = %s", there) == 21
    assert world.errors() == []
    quiet(world)


@pytest.mark.setting("sync_start_date")
def test_a_void_of_an_invoice_older_than_the_start_date_is_left_alone(world: World) -> None:
    _, _, invoices = two_invoices(world)
    settings(world, sync_start_date="2026-07-01")
    void(world, world.qbo_invoice(invoices[0]))
    world.both()
    assert world.lms_invoice(invoices[0])["total_amount"] == 100
    assert world.errors() == []


@pytest.mark.setting("each_lab_its_own")
def test_one_lab_s_switches_are_nothing_to_the_other_lab_of_the_company(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    settings(world, sync_payments=False, direction="lms_to_qbo")
    account, product = world.account(), world.product()
    pair = world.pair(account)
    mine = world.invoice(world.case(pair, [{"product": product}]))
    theirs = world.invoice(world.case(pair, [{"product": product}], lab=second))
    payments = [world.payment(account, "10.00", {mine: "10.00"})]
    payments.append(world.payment(account, "20.00", {theirs: "20.00"}, lab=second))
    world.both()
    assert world.link("payment", payments[0]) is None
    assert applied(qbo_payment(world, payments[1])) == {world.qbo_invoice(theirs)["Id"]: 20}
    for invoice in (mine, theirs):
        world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("150.00")])
    world.both()
    assert [world.lms_invoice(one)["total_amount"] for one in (mine, theirs)] == [100, 150]
    assert world.errors() == []


@pytest.mark.parametrize("table", ["payment", "credit"])
def test_what_settles_another_lab_s_invoice_follows_when_that_lab_is_switched_on(world: World, table: str) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    world.sql("update qbo_sync.connection set sync_invoices = false where billing_lab_id = %s", second)
    account = world.account()
    ours = world.simple_invoice(account)
    theirs = world.invoice(world.case(world.pair(account), [{"product": world.product()}], lab=second))
    getattr(world, table)(account, "150.00", {ours: "50.00", theirs: "100.00"})
    world.both()
    assert (world.link("invoice", theirs), world.qbo_invoice(ours)["Balance"]) == (None, 50)
    world.sql("update qbo_sync.connection set sync_invoices = true where billing_lab_id = %s", second)
    world.both()
    assert [world.qbo_invoice(one)["Balance"] for one in (ours, theirs)] == [50, 0]
    assert [world.lms_invoice(one)["balance"] for one in (ours, theirs)] == [50, 0]
    assert world.errors() == []
    quiet(world)


def test_a_direction_that_changes_while_a_change_is_in_hand_loses_nothing(world: World) -> None:
    invoice = world.simple_invoice()
    world.both()
    theirs = world.qbo_invoice(invoice)
    world.qbo.update("Invoice", theirs, Line=[sale("80.00")])
    world.capture()
    run = world.as_run("invoice_qbo_to_lms")
    world.step("extract", run)
    world.sql("update qbo_sync.connection set direction = 'lms_to_qbo' where billing_lab_id = %s", world.lab)
    world.step("transform", run)
    world.step("validate", run)
    assert world.load(run)["waiting"] == 1
    assert world.lms_invoice(invoice)["total_amount"] == 100
    world.sql("update qbo_sync.connection set direction = 'both' where billing_lab_id = %s", world.lab)
    world.bring()
    assert world.lms_invoice(invoice)["total_amount"] == 80
