"""Whoever follows an error's advice sees it gone after the next check of QuickBooks (rule 8.3): one story, or more, for
each error code.

A story makes the error, yields, and does what the error's resolution says. No time passes in between, or the five
minutes to the next check, but never the hour after which everything is tried again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import pytest

from include.model.settings import MassDeleteLimit
from include.sync.plan.error_codes import ENTRIES
from tests.support.bookkeeper import change, fresh, in_quickbooks, pays, received, remove, sale
from tests.support.both_sides import customer_of, invoiced, linked_account, memo_of, of_qbo, qbo_payment, quiet
from tests.support.quickbooks import Json
from tests.support.world import World

Story = Callable[[World], Iterator[None]]

STORIES: dict[str, list[Story]] = defaultdict(list)

#: No capture shows when these are over: one of them is tried after some minutes. All others are tried at once.
ONLY_TRYING_TELLS = {
    *("qbo_6190", "qbo_5020", "qbo_5030", "qbo_6200", "qbo_6430", "qbo_610", "qbo_2500", "qbo_…", "http_…"),
    "refused_by_lms",
}

#: A person reads and ignores these; nothing is left to mend.
CLOSED_BY_A_PERSON = {"conflict_deleted", "conflict_qbo_kept"}


def mends(code: str) -> Callable[[Story], Story]:
    """The story makes and mends an error of this code."""

    def register(story: Story) -> Story:
        STORIES[code].append(story)
        return story

    return register


def codes(world: World) -> list[str]:
    return sorted(error["error_code"] for error in world.errors())


def is_of(error_code: str, code: str) -> bool:
    """`qbo_…` and `http_…` stand for all others of their kind."""
    return error_code == code or (code.endswith("…") and error_code.startswith(code[:-1]))


# ------------------------------------------------------------------ names, numbers and customers


@mends("validation_failed")
def a_name_is_corrected_in_pilot(world: World) -> Iterator[None]:
    account = world.account("Lakeside: Dental")
    world.simple_invoice(account)
    yield
    world.sql("update lms.billing_account set name = 'Lakeside Dental' where id = %s", account)


@mends("validation_failed")
def a_payment_is_corrected_in_pilot(world: World) -> Iterator[None]:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "60.00"})
    yield
    world.apply("payment", payment, {invoice: "50.00"})


@mends("name_taken")
def the_vendor_of_the_name_is_renamed(world: World) -> Iterator[None]:
    vendor = world.qbo.create("Vendor", DisplayName="Lakeside Dental")
    world.simple_invoice(world.account("Lakeside Dental"))
    yield
    world.qbo.update("Vendor", vendor, DisplayName="Lakeside Dental (vendor)")


@mends("name_taken")
def the_inactive_customer_is_made_active(world: World) -> Iterator[None]:
    customer = world.qbo.create("Customer", DisplayName="Lakeside Dental")
    inactive = world.qbo.deactivate("Customer", customer)
    world.simple_invoice(world.account("Lakeside Dental"))
    yield
    world.qbo.update("Customer", inactive, Active=True, DisplayName="Lakeside Dental")


@mends("name_taken")
def the_account_is_renamed_in_pilot(world: World) -> Iterator[None]:
    world.qbo.create("Vendor", DisplayName="Lakeside Dental")
    account = world.account("Lakeside Dental")
    world.simple_invoice(account)
    yield
    world.sql("update lms.billing_account set name = 'Lakeside Dental Care' where id = %s", account)


@mends("name_taken")
def the_category_of_the_name_is_renamed(world: World) -> Iterator[None]:
    category = world.qbo.create("Item", Name="Crowns", Type="Category")
    world.invoice(world.case(world.pair(world.account()), [{"product": world.product("Crowns")}]))
    yield
    world.qbo.update("Item", category, Name="All crowns")


@mends("name_taken")
def the_other_product_is_renamed_in_quickbooks(world: World) -> Iterator[None]:
    one, two = world.product("Zirconia Crown"), world.product("ZIRCONIA CROWN")
    world.invoice(world.case(world.pair(world.account()), [{"product": one}, {"product": two}]))
    yield
    [item] = [item for item in world.qbo.all("Item") if item["Name"].casefold() == "zirconia crown"]
    world.qbo.update("Item", item, Name="Zirconia Crown, layered")


@mends("name_taken")
def one_of_two_products_is_renamed_in_pilot(world: World) -> Iterator[None]:
    one, two = world.product("Zirconia Crown"), world.product("ZIRCONIA CROWN")
    world.invoice(world.case(world.pair(world.account()), [{"product": one}, {"product": two}]))
    yield
    [failed] = world.errors()
    world.sql("update lms.product set name = 'Zirconia Crown, layered' where id = %s", failed["lms_id"])


@mends("name_taken")
def a_pair_named_like_its_account_is_renamed_in_pilot(world: World) -> Iterator[None]:
    account = world.account("Dr. Jane Roe DDS", "detailed")
    pair = world.pair(account, "Dr. Jane Roe DDS")
    world.simple_invoice(pair=pair)
    yield
    world.sql("update lms.doctor_office set child_subaccount_name = 'Dr. Jane Roe DDS (Main)' where id = %s", pair)


@mends("name_reserved")
def the_product_called_tax_is_renamed_in_pilot(world: World) -> Iterator[None]:
    product = world.product("Tax")
    world.invoice(world.case(world.pair(world.account()), [{"product": product}]))
    yield
    world.sql("update lms.product set name = 'Tax (Product)' where id = %s", product)


@mends("qbo_6240")
def a_name_whose_holder_quickbooks_does_not_show_is_changed_in_pilot(world: World) -> Iterator[None]:
    fault = {"kind": "fault", "entity": "Customer", "operation": "create", "code": "6240", "times": 1}
    world.qbo.control("POST", "faults", {**fault, "realm": world.qbo.realm})
    account = world.account("Lakeside Dental")
    world.simple_invoice(account)
    yield
    world.sql("update lms.billing_account set name = 'Lakeside Dental Care' where id = %s", account)


@mends("customer_changed")
def the_invoice_goes_back_to_its_customer_in_quickbooks(world: World) -> Iterator[None]:
    _, invoice, customer = invoiced(world)
    _, _, other = invoiced(world)
    world.qbo.update("Invoice", world.qbo_invoice(invoice), CustomerRef={"value": other})
    yield
    world.qbo.update("Invoice", world.qbo_invoice(invoice), CustomerRef={"value": customer})


@mends("customer_changed")
def the_invoice_gets_the_other_account_in_pilot_too(world: World) -> Iterator[None]:
    _, invoice, _ = invoiced(world)
    account, _, other = invoiced(world)
    world.qbo.update("Invoice", world.qbo_invoice(invoice), CustomerRef={"value": other})
    yield
    world.sql("update lms.invoice set billing_account_id = %s, doctor_office_id = null where id = %s", account, invoice)


@mends("customer_changed")
def the_credit_memo_goes_back_to_its_customer_in_quickbooks(world: World) -> Iterator[None]:
    account, _, customer = invoiced(world)
    _, _, other = invoiced(world)
    credit = world.credit(account, "20.00")
    world.both()
    world.qbo.update("CreditMemo", memo_of(world, credit), CustomerRef={"value": other})
    yield
    world.qbo.update("CreditMemo", memo_of(world, credit), CustomerRef={"value": customer})


def applied_credit(world: World) -> tuple[int, int, Json]:
    """A credit of $50 of which $30 are applied: LMS ids of the invoice and the credit, QuickBooks' payment of $0."""
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "50.00", {invoice: "30.00"})
    world.both()
    [payment] = world.qbo.all("Payment")
    return invoice, credit, payment


