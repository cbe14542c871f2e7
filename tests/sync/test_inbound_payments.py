"""Payments from QuickBooks to the LMS (rule 7), through the LMS's tables and QuickBooks' API."""

from datetime import date
from decimal import Decimal

import pytest

from tests.support.bookkeeper import change, fresh, in_quickbooks, pays, received, remove, sale, void
from tests.support.both_sides import invoiced, of_payment, of_qbo, quiet
from tests.support.quickbooks import Json
from tests.support.world import World


@pytest.mark.cell("payment", "qbo", "create")
@pytest.mark.rule("7.b", "7.g")
def test_a_payment_comes_with_what_it_settles(world: World) -> None:
    account, invoice, customer = invoiced(world)
    method = next(one["Id"] for one in world.qbo.all("PaymentMethod") if one["Name"] == "Check")
    bill = world.qbo_invoice(invoice)
    made = received(
        world, customer, "70.00", pays(bill, "60.00"), PaymentMethodRef={"value": method}, PaymentRefNum="1042"
    )
    world.fetch()
    row = of_payment(world, made)
    assert (row["amount"], row["method"], row["reference"], row["origin"]) == (70, "Check", None, "qbo")
    assert (row["billing_lab_id"], row["billing_account_id"], row["doctor_office_id"]) == (world.lab, account, None)
    assert row["payment_date"].isoformat() == "2026-06-22"
    assert row["applied"] == {invoice: 60}
    assert world.lms_invoice(invoice)["balance"] == 40
    quiet(world)


@pytest.mark.rule("8.3.b")
def test_a_payment_for_an_invoice_that_is_new_too_comes_after_it(world: World) -> None:
    _, _, customer = invoiced(world)
    bill = in_quickbooks(world, customer, sale("80.00"))
    made = received(world, customer, "80.00", pays(bill, "80.00"))
    world.capture()
    counts = world.steps(world.as_run("payment_qbo_to_lms"))
    assert counts["waiting"] == 1
    assert world.value("select count(*) from qbo_sync.due_mark where entity = 'payment'") == 0
    world.bring()
    row = of_qbo(world, bill)
    assert of_payment(world, made)["applied"] == {row["id"]: 80}
    assert of_qbo(world, bill)["balance"] == 0
    assert world.errors() == []


@pytest.mark.cell("payment", "qbo", "update")
def test_changed_amount_and_applications_follow(world: World) -> None:
    account, invoice, customer = invoiced(world)
    other = world.simple_invoice(account)
    world.both()
    bill, second = world.qbo_invoice(invoice), world.qbo_invoice(other)
    made = received(world, customer, "50.00", pays(bill, "50.00"))
    world.both()
    change(world, made, TotalAmt=90, Line=[pays(bill, "20.00"), pays(second, "70.00")])
    world.fetch()
    row = of_payment(world, made)
    assert (row["amount"], row["applied"]) == (90, {invoice: 20, other: 70})
    assert (world.lms_invoice(invoice)["balance"], world.lms_invoice(other)["balance"]) == (80, 30)
    quiet(world)


@pytest.mark.cell("payment", "qbo", "update")
def test_a_payment_of_the_lms_that_the_bookkeeper_changes_follows_too(world: World) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"}, method="Check", reference="77")
    world.both()
    link = world.link("payment", payment)
    assert link
    change(world, {"Id": link["qbo_id"]}, TotalAmt=60, Line=[pays(world.qbo_invoice(invoice), "60.00")])
    world.both()
    row = of_payment(world, {"Id": link["qbo_id"]})
    assert (row["id"], row["amount"], row["applied"]) == (payment, 60, {invoice: 60})
    assert (row["method"], row["reference"], row["origin"]) == ("Check", "77", "lms")
    assert world.lms_invoice(invoice)["balance"] == 40
    quiet(world)


@pytest.mark.cell("payment", "qbo", "void")
@pytest.mark.rule("7.i")
def test_a_void_is_an_update_to_nothing(world: World) -> None:
    _, invoice, customer = invoiced(world)
    made = received(world, customer, "50.00", pays(world.qbo_invoice(invoice), "50.00"))
    world.both()
    void(world, made, "Payment")
    world.both()
    row = of_payment(world, made)
    assert (row["amount"], row["applied"]) == (0, {})
    assert world.lms_invoice(invoice)["balance"] == 100
    quiet(world)


