"""Cells of the matrix and notes of the rules that lead to QuickBooks and have no test beside their subject."""

from decimal import Decimal

import pytest

from tests.support.bookkeeper import in_quickbooks, pays, sale
from tests.support.both_sides import applied, customer_of, memo_of, of_qbo, qbo_payment, quiet
from tests.support.quickbooks import Json
from tests.support.world import World


def sales_lines(body: Json) -> list[Json]:
    return [line for line in body["Line"] if line["DetailType"] == "SalesItemLineDetail"]


# ---------------------------------------------------------------------------------- customers and items


@pytest.mark.cell("billing_account", "lms", "delete")
@pytest.mark.cell("doctor_office", "lms", "delete")
@pytest.mark.trap(41)
def test_an_account_and_a_pair_that_leave_the_lms_keep_their_customers(world: World) -> None:
    account = world.account("Lakeside Dental", "detailed")
    case = world.case(world.pair(account, "Dr. A"), [{"product": world.product()}])
    world.invoice(case)
    world.sync()
    world.sql("select lms.uninvoice_case(%s)", case)
    for table in ("case_line_item", "lab_case", "doctor_office", "billing_account"):
        world.sql(f"delete from lms.{table}")
    world.sync()
    assert {one["DisplayName"]: one["Active"] for one in world.qbo.all("Customer")} == {
        "Lakeside Dental": True,
        "Dr. A": True,
    }
    assert world.errors() == []


@pytest.mark.cell("product", "lms", "delete")
def test_a_product_that_leaves_the_lms_keeps_its_item(world: World) -> None:
    product = world.product("Crown")
    case = world.case(world.pair(world.account()), [{"product": product}])
    world.invoice(case)
    world.sync()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.sql("delete from lms.case_line_item")
    world.sql("delete from lms.product")
    world.sync()
    assert [item["Active"] for item in world.qbo.all("Item") if item["Name"] == "Crown"] == [True]
    assert world.errors() == []


@pytest.mark.rule("2.k")
def test_an_existing_item_of_the_product_s_name_is_adopted(world: World) -> None:
    income = world.value("select income_account_id from qbo_sync.connection")
    item = world.qbo.create("Item", Name="CROWN", Type="Service", IncomeAccountRef={"value": income}, UnitPrice=7)
    invoice = world.invoice(world.case(world.pair(world.account()), [{"product": world.product("Crown")}]))
    assert world.sync()["adopted"] == 1
    [line] = sales_lines(world.qbo_invoice(invoice))
    assert line["SalesItemLineDetail"]["ItemRef"]["value"] == item["Id"]
    assert line["Amount"] == 100, "the invoice's own price"
    assert len([one for one in world.qbo.all("Item") if one["Name"].casefold() == "crown"]) == 1


@pytest.mark.rule("2.c")
@pytest.mark.parametrize("named", [True, False])
def test_what_names_a_pair_goes_to_its_sub_customer_and_the_rest_to_the_main_customer(
    world: World, named: bool
) -> None:
    account = world.account("Lakeside Dental", "detailed")
    pair = world.pair(account, "Dr. A")
    invoice = world.simple_invoice(pair=pair)
    if not named:
        world.sql("update lms.invoice set doctor_office_id = null")
    payment = world.payment(account, "5.00", pair=pair if named else None)
    credit = world.credit(account, "4.00", pair=pair if named else None)
    world.sync()
    customers = {one["DisplayName"]: one["Id"] for one in world.qbo.all("Customer")}
    wanted = customers["Dr. A" if named else "Lakeside Dental"]
    bodies = [world.qbo_invoice(invoice), qbo_payment(world, payment), memo_of(world, credit)]
    assert [body["CustomerRef"]["value"] for body in bodies] == [wanted] * 3
    assert world.errors() == []


@pytest.mark.rule("7.d")
def test_a_payment_of_the_main_customer_pays_its_sub_customers_invoices(world: World) -> None:
    account = world.account("Lakeside Dental", "detailed")
    invoices = [world.simple_invoice(pair=world.pair(account)) for _ in range(2)]
    payment = world.payment(account, "150.00", {invoices[0]: "100.00", invoices[1]: "50.00"})
    world.sync()
    assert qbo_payment(world, payment)["CustomerRef"]["value"] == customer_of(world, account)
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in invoices] == [0, 50]
    assert world.errors() == []