@mends("applied_otherwise")
def a_credit_is_applied_in_pilot_as_in_quickbooks(world: World) -> Iterator[None]:
    invoice, credit, payment = applied_credit(world)
    memo = memo_of(world, credit)
    lines = [pays(world.qbo_invoice(invoice), "20.00"), pays(memo, "20.00", "CreditMemo")]
    change(world, payment, Line=lines)
    yield
    world.apply("credit", credit, {invoice: "20.00"})


@mends("applied_otherwise")
def a_credit_is_applied_in_quickbooks_as_before(world: World) -> Iterator[None]:
    _, _, payment = applied_credit(world)
    change(world, payment, Line=[])
    yield
    change(
        world, payment, Line=[{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in payment["Line"]]
    )


@mends("applied_otherwise")
def a_credit_whose_application_was_deleted_is_taken_off_in_pilot(world: World) -> Iterator[None]:
    _, credit, payment = applied_credit(world)
    remove(world, payment, "Payment")
    yield
    world.apply("credit", credit, {})


@mends("received_with_credit")
def money_received_with_a_credit_becomes_a_payment_of_its_own(world: World) -> Iterator[None]:
    _, _, payment = applied_credit(world)
    lines = [{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in payment["Line"]]
    change(world, payment, TotalAmt=25, Line=lines)
    yield
    change(world, payment, TotalAmt=0, Line=lines)
    received(world, payment["CustomerRef"]["value"], "25.00")


def on_both_sides(world: World) -> tuple[int, Json]:
    """The same check, entered by the bookkeeper and by lab staff."""
    account, invoice, customer = invoiced(world)
    made = received(world, customer, "100.00", pays(world.qbo_invoice(invoice), "100.00"), TxnDate="2026-06-17")
    return world.payment(account, "100.00", {invoice: "100.00"}), made


@mends("possible_duplicate")
def the_two_payments_are_linked(world: World) -> Iterator[None]:
    payment, made = on_both_sides(world)
    yield
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'payment', %s, %s)",
        world.qbo.realm,
        payment,
        made["Id"],
    )