@pytest.mark.cell("payment", "qbo", "delete")
@pytest.mark.rule("7.i")
@pytest.mark.parametrize("origin", ["lms", "qbo"])
def test_deleted_in_quickbooks_goes_and_gives_the_balance_back(world: World, origin: str) -> None:
    account, invoice, customer = invoiced(world)
    if origin == "lms":
        payment = world.payment(account, "50.00", {invoice: "50.00"})
        world.both()
        made = {"Id": (world.link("payment", payment) or {})["qbo_id"]}
    else:
        made = received(world, customer, "50.00", pays(world.qbo_invoice(invoice), "50.00"))
        world.both()
    assert world.lms_invoice(invoice)["balance"] == 50
    remove(world, made, "Payment")
    world.both()
    assert world.value("select count(*) from lms.payment") == 0
    assert world.value("select count(*) from qbo_sync.entity_link where entity = 'payment'") == 0
    assert world.lms_invoice(invoice)["balance"] == 100
    assert world.errors() == []
    quiet(world)


@pytest.mark.cell("payment", "lms", "delete")
@pytest.mark.rule("7.i")
def test_a_payment_of_quickbooks_that_the_lms_deletes_goes_there(world: World) -> None:
    _, invoice, customer = invoiced(world)
    made = received(world, customer, "50.00", pays(world.qbo_invoice(invoice), "50.00"))
    world.both()
    assert [one["Id"] for one in world.qbo.all("Payment")] == [made["Id"]]
    payment = of_payment(world, made)["id"]
    world.sql("delete from lms.payment where id = %s", payment)
    world.sql("update lms.invoice set balance = 100")
    world.both()
    assert world.qbo.all("Payment") == []
    assert world.link("payment", payment) is None
    assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"] == 100
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("8.4.b", "8.4.c")
def test_of_two_updates_quickbooks_wins_and_the_other_is_kept(world: World) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    link = world.link("payment", payment)
    assert link
    change(world, {"Id": link["qbo_id"]}, TotalAmt=60, Line=[pays(world.qbo_invoice(invoice), "60.00")])
    world.sql("update lms.payment set amount = 70 where id = %s", payment)
    world.apply("payment", payment, {invoice: "70.00"})
    world.fetch()
    assert of_payment(world, {"Id": link["qbo_id"]})["applied"] == {invoice: 60}
    assert world.lms_invoice(invoice)["balance"] == 40
    [error] = world.errors()
    assert (error["error_code"], error["lms_id"], error["qbo_id"]) == ("conflict_qbo_kept", payment, link["qbo_id"])
    assert (error["detail"]["lost"], error["detail"]["lms"]["amount"]) == ("lms", 70)
    assert error["detail"]["qbo"]["amount"] == 60
    world.both()
    assert [one["error_code"] for one in world.errors()] == ["conflict_qbo_kept"]
    quiet(world)


@pytest.mark.rule("8.4.a")
def test_a_delete_in_quickbooks_wins_over_an_update_of_the_lms(world: World) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    remove(world, {"Id": (world.link("payment", payment) or {})["qbo_id"]}, "Payment")
    world.sql("update lms.payment set amount = 55 where id = %s", payment)
    world.fetch()
    assert world.value("select count(*) from lms.payment") == 0
    [error] = world.errors()
    assert (error["error_code"], error["detail"]["lms"]["amount"]) == ("conflict_deleted", 55)
    world.both()
    assert world.lms_invoice(invoice)["balance"] == 100
    quiet(world)


@pytest.mark.rule("8.4.b")
def test_changed_alike_on_both_sides_is_no_conflict(world: World) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    link = world.link("payment", payment)
    assert link
    change(world, {"Id": link["qbo_id"]}, TotalAmt=60, Line=[pays(world.qbo_invoice(invoice), "60.00")])
    world.sql("update lms.payment set amount = 60 where id = %s", payment)
    world.apply("payment", payment, {invoice: "60.00"})
    world.both()
    assert world.errors() == []
    assert of_payment(world, {"Id": link["qbo_id"]})["applied"] == {invoice: 60}
    assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"] == 40
    quiet(world)