# ---------------------------------------------------------------------------------- invoices


@pytest.mark.cell("invoice", "lms", "update")
@pytest.mark.rule("4.k")
@pytest.mark.trap(35)
def test_an_edit_of_an_invoice_in_the_lms_is_not_pushed(world: World) -> None:
    invoice = world.simple_invoice()
    world.sync()
    before = world.qbo_invoice(invoice)
    world.sql("update lms.invoice set memo = 'new', due_date = '2027-01-01', invoice_number = 'OTHER-1'")
    world.sql("update lms.invoice_line_item set description = 'new', quantity = 2, unit_price = 50")
    world.qbo.control("POST", "stats/reset")
    world.sync()
    assert world.qbo.writes() == 0
    assert world.qbo_invoice(invoice) == before
    assert world.errors() == []


@pytest.mark.rule("4.b", "8.6.a")
@pytest.mark.trap(32, 34)
def test_each_line_is_quantity_times_price_half_up_and_the_discounts_are_one_amount(world: World) -> None:
    product = world.product()
    lines = [("0.333", "99.99"), ("1.5", "33.33"), ("2.005", "1.00"), ("12.125", "0.04")]
    case = world.case(
        world.pair(world.account()),
        [{"product": product, "quantity": q, "price": p, "discount": "0.25"} for q, p in lines],
    )
    invoice = world.invoice(case)
    world.sync()
    made = world.qbo_invoice(invoice)
    assert [line["Amount"] for line in sales_lines(made)] == [
        Decimal(amount) for amount in ("33.30", "50.00", "2.01", "0.49")
    ]
    discounts = [line["Amount"] for line in made["Line"] if line["DetailType"] == "DiscountLineDetail"]
    assert discounts == [1]
    assert made["TotalAmt"] == world.lms_invoice(invoice)["total_amount"] == Decimal("84.80")
    assert world.errors() == []


@pytest.mark.cell("tax", "lms", "create")
@pytest.mark.rule("4.c")
def test_tax_is_a_line_and_nothing_is_taxed_beside_it(world: World) -> None:
    invoice = world.simple_invoice(tax="8.25", shipping="3.00")
    world.sync()
    made = world.qbo_invoice(invoice)
    assert made.get("TxnTaxDetail", {}).get("TotalTax", 0) == 0
    codes = {line["SalesItemLineDetail"].get("TaxCodeRef", {}).get("value") for line in sales_lines(made)}
    assert "TAX" not in codes
    assert made["TotalAmt"] == Decimal("111.25")


@pytest.mark.rule("8.7.a")
def test_a_line_s_notation_is_cut_with_an_ellipsis(world: World) -> None:
    case = world.case(world.pair(world.account()), [{"product": world.product(), "notation": "y" * 4100}])
    invoice = world.invoice(case)
    world.sync()
    [line] = sales_lines(world.qbo_invoice(invoice))
    assert (len(line["Description"]), line["Description"][-2:]) == (4000, "y…")


@pytest.mark.cell("invoice", "lms", "delete")
def test_an_invoice_of_quickbooks_that_is_deleted_in_the_lms_goes_there_too(world: World) -> None:
    account = world.account()
    world.simple_invoice(account)
    world.both()
    made = in_quickbooks(world, customer_of(world, account))
    world.both()
    world.sql("delete from lms.invoice where id = %s", of_qbo(world, made)["id"])
    world.both()
    assert made["Id"] not in {one["Id"] for one in world.qbo.all("Invoice")}
    assert world.errors() == []
    quiet(world)


# ---------------------------------------------------------------------------------- credits and payments


@pytest.mark.cell("special_item", "lms", "create")
@pytest.mark.setting("credit_account_id")
@pytest.mark.rule("3.c")
def test_the_credit_item_is_made_once_earns_into_its_account_and_is_found_again_by_name(world: World) -> None:
    account = world.qbo.create("Account", Name="Credits given", AccountType="Income")
    world.sql("update qbo_sync.connection set credit_account_id = %s", account["Id"])
    billing = world.account()
    world.simple_invoice(billing)
    world.credit(billing, "1.00")
    world.sync()
    world.sql("delete from qbo_sync.special_item")
    second = world.credit(billing, "2.00")
    world.sync()
    items = [item for item in world.qbo.all("Item") if item["Name"] == "Lab Credit"]
    assert [item["IncomeAccountRef"]["value"] for item in items] == [account["Id"]]
    assert memo_of(world, second)["TotalAmt"] == 2