@mends("possible_duplicate")
def both_payments_are_kept(world: World) -> Iterator[None]:
    """The customer has paid twice, and what he has paid too much stays as his credit."""
    payment, _ = on_both_sides(world)
    yield
    world.apply("payment", payment, {})
    world.sql("update qbo_sync.sync_error set status = 'ignored' where status = 'open'")


@mends("possible_duplicate")
def the_bookkeeper_s_payment_is_deleted_in_quickbooks(world: World) -> Iterator[None]:
    _, made = on_both_sides(world)
    yield
    remove(world, made, "Payment")


@mends("possible_duplicate")
def the_lms_s_payment_is_deleted(world: World) -> Iterator[None]:
    payment, _ = on_both_sides(world)
    yield
    world.apply("payment", payment, {})
    world.sql("delete from lms.payment where id = %s", payment)


def taken_number(world: World) -> tuple[int, Json]:
    """An invoice of both sides, and another one of its number in QuickBooks."""
    _, invoice, customer = invoiced(world)
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"duplicate_number_warning": False})
    number = world.lms_invoice(invoice)["invoice_number"]
    return invoice, in_quickbooks(world, customer, DocNumber=number, TxnDate="2026-06-25")


@mends("number_taken")
def the_invoice_gets_another_number_in_quickbooks(world: World) -> Iterator[None]:
    _, made = taken_number(world)
    yield
    world.qbo.update("Invoice", fresh(world, made), DocNumber="OTHER-1")


@mends("number_taken")
def the_holder_is_uninvoiced_in_pilot(world: World) -> Iterator[None]:
    invoice, made = taken_number(world)
    yield
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoice)
    assert fresh(world, made)["DocNumber"]


@mends("number_taken")
def the_holder_gets_another_number_in_pilot(world: World) -> Iterator[None]:
    invoice, _ = taken_number(world)
    yield
    world.sql("update lms.invoice set invoice_number = 'OTHER-1' where id = %s", invoice)


@mends("number_taken")
def the_holder_is_deleted_in_quickbooks(world: World) -> Iterator[None]:
    invoice, _ = taken_number(world)
    yield
    remove(world, world.qbo_invoice(invoice))


def twice_in_quickbooks(world: World) -> list[Json]:
    """Two invoices of QuickBooks that one of the LMS could be."""
    customer = world.qbo.create("Customer", DisplayName="Lakeside Dental")["Id"]
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"duplicate_number_warning": False})
    # Else the bookkeeper's two come to the LMS before its own is sent.
    world.sql("update qbo_sync.connection set direction = 'lms_to_qbo'")
    number = world.lms_invoice(world.simple_invoice(world.account("Lakeside Dental")))["invoice_number"]
    return [in_quickbooks(world, customer, sale("100.00"), DocNumber=number, TxnDate="2026-06-01") for _ in range(2)]


@mends("ambiguous_match")
def the_extra_invoice_is_deleted(world: World) -> Iterator[None]:
    _, extra = twice_in_quickbooks(world)
    yield
    remove(world, extra)


def alike_on_both_sides(world: World) -> tuple[int, Json]:
    """An invoice of the LMS, which does not go out, and one of its number in QuickBooks with another total."""
    account, customer = linked_account(world)
    world.sql("update qbo_sync.connection set direction = 'qbo_to_lms'")
    invoice = world.simple_invoice(account)
    row = world.lms_invoice(invoice)
    dated = {"DocNumber": row["invoice_number"], "TxnDate": row["invoice_date"].isoformat()}
    return invoice, in_quickbooks(world, customer, sale("101.00"), **dated)


@mends("ambiguous_match")
def the_totals_are_made_the_same_in_quickbooks(world: World) -> Iterator[None]:
    _, made = alike_on_both_sides(world)
    yield
    world.qbo.update("Invoice", fresh(world, made), Line=[sale("100.00")])


@mends("ambiguous_match")
def the_totals_are_made_the_same_in_pilot(world: World) -> Iterator[None]:
    invoice, _ = alike_on_both_sides(world)
    yield
    world.sql("update lms.invoice set total_amount = 101, balance = 101 where id = %s", invoice)