@pytest.mark.rule("7.h")
def test_what_settles_something_else_is_left_out_and_told(world: World) -> None:
    _, invoice, customer = invoiced(world)
    bill = world.qbo_invoice(invoice)
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("30.00")])
    made = received(world, customer, "60.00", pays(bill, "90.00"), pays(memo, "30.00", "CreditMemo"))
    assert world.fetch()["created"] == 1
    row = of_payment(world, made)
    assert (row["amount"], row["applied"]) == (60, {invoice: 60}), "not more than the payment's own money"
    assert world.lms_invoice(invoice)["balance"] == 10
    [error] = world.errors()
    assert error["error_code"] == "unsynced_application"
    assert "also paid with $30.00 of a credit memo" in error["message"]
    assert "does not have" not in error["message"]
    world.qbo.update("Payment", fresh(world, made, "Payment"), CustomerRef={"value": customer}, PrivateNote="x")
    world.fetch()
    [again] = world.errors()
    assert (again["id"], again["first_seen_at"]) == (error["id"], error["first_seen_at"])
    change(world, made, Line=[pays(bill, "60.00")])
    world.both()
    assert world.errors() == []


@pytest.mark.rule("7.h")
def test_a_part_for_an_invoice_that_comes_later_heals(world: World) -> None:
    _, invoice, customer = invoiced(world)
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-01'")
    world.both()
    old = in_quickbooks(world, customer, sale("20.00"), TxnDate="2026-05-20")
    made = received(world, customer, "50.00", pays(world.qbo_invoice(invoice), "30.00"), pays(old, "20.00"))
    world.both()
    assert of_payment(world, made)["applied"] == {invoice: 30}
    [error] = world.errors()
    assert error["detail"]["invoice_ids"] == [old["Id"]]
    world.sql("update qbo_sync.connection set sync_start_date = null")
    world.both()
    assert of_payment(world, made)["applied"] == {invoice: 30, of_qbo(world, old)["id"]: 20}
    assert world.errors() == []
    quiet(world)


def test_a_credit_of_ours_in_a_payment_of_quickbooks_is_told_as_what_it_is(world: World) -> None:
    account, invoice, customer = invoiced(world)
    old = in_quickbooks(world, customer, sale("20.00"))
    credit = world.credit(account, "30.00")
    world.sql("update qbo_sync.connection set sync_invoices = false")
    world.both()
    memo = {"Id": (world.link("credit", credit) or {})["qbo_id"]}
    bill = world.qbo_invoice(invoice)
    lines = [pays(bill, "100.00"), pays(old, "20.00"), pays(memo, "30.00", "CreditMemo")]
    made = received(world, customer, "90.00", *lines)
    world.both()
    assert of_payment(world, made)["amount"] == 90
    [error] = world.errors()
    assert f"to something that Pilot does not have: $20.00 to an invoice (id {old['Id']}); and" in error["message"]
    assert f"also paid with $30.00 of a credit memo (id {memo['Id']})" in error["message"]
    assert "Apply that part" in error["resolution"] and "counted in the invoices' balances" in error["resolution"]


def test_an_ignored_left_out_part_stays_ignored(world: World) -> None:
    _, invoice, customer = invoiced(world)
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("30.00")])
    bill = world.qbo_invoice(invoice)
    made = received(world, customer, "60.00", pays(bill, "90.00"), pays(memo, "30.00", "CreditMemo"))
    world.fetch()
    world.sql("update qbo_sync.sync_error set status = 'ignored'")
    world.qbo.update("Payment", fresh(world, made, "Payment"), CustomerRef={"value": customer}, PrivateNote="x")
    world.fetch()
    assert world.errors() == []
    assert of_payment(world, made)["applied"] == {invoice: 60}
    assert world.value("select status from qbo_sync.sync_error") == "ignored"


@pytest.mark.rule("6.c")
def test_credits_that_we_applied_never_come_back(world: World) -> None:
    account, invoice, _ = invoiced(world)
    world.credit(account, "10.00", {invoice: "10.00"})
    world.both()
    assert len(world.qbo.all("Payment")) == 1
    assert world.value("select count(*) from lms.payment") == 0
    assert world.lms_invoice(invoice)["balance"] == 90
    assert world.errors() == []


@pytest.mark.rule("8.2.a")
def test_our_own_payments_are_no_change(world: World) -> None:
    account, invoice, _ = invoiced(world)
    world.payment(account, "50.00", {invoice: "50.00"})
    world.run()
    world.capture()
    assert world.value("select count(*) from qbo_sync.change_mark where entity = 'payment'") == 0
    before = world.sql("select updated_at from lms.invoice")
    world.bring()
    assert world.sql("select updated_at from lms.invoice") == before