@pytest.mark.rule("7.c")
def test_a_method_that_quickbooks_does_not_have_is_left_out(world: World) -> None:
    account = world.account()
    world.simple_invoice(account)
    payment = world.payment(account, "10.00", method="Seashells")
    world.sync()
    assert "PaymentMethodRef" not in qbo_payment(world, payment)
    assert world.errors() == []


@pytest.mark.rule("7.a")
@pytest.mark.trap(16)
def test_an_unapplied_payment_of_the_lms_is_applied_later(world: World) -> None:
    """Trap 16: only the payment can be edited to point at the invoice."""
    account = world.account()
    first = world.simple_invoice(account)
    payment = world.payment(account, "100.00")
    world.sync()
    assert qbo_payment(world, payment)["UnappliedAmt"] == 100
    later = world.simple_invoice(account)
    world.apply("payment", payment, {later: "100.00"})
    world.sync()
    assert applied(qbo_payment(world, payment)) == {world.qbo_invoice(later)["Id"]: 100}
    assert (world.qbo_invoice(first)["Balance"], world.qbo_invoice(later)["Balance"]) == (100, 0)
    assert world.errors() == []


@pytest.mark.rule("6.d")
def test_a_credit_shrinks_and_moves_in_one_go_with_its_applications(world: World) -> None:
    account = world.account()
    invoices = [world.simple_invoice(account) for _ in range(2)]
    credit = world.credit(account, "90.00", {invoices[0]: "90.00"})
    world.both()
    world.sql("update lms.credit set amount = 20 where id = %s", credit)
    world.apply("credit", credit, {invoices[1]: "15.00"})
    world.both()
    assert (memo_of(world, credit)["TotalAmt"], memo_of(world, credit)["RemainingCredit"]) == (20, 5)
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in invoices] == [100, 85]
    assert [world.lms_invoice(invoice)["balance"] for invoice in invoices] == [100, 85]
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("8.5.b")
def test_uninvoicing_takes_a_credit_s_application_off_first(world: World) -> None:
    account = world.account()
    case = world.case(world.pair(account), [{"product": world.product()}])
    invoice = world.invoice(case)
    credit = world.credit(account, "30.00", {invoice: "30.00"})
    world.both()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.both()
    assert (world.qbo.all("Invoice"), world.qbo.all("Payment")) == ([], [])
    assert memo_of(world, credit)["RemainingCredit"] == 30
    assert world.errors() == []
    quiet(world)


@pytest.mark.trap(12, 13)
def test_a_line_of_the_bookkeeper_s_in_the_payment_survives_a_new_application_of_ours(world: World) -> None:
    """Traps 12 and 13: lines are all or none, and what is not sent is gone."""
    account = world.account()
    invoices = [world.simple_invoice(account) for _ in range(2)]
    payment = world.payment(account, "150.00", {invoices[0]: "50.00"})
    world.both()
    made, customer = qbo_payment(world, payment), customer_of(world, account)
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("30.00")])
    bills = [world.qbo_invoice(invoice) for invoice in invoices]
    lines = [pays(bills[0], "80.00"), pays(memo, "30.00", "CreditMemo")]
    world.qbo.update("Payment", made, CustomerRef=made["CustomerRef"], TotalAmt=150, PrivateNote="hers", Line=lines)
    world.both()
    world.apply("payment", payment, {invoices[0]: "50.00", invoices[1]: "100.00"})
    world.both()
    there = qbo_payment(world, payment)
    assert (there["PrivateNote"], there["TotalAmt"], there["UnappliedAmt"]) == ("hers", 150, 0)
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in invoices] == [20, 0]
    assert world.qbo.call(f"creditmemo/{memo['Id']}")["CreditMemo"]["RemainingCredit"] == 0
    quiet(world)