@mends("ambiguous_match")
def the_invoice_in_quickbooks_is_given_to_the_customer_that_it_is_for_in_pilot(world: World) -> Iterator[None]:
    _, other = linked_account(world, "Hillside Dental")
    _, made = alike_on_both_sides(world)
    right = made["CustomerRef"]["value"]
    world.qbo.update("Invoice", fresh(world, made), CustomerRef={"value": other}, Line=[sale("100.00")])
    yield
    world.qbo.update("Invoice", fresh(world, made), CustomerRef={"value": right})


@mends("ambiguous_match")
def the_invoice_in_quickbooks_gets_another_number(world: World) -> Iterator[None]:
    _, made = alike_on_both_sides(world)
    yield
    world.qbo.update("Invoice", fresh(world, made), DocNumber="OTHER-1")


def number_in_use(world: World) -> Json:
    """The invoice of somebody whom the lab ignores, with the number of an invoice that the LMS is about to send."""
    stranger = world.qbo.create("Customer", DisplayName="Walk-in")["Id"]
    world.sql(
        "insert into qbo_sync.ignored_customer (realm_id, qbo_id, name, reason, user_name)"
        " values (%s, %s, 'Walk-in', 'retail', 'ann')",
        world.qbo.realm,
        stranger,
    )
    return in_quickbooks(world, stranger, DocNumber=world.lms_invoice(world.simple_invoice())["invoice_number"])


@mends("qbo_6140")
def the_other_transaction_gets_another_number(world: World) -> Iterator[None]:
    holder = number_in_use(world)
    yield
    world.qbo.update("Invoice", fresh(world, holder), DocNumber="W-1")


@mends("qbo_6140")
def the_other_transaction_is_deleted(world: World) -> Iterator[None]:
    holder = number_in_use(world)
    yield
    remove(world, holder)


@mends("customer_not_linked")
def the_customer_is_linked(world: World) -> Iterator[None]:
    stranger = world.qbo.create("Customer", DisplayName="Lakeside")["Id"]
    in_quickbooks(world, stranger)
    account = world.account("Lakeside Dental")
    yield
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'billing_account', %s, %s)",
        world.qbo.realm,
        account,
        stranger,
    )


@mends("customer_not_linked")
def the_invoice_is_given_to_a_linked_customer(world: World) -> Iterator[None]:
    _, customer = linked_account(world)
    made = in_quickbooks(world, world.qbo.create("Customer", DisplayName="Walk-in")["Id"])
    yield
    world.qbo.update("Invoice", fresh(world, made), CustomerRef={"value": customer})


@mends("inactive_reference")
def the_customer_is_made_active_again(world: World) -> Iterator[None]:
    account = world.account()
    case = world.case(world.pair(account), [{"product": world.product()}])
    world.invoice(case)
    world.both()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.both()
    customer = world.qbo.call(f"customer/{customer_of(world, account)}")["Customer"]
    inactive = world.qbo.deactivate("Customer", customer)
    world.payment(account, "10.00")
    yield
    world.qbo.update("Customer", inactive, Active=True)


@mends("inactive_reference")
def the_account_is_made_active_again(world: World) -> Iterator[None]:
    account, _, _ = invoiced(world)
    used = world.value("select deposit_account_id from qbo_sync.connection")
    inactive = world.qbo.deactivate("Account", world.qbo.call(f"account/{used}")["Account"])
    world.payment(account, "10.00")
    yield
    world.qbo.update("Account", inactive, Active=True)


@mends("foreign_currency")
def the_customer_billed_in_dollars_of_canada_is_renamed(world: World) -> Iterator[None]:
    world.prefer(CurrencyPrefs={"MultiCurrencyEnabled": True})
    customer = world.qbo.create("Customer", DisplayName="Toronto Dental", CurrencyRef={"value": "CAD"})
    world.simple_invoice(world.account("Toronto Dental"))
    yield
    world.qbo.update("Customer", customer, DisplayName="Toronto Dental (CAD)")


@mends("lookup_refused")
def the_odd_name_is_corrected_in_pilot(world: World) -> Iterator[None]:
    refused(world, "4000", "Customer", operation="query")
    account = world.account("Smile ☺ Dental")
    world.simple_invoice(account)
    yield
    accept(world)
    world.sql("update lms.billing_account set name = 'Smile Dental' where id = %s", account)


# ------------------------------------------------------------------ amounts, payments and credits


@mends("total_mismatch")
def the_invoice_is_corrected_in_quickbooks(world: World) -> Iterator[None]:
    invoice = world.simple_invoice()
    world.sql("update lms.invoice set total_amount = 99, balance = 99 where id = %s", invoice)
    yield
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("99.00")])