@pytest.mark.rule("5.d")
def test_a_customer_linked_to_nothing_is_told_and_heals(world: World) -> None:
    stranger = world.qbo.create("Customer", DisplayName="Walk-in")
    made = received(world, stranger["Id"], "25.00")
    world.both()
    [error] = world.errors()
    assert (error["error_code"], error["entity"]) == ("customer_not_linked", "payment")
    account = world.account("Walk-in, Inc.")
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'billing_account', %s, %s)",
        world.qbo.realm,
        account,
        stranger["Id"],
    )
    world.both()
    assert of_payment(world, made)["billing_account_id"] == account
    assert world.errors() == []


@pytest.mark.setting("sync_payments")
def test_payments_switched_off_still_reach_the_balance_and_come_later(world: World) -> None:
    _, invoice, customer = invoiced(world)
    world.sql("update qbo_sync.connection set sync_payments = false")
    made = received(world, customer, "40.00", pays(world.qbo_invoice(invoice), "40.00"))
    world.both()
    assert (world.value("select count(*) from lms.payment"), world.lms_invoice(invoice)["balance"]) == (0, 60)
    world.sql("update qbo_sync.connection set sync_payments = true")
    world.both()
    assert of_payment(world, made)["applied"] == {invoice: 40}
    assert world.lms_invoice(invoice)["balance"] == 60


@pytest.mark.setting("sync_invoices")
def test_invoices_switched_off_do_not_hold_payments_back(world: World) -> None:
    _, invoice, customer = invoiced(world)
    world.sql("update qbo_sync.connection set sync_invoices = false")
    made = received(world, customer, "40.00", pays(world.qbo_invoice(invoice), "40.00"))
    world.both()
    assert of_payment(world, made)["applied"] == {invoice: 40}
    assert world.lms_invoice(invoice)["balance"] == 60


def test_a_twin_of_a_payment_on_its_way_out_waits_until_somebody_has_said_whether_it_is_the_same(world: World) -> None:
    account, invoice, customer = invoiced(world)
    world.payment(account, "40.00", {invoice: "40.00"})
    received(world, customer, "40.00", pays(world.qbo_invoice(invoice), "40.00"), TxnDate="2026-06-15")
    world.sql("select qbo_sync.dispatch_lms_changes()")
    world.capture()
    counts = world.steps(world.as_run("payment_qbo_to_lms"))
    assert counts["waiting"] == 1
    world.both()
    [error] = world.errors()
    assert error["error_code"] == "possible_duplicate"
    world.sql("update qbo_sync.sync_error set status = 'ignored' where id = %s", error["id"])
    world.both()
    ours, theirs = len(world.qbo.all("Payment")), world.value("select count(*) from lms.payment")
    assert ours == theirs == world.value("select count(*) from qbo_sync.entity_link where entity = 'payment'")


def test_what_changed_while_it_was_older_than_the_start_date_comes_when_the_date_moves(world: World) -> None:
    """Linked before, changed in QuickBooks meanwhile: left alone as it is, balance too, and not lost."""
    account = world.account()
    invoice = world.simple_invoice(account)
    payment = world.payment(account, "60.00", {invoice: "60.00"})
    world.both()
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-30'")
    world.both()
    there = world.qbo.all("Payment")[0]
    world.qbo.update("Payment", there, CustomerRef=there["CustomerRef"], TotalAmt=Decimal(40), Line=[])
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("140.00")])
    world.both()
    row = world.lms_invoice(invoice)
    assert (row["total_amount"], row["balance"]) == (100, 40)
    assert world.value("select amount from lms.payment where id = %s", payment) == 60
    world.sql("update qbo_sync.connection set sync_start_date = null")
    world.both()
    row = world.lms_invoice(invoice)
    assert (row["total_amount"], row["balance"]) == (140, 140)
    assert world.value("select amount from lms.payment where id = %s", payment) == 40
    assert world.errors() == []


def settled_before_the_start(world: World) -> tuple[int, int, Json]:
    """An invoice before the start date, one after it, and the QuickBooks payment that settles the first in the LMS."""
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-10'")
    account = world.account()
    old, new = world.simple_invoice(account), world.simple_invoice(account, on=date(2026, 6, 12))
    world.payment(account, "100.00", {old: "100.00"})
    world.both()
    [made] = world.qbo.all("Payment")
    assert made["UnappliedAmt"] == 100
    return old, new, made