@mends("total_mismatch")
def the_invoice_is_corrected_in_pilot(world: World) -> Iterator[None]:
    invoice = world.simple_invoice()
    world.sql("update lms.invoice set total_amount = 99, balance = 99 where id = %s", invoice)
    yield
    world.sql("update lms.invoice set total_amount = 100, balance = 100 where id = %s", invoice)


@mends("applied_to_deleted")
def the_invoice_deleted_there_is_uninvoiced_in_pilot(world: World) -> Iterator[None]:
    account, invoice, _ = invoiced(world)
    world.sql("update qbo_sync.connection set direction = 'lms_to_qbo'")
    remove(world, world.qbo_invoice(invoice))
    world.payment(account, "50.00", {invoice: "50.00"})
    yield
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoice)


@mends("applied_to_deleted")
def the_credit_whose_memo_was_deleted_is_deleted_in_pilot(world: World) -> Iterator[None]:
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "60.00")
    world.both()
    remove(world, memo_of(world, credit), "CreditMemo")
    world.apply("credit", credit, {invoice: "60.00"})
    yield
    world.sql("delete from lms.credit where id = %s", credit)


@mends("deleted_in_quickbooks")
def the_credit_deleted_there_is_deleted_in_pilot(world: World) -> Iterator[None]:
    account, _, _ = invoiced(world)
    credit = world.credit(account, "60.00")
    world.both()
    remove(world, memo_of(world, credit), "CreditMemo")
    world.sql("update lms.credit set amount = 70 where id = %s", credit)
    yield
    world.sql("delete from lms.credit where id = %s", credit)


@mends("unsynced_application")
def the_payment_is_applied_to_what_pilot_has(world: World) -> Iterator[None]:
    _, invoice, customer = invoiced(world)
    bill = world.qbo_invoice(invoice)
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("30.00")])
    made = received(world, customer, "60.00", pays(bill, "90.00"), pays(memo, "30.00", "CreditMemo"))
    yield
    change(world, made, Line=[pays(bill, "60.00")])


@mends("unreadable")
def the_payment_is_saved_again(world: World) -> Iterator[None]:
    _, _, customer = invoiced(world)
    made = received(world, customer, "10.00")
    world.both()
    change(world, made, TotalAmt=30)
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"query_stale_tokens": True})
    refused(world, "5020", "Payment", operation="read")
    world.capture_long_ago()
    yield
    accept(world)
    change(world, made, PrivateNote="saved again")


@mends("refused_by_lms")
def the_invoice_that_the_lms_refuses_is_corrected_in_quickbooks(world: World) -> Iterator[None]:
    made = refused_note(world)
    yield
    world.qbo.update("Invoice", fresh(world, made), PrivateNote="fine")


@mends("refused_by_lms")
def support_lets_the_lms_have_it(world: World) -> Iterator[None]:
    refused_note(world)
    yield
    world.sql("alter table lms.invoice drop constraint no_odd_notes")


def refused_note(world: World) -> Json:
    """An invoice of QuickBooks with a note that the LMS does not take."""
    _, customer = linked_account(world)
    world.sql("alter table lms.invoice add constraint no_odd_notes check (memo is distinct from 'odd')")
    return in_quickbooks(world, customer, PrivateNote="odd")


@mends("qbo_620")
def the_payment_is_given_to_the_invoices_account_in_pilot(world: World) -> Iterator[None]:
    payer, _ = linked_account(world)
    account, invoice, _ = invoiced(world)
    payment = world.payment(payer, "30.00", {invoice: "30.00"})
    yield
    world.sql("update lms.payment set billing_account_id = %s where id = %s", account, payment)


@mends("qbo_620")
def the_payment_is_given_to_the_invoices_customer_in_quickbooks(world: World) -> Iterator[None]:
    payer, _ = linked_account(world)
    _, invoice, customer = invoiced(world)
    payment = world.payment(payer, "70.00")
    world.both()
    world.apply("payment", payment, {invoice: "70.00"})
    yield
    change(world, qbo_payment(world, payment), CustomerRef={"value": customer})


@mends("qbo_620")
def the_money_is_applied_to_another_invoice_in_pilot(world: World) -> Iterator[None]:
    payer, own, _ = invoiced(world)
    _, other, _ = invoiced(world)
    payment = world.payment(payer, "30.00", {other: "30.00"})
    yield
    world.apply("payment", payment, {own: "30.00"})


@mends("qbo_620")
def the_credit_is_given_to_the_invoices_account_in_pilot(world: World) -> Iterator[None]:
    owner, _ = linked_account(world)
    account, invoice, _ = invoiced(world)
    credit = world.credit(owner, "30.00", {invoice: "30.00"})
    yield
    world.sql("update lms.credit set billing_account_id = %s where id = %s", account, credit)


@mends("qbo_6000")
def the_payment_that_took_the_room_is_deleted_in_quickbooks(world: World) -> Iterator[None]:
    account, invoice, customer = invoiced(world)
    theirs = received(world, customer, "50.00", pays(world.qbo_invoice(invoice), "50.00"))
    world.payment(account, "100.00", {invoice: "100.00"})
    world.run()
    yield
    remove(world, theirs, "Payment")


@mends("qbo_6000")
def the_credit_that_took_the_room_is_deleted_in_quickbooks(world: World) -> Iterator[None]:
    account, invoice, customer = invoiced(world)
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("50.00")])
    lines = [pays(world.qbo_invoice(invoice), "50.00"), pays(memo, "50.00", "CreditMemo")]
    theirs = world.qbo.create("Payment", CustomerRef={"value": customer}, TotalAmt=0, Line=lines)
    world.payment(account, "100.00", {invoice: "100.00"})
    world.run()
    yield
    remove(world, theirs, "Payment")


@mends("qbo_6000")
def a_credit_finds_room_once_the_payment_is_taken_off(world: World) -> Iterator[None]:
    account, invoice, customer = invoiced(world)
    theirs = received(world, customer, "80.00", pays(world.qbo_invoice(invoice), "80.00"))
    world.credit(account, "30.00", {invoice: "30.00"})
    world.run()
    yield
    change(world, theirs, Line=[])


@mends("qbo_6540")
def the_payment_is_taken_out_of_the_deposit(world: World) -> Iterator[None]:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    bank = next(a for a in world.qbo.all("Account") if a["AccountType"] == "Bank")
    linked = [{"TxnId": qbo_payment(world, payment)["Id"], "TxnType": "Payment", "TxnLineId": "0"}]
    deposit = world.qbo.create(
        "Deposit", DepositToAccountRef={"value": bank["Id"]}, Line=[{"Amount": 50, "LinkedTxn": linked}]
    )
    world.both()
    world.sql("delete from lms.payment where id = %s", payment)
    yield
    remove(world, deposit, "Deposit")


@mends("mass_delete_held")
def the_records_are_restored(world: World) -> Iterator[None]:
    world.limit_deletes(MassDeleteLimit(share=Decimal("0.10"), minimum=2))
    account, _, _ = invoiced(world)
    for amount in ("10.00", "20.00", "30.00"):
        world.payment(account, amount)
    world.both()
    world.sql("create table lms.kept as select * from lms.payment")
    world.sql("delete from lms.payment")
    yield
    world.sql("insert into lms.payment overriding system value select * from lms.kept")


# ------------------------------------------------------------------ the closing date


def close(world: World, day: str | None) -> None:
    """The bookkeeper moves the closing date."""
    world.qbo.control(
        "POST", f"companies/{world.qbo.realm}/preferences", {"AccountingInfoPrefs": {"BookCloseDate": day}}
    )


@mends("books_closed")
def the_closing_date_is_moved_back(world: World) -> Iterator[None]:
    close(world, "2026-06-10")
    world.simple_invoice()
    world.payment(world.account(), "10.00")
    yield
    close(world, "2026-05-31")


@mends("books_closed")
def the_invoice_gets_a_later_date_in_pilot(world: World) -> Iterator[None]:
    close(world, "2026-06-10")
    invoice = world.simple_invoice()
    yield
    world.sql("update lms.invoice set invoice_date = %s where id = %s", date(2026, 6, 20), invoice)


@mends("books_closed")
def a_payment_may_be_changed_once_its_period_is_open(world: World) -> Iterator[None]:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    close(world, "2026-06-30")
    world.apply("payment", payment, {invoice: "40.00"})
    yield
    close(world, None)


@mends("qbo_6210")
def a_payment_for_an_invoice_of_a_closed_period_goes_once_that_is_open(world: World) -> Iterator[None]:
    account, invoice, _ = invoiced(world)
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"closed_invoice_payment": "refuse"})
    close(world, "2026-06-10")
    world.payment(account, "50.00", {invoice: "50.00"})
    yield
    close(world, None)


@mends("qbo_6200")
def a_delete_may_go_once_its_period_is_open(world: World) -> Iterator[None]:
    _, invoice, _ = invoiced(world)
    refused(world, "6200", "Invoice", operation="delete")
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoice)
    yield
    accept(world)


@mends("not_taken_over")
def a_change_is_taken_over_once_its_period_is_open(world: World) -> Iterator[None]:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    close(world, "2026-06-30")
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"closed_period": "ignore"})
    world.sql("update qbo_sync.company set preferences_read_at = clock_timestamp()")
    refused(world, "5020", "Preferences", operation="read")  # or the closing date would be known after the next check
    world.apply("payment", payment, {invoice: "40.00"})
    yield
    accept(world)
    close(world, None)