@pytest.mark.parametrize(("elsewhere", "stays"), [("100.00", 0), ("40.00", 60)])
def test_what_quickbooks_applies_elsewhere_is_taken_off_invoices_that_do_not_sync(
    world: World, elsewhere: str, stays: int
) -> None:
    old, new, made = settled_before_the_start(world)
    change(world, made, TotalAmt=100, Line=[pays(world.qbo_invoice(new), elsewhere)])
    world.both()
    applied = of_payment(world, made)["applied"]
    assert applied == {new: Decimal(elsewhere), **({old: stays} if stays else {})}
    assert [world.lms_invoice(one)["balance"] for one in (old, new)] == [100 - stays, 100 - Decimal(elsewhere)]
    [error] = world.errors()
    assert error["error_code"] == "conflict_qbo_kept" and f"${elsewhere} was taken off" in error["message"]
    assert error["detail"]["lms"]["applications"] == [{"invoice": ["invoice", str(old)], "amount": 100}]
    quiet(world)
    assert of_payment(world, made)["applied"] == applied


def test_a_payment_deleted_in_quickbooks_gives_back_invoices_that_do_not_sync(world: World) -> None:
    old, _, made = settled_before_the_start(world)
    remove(world, made, "Payment")
    world.both()
    assert world.lms_invoice(old)["balance"] == 100


def test_invoices_and_payments_in_another_currency_do_not_come_as_dollars(world: World) -> None:
    currencies = {"MultiCurrencyEnabled": True}
    world.qbo.control("POST", f"companies/{world.qbo.realm}/preferences", {"CurrencyPrefs": currencies})
    account = world.account("Toronto Dental")
    customer = world.qbo.create("Customer", DisplayName="Toronto Dental Ltd.", CurrencyRef={"value": "CAD"})["Id"]
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'billing_account', %s, %s)",
        world.qbo.realm,
        account,
        customer,
    )
    made = in_quickbooks(world, customer, DocNumber="C1")
    received(world, customer, "80.00", pays(made, "80.00"))
    world.both()
    assert world.sql("select id from lms.invoice union all select id from lms.payment") == []
    assert [(error["entity"], error["error_code"]) for error in world.errors()] == [
        ("invoice", "foreign_currency"),
        ("payment", "foreign_currency"),
    ]
    assert "Invoice C1 is in CAD in QuickBooks. Pilot works only with amounts in USD," in world.errors()[0]["message"]


def test_an_invoice_that_was_deleted_here_and_stays_in_quickbooks_stops_no_change_of_its_payment(world: World) -> None:
    """Nothing deletes it there, for it is dated before a start date that was chosen later."""
    account, kept, _ = invoiced(world)
    gone = world.simple_invoice(account)
    payment = world.payment(account, "100.00", {kept: "60.00", gone: "40.00"})
    world.both()
    bill, left = world.qbo_invoice(kept), world.qbo_invoice(gone)
    [paid] = world.qbo.all("Payment")
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-14'")
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", gone)
    world.both()
    change(world, paid, TotalAmt=110, Line=[pays(bill, "70.00"), pays(left, "40.00")])
    world.both()
    row = world.sql("select * from lms.payment where id = %s", payment)[0]
    applied = world.sql("select invoice_id, amount from lms.payment_application where payment_id = %s", payment)
    assert (row["amount"], applied) == (110, [{"invoice_id": kept, "amount": 70}])
    assert world.value("select count(*) from qbo_sync.change_mark where entity = 'payment'") == 0
    quiet(world)


@pytest.mark.parametrize("entered_in", ["lms", "qbo"])
def test_an_invoice_and_its_payment_that_are_both_deleted_in_quickbooks_go_without_a_conflict(
    world: World, entered_in: str
) -> None:
    account, invoice, customer = invoiced(world)
    if entered_in == "lms":
        world.payment(account, "60.00", {invoice: "60.00"})
    else:
        received(world, customer, "60.00", pays(world.qbo_invoice(invoice), "60.00"))
    world.both()
    [paid], bill = world.qbo.all("Payment"), world.qbo_invoice(invoice)
    remove(world, paid, "Payment")
    remove(world, bill)
    world.both()
    assert world.errors() == []
    assert world.sql("select id from lms.payment union select id from lms.invoice") == []
    quiet(world)