# ------------------------------------------------------------------ what no check of QuickBooks shows


def refused(world: World, code: str, entity: str, operation: str = "create", **more: object) -> None:
    """QuickBooks refuses, until it is told otherwise."""
    fault = {"kind": "fault", "entity": entity, "operation": operation, "code": code, "realm": world.qbo.realm}
    world.qbo.control("POST", "faults", {**fault, **more})


def accept(world: World) -> None:
    """What QuickBooks minded is over."""
    world.qbo.control("DELETE", "faults")


def _over(code: str, kind: str = "fault") -> Story:
    def story(world: World) -> Iterator[None]:
        account, _, _ = invoiced(world)
        refused(world, code, "Payment", kind=kind)
        world.payment(account, "10.00")
        yield
        accept(world)

    return story


for shown, fault_code in {
    "qbo_6190": "6190",  # the subscription is paid
    "qbo_5020": "5020",  # the person gets the permission
    "qbo_5030": "5030",  # the subscription is upgraded
    "qbo_6430": "6430",  # the account gets another type
    "qbo_610": "610",
    "qbo_2500": "2500",
    "qbo_…": "9999",
}.items():
    mends(shown)(_over(fault_code))
mends("http_…")(_over("", kind="html_413"))


@mends("qbo_6430")
def another_account_is_chosen_on_the_page(world: World) -> Iterator[None]:
    account, _, _ = invoiced(world)
    good = world.value("select deposit_account_id from qbo_sync.connection")
    world.sql("update qbo_sync.connection set deposit_account_id = income_account_id")
    world.payment(account, "10.00")
    yield
    world.sql("update qbo_sync.connection set deposit_account_id = %s", good)


@mends("qbo_2040")
def a_character_is_removed_in_pilot(world: World) -> Iterator[None]:
    account = world.account("Lakeside ¤ Dental")
    refused(world, "2040", "Customer", times=1)
    world.simple_invoice(account)
    yield
    world.sql("update lms.billing_account set name = 'Lakeside Dental' where id = %s", account)


@mends("qbo_2210")
def an_address_is_corrected_in_pilot(world: World) -> Iterator[None]:
    account = world.account("Lakeside Dental", email="ofice@lakeside.example")
    refused(world, "2210", "Customer", times=1)
    world.simple_invoice(account)
    yield
    world.sql("update lms.billing_account set email = 'office@lakeside.example' where id = %s", account)


@mends("qbo_2050")
def a_text_is_shortened_in_pilot(world: World) -> Iterator[None]:
    refused(world, "2050", "Invoice", times=1)
    invoice = world.simple_invoice()
    yield
    world.sql("update lms.invoice set memo = 'short' where id = %s", invoice)


@mends("qbo_6070")
def a_line_is_corrected_in_pilot(world: World) -> Iterator[None]:
    refused(world, "6070", "Invoice", times=1)
    invoice = world.simple_invoice()
    yield
    world.sql("update lms.invoice_line_item set description = 'one crown' where invoice_id = %s", invoice)


# ------------------------------------------------------------------ each of them


@pytest.mark.rule("8.3.f")
@pytest.mark.parametrize(
    ("code", "story"),
    [
        pytest.param(code, story, id=f"{code.replace('…', 'other')}-{story.__name__}")
        for code, stories in STORIES.items()
        for story in stories
    ],
)
def test_who_follows_the_advice_sees_the_error_gone_after_the_next_check(world: World, code: str, story: Story) -> None:
    told = story(world)
    next(told)
    world.both()
    assert [one for one in codes(world) if is_of(one, code)], f"or nothing is mended: {codes(world)}"
    assert next(told, None) is None
    world.poll(minutes=5 if code in ONLY_TRYING_TELLS else 0)
    assert codes(world) == []


def test_each_error_code_has_a_story_or_is_closed_by_a_person() -> None:
    assert set(STORIES) | CLOSED_BY_A_PERSON == set(ENTRIES)
    assert not set(STORIES) & CLOSED_BY_A_PERSON


# ------------------------------------------------------------------ how much is tried


def tried(world: World) -> int:
    """The payments that QuickBooks refused since the statistics were reset."""
    return world.value("select count(*) from qbo_sync.api_call where fault_code = '5020'")


@pytest.mark.rule("8.3.d")
def test_one_is_tried_for_all_and_once_it_goes_through_all_do(world: World) -> None:
    account, _, _ = invoiced(world)
    refused(world, "5020", "Payment")
    for amount in ("10.00", "20.00", "30.00", "40.00"):
        world.payment(account, amount)
    world.both()
    assert codes(world) == ["qbo_5020"] * 4
    first = {error["id"]: error["attempts"] for error in world.errors()}
    world.poll()
    again = [error["id"] for error in world.errors() if error["attempts"] > first[error["id"]]]
    assert len(again) == 1, "the others have the same cause"
    accept(world)
    world.poll()
    assert codes(world) == []


@pytest.mark.rule("8.3.d")
def test_what_was_just_tried_is_not_tried_at_each_of_many_captures(world: World) -> None:
    account, _, _ = invoiced(world)
    refused(world, "5020", "Payment")
    world.payment(account, "10.00")
    world.both()
    [error] = world.errors()
    for _ in range(3):
        world.both()
    assert world.errors()[0]["attempts"] == error["attempts"]


@pytest.mark.rule("8.3.d")
def test_a_closing_date_that_moves_is_read_once_and_frees_all(world: World) -> None:
    close(world, "2026-06-10")
    for _ in range(3):
        world.simple_invoice()
    world.both()
    assert codes(world) == ["books_closed"] * 3
    world.poll()
    attempts = [error["attempts"] for error in world.errors()]
    close(world, "2026-06-05")
    world.poll()
    assert [error["attempts"] for error in world.errors()] == [one + 1 for one in attempts], "still closed: tried once"
    world.poll()
    assert [error["attempts"] for error in world.errors()] == [one + 1 for one in attempts], "nothing has changed"
    close(world, None)
    world.poll()
    assert codes(world) == []


def test_while_nothing_failed_for_the_closing_date_it_is_not_asked_for(world: World) -> None:
    invoiced(world)
    before = world.value("select count(*) from qbo_sync.api_call where resource = 'Preferences'")
    world.poll()
    assert world.value("select count(*) from qbo_sync.api_call where resource = 'Preferences'") == before


@pytest.mark.rule("8.3.d")
def test_after_a_gap_every_error_is_tried_again(world: World) -> None:
    """Of a gap nobody knows what changed in it: customers and vendors are not compared."""
    vendor = world.qbo.create("Vendor", DisplayName="Lakeside Dental")
    world.simple_invoice(world.account("Lakeside Dental"))
    world.both()
    world.qbo.update("Vendor", vendor, DisplayName="Lakeside Dental (vendor)")
    world.sql("update qbo_sync.qbo_cursor set changed_since = changed_since - interval '40 days'")
    world.poll()
    assert codes(world) == []


# ------------------------------------------------------------------ deletes go first


@pytest.mark.rule("8.5.c")
@pytest.mark.parametrize("of", ["the LMS's", "QuickBooks' own", "another lab's"])
def test_an_invoice_deleted_and_entered_again_between_two_checks_comes_at_once(world: World, of: str) -> None:
    account, customer = linked_account(world)
    if of == "QuickBooks' own":
        gone = in_quickbooks(world, customer, sale("100.00"), DocNumber="B-1")
        world.both()
        old = of_qbo(world, gone)["id"]
    else:
        lab = world.lab
        if of == "another lab's":
            lab = world.billing_lab("Second Lab")
            world.connect(lab, world.qbo)
        old = world.invoice(world.case(world.pair(account), [{"product": world.product()}], lab=lab))
        world.both()
        gone = world.qbo_invoice(old)
    remove(world, gone)
    new = in_quickbooks(world, customer, sale("120.00"), DocNumber=gone["DocNumber"])
    world.capture()
    world.bring("invoice_qbo_to_lms")
    assert world.value("select count(*) from qbo_sync.sync_error where error_code = 'number_taken'") == 0
    row = of_qbo(world, new)
    assert (row["invoice_number"], row["total_amount"], row["origin"]) == (gone["DocNumber"], 120, "qbo")
    assert world.sql("select id from lms.invoice where id = %s", old) == []
    world.both()
    quiet(world)


# ------------------------------------------------------------------ both sides agree afterwards


@pytest.mark.rule("8.3.f")
def test_a_payment_moved_to_the_invoices_customer_in_quickbooks_is_applied_to_it(world: World) -> None:
    payer, _ = linked_account(world)
    _, invoice, customer = invoiced(world)
    payment = world.payment(payer, "70.00")
    world.both()
    world.apply("payment", payment, {invoice: "70.00"})
    world.both()
    assert codes(world) == ["qbo_620"]
    change(world, qbo_payment(world, payment), CustomerRef={"value": customer})
    world.poll()
    assert codes(world) == []
    assert world.qbo_invoice(invoice)["Balance"] == world.lms_invoice(invoice)["balance"] == 30
