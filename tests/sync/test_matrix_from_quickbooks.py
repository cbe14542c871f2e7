"""Cells of the matrix that must not flow from QuickBooks, and notes that have no test beside their subject."""

from decimal import Decimal

import pytest

from tests.support.bookkeeper import change, fresh, in_quickbooks, pays, received, remove, sale, void
from tests.support.both_sides import customer_of, invoiced, lines_of, linked_account, memo_of, of_payment, of_qbo, quiet
from tests.support.world import World


@pytest.mark.cell("billing_account", "qbo", "create")
@pytest.mark.cell("doctor_office", "qbo", "create")
@pytest.mark.cell("billing_account", "qbo", "update")
@pytest.mark.cell("doctor_office", "qbo", "update")
@pytest.mark.cell("billing_account", "qbo", "delete")
@pytest.mark.cell("doctor_office", "qbo", "delete")
def test_what_the_bookkeeper_does_to_customers_stays_in_quickbooks(world: World) -> None:
    account = world.account("Lakeside Dental", email="a@b.example")
    invoice = world.simple_invoice(account)
    world.both()
    before = world.sql("select * from lms.billing_account")
    customer = world.qbo.call(f"customer/{customer_of(world, account)}")["Customer"]
    world.qbo.update("Customer", customer, DisplayName="Lakeside (new owner)", Notes="x")
    other = world.qbo.create("Customer", DisplayName="Never heard of")
    world.qbo.deactivate("Customer", other)
    world.both()
    assert world.sql("select * from lms.billing_account") == before
    again = world.simple_invoice(account)
    world.both()
    refs = [world.qbo_invoice(one)["CustomerRef"]["value"] for one in (invoice, again)]
    assert refs == [customer["Id"]] * 2
    assert world.errors() == []


@pytest.mark.cell("product", "qbo", "create")
@pytest.mark.cell("product", "qbo", "update")
@pytest.mark.cell("product", "qbo", "delete")
def test_what_the_bookkeeper_does_to_items_stays_in_quickbooks(world: World) -> None:
    product = world.product("Crown", "100.00")
    pair = world.pair(world.account())
    world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    before = world.sql("select * from lms.product")
    [item] = [one for one in world.qbo.all("Item") if one["Name"] == "Crown"]
    world.qbo.update("Item", item, Name="Crown, all ceramic", UnitPrice=250)
    gone = world.qbo.create("Item", Name="Floss", Type="Service", IncomeAccountRef=item["IncomeAccountRef"])
    world.qbo.deactivate("Item", gone)
    world.both()
    assert world.sql("select * from lms.product") == before
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    assert world.qbo_invoice(invoice)["TotalAmt"] == 100
    assert world.errors() == []


@pytest.mark.cell("special_item", "qbo", "create")
@pytest.mark.cell("special_item", "qbo", "update")
@pytest.mark.cell("special_item", "qbo", "delete")
def test_what_the_bookkeeper_does_to_the_special_items_stays_in_quickbooks(world: World) -> None:
    account, _, _ = invoiced(world)
    taxed = world.simple_invoice(account, tax="5.00")
    credit = world.credit(account, "20.00")
    world.both()
    tables = ("product", "invoice", "invoice_line_item", "credit")
    before = [world.sql(f"select * from lms.{table} order by id") for table in tables]
    items = {item["Name"]: item for item in world.qbo.all("Item")}
    world.qbo.update("Item", items["Tax"], Name="County tax", UnitPrice=9)
    income = items["Tax"]["IncomeAccountRef"]
    world.qbo.create("Item", Name="State tax", Type="Service", IncomeAccountRef=income)
    world.qbo.deactivate("Item", items["Lab Credit"])
    world.both()
    assert [world.sql(f"select * from lms.{table} order by id") for table in tables] == before
    assert (world.qbo_invoice(taxed)["TotalAmt"], memo_of(world, credit)["TotalAmt"]) == (105, 20)
    again = world.simple_invoice(account, tax="6.00")
    world.both()
    lines = [line.get("SalesItemLineDetail", {}).get("ItemRef", {}) for line in world.qbo_invoice(again)["Line"]]
    assert items["Tax"]["Id"] in [item.get("value") for item in lines], "the renamed item is the tax item still"
    assert world.errors() == []


@pytest.mark.cell("credit", "qbo", "create")
def test_a_credit_memo_of_the_bookkeeper_is_no_credit_of_the_lms(world: World) -> None:
    _, _, customer = invoiced(world)
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("25.00")])
    world.both()
    world.qbo.update("CreditMemo", memo, Line=[sale("20.00")])
    world.both()
    remove(world, memo, "CreditMemo")
    world.both()
    assert world.value("select count(*) from lms.credit") == 0
    assert world.errors() == []
    quiet(world)


@pytest.mark.cell("credit", "qbo", "update")
def test_a_credit_memo_of_ours_that_the_bookkeeper_changes_changes_nothing_in_the_lms(world: World) -> None:
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "25.00", {invoice: "10.00"})
    world.both()
    world.qbo.update("CreditMemo", memo_of(world, credit), Line=[sale("30.00")])
    world.both()
    assert world.value("select amount from lms.credit") == 25
    assert world.value("select amount from lms.credit_application") == 10
    world.sql("update lms.credit set amount = 40 where id = %s", credit)
    world.both()
    assert memo_of(world, credit)["TotalAmt"] == 30, "of two updates QuickBooks' stays, and the lab is told"
    assert [error["error_code"] for error in world.errors()] == ["conflict_qbo_kept"]
    quiet(world)


@pytest.mark.cell("credit", "qbo", "delete")
def test_a_credit_memo_of_ours_that_the_bookkeeper_deletes_leaves_the_lms_s_credit(world: World) -> None:
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "25.00", {invoice: "10.00"})
    world.both()
    remove(world, memo_of(world, credit), "CreditMemo")
    world.both()
    assert world.value("select amount from lms.credit") == 25
    assert world.value("select count(*) from lms.payment") == 0
    world.sql("delete from lms.credit")
    world.apply("credit", credit, {})
    world.both()
    assert (world.qbo.all("CreditMemo"), world.qbo.all("Payment")) == ([], [])
    assert world.link("credit", credit) is None
    assert world.lms_invoice(invoice)["balance"] == 100
    assert world.errors() == []
    quiet(world)


@pytest.mark.cell("credit", "qbo", "void")
def test_a_credit_memo_of_ours_that_the_bookkeeper_voids_leaves_the_lms_s_credit(world: World) -> None:
    """The API voids no credit memos; on the screen it leaves nothing but zeros and a note."""
    account, _, _ = invoiced(world)
    credit = world.credit(account, "25.00")
    world.both()
    world.qbo.update("CreditMemo", memo_of(world, credit), Line=[sale("0.00")], PrivateNote="Voided")
    world.both()
    assert world.value("select amount from lms.credit") == 25
    assert world.errors() == []
    quiet(world)
    world.sql("update lms.credit set amount = 30 where id = %s", credit)
    world.both()
    assert memo_of(world, credit)["TotalAmt"] == 0
    assert [error["error_code"] for error in world.errors()] == ["conflict_qbo_kept"]


@pytest.mark.cell("credit_application", "qbo", "create")
@pytest.mark.cell("credit_application", "qbo", "update")
@pytest.mark.cell("credit_application", "qbo", "delete")
def test_what_the_bookkeeper_applies_of_a_credit_reaches_no_more_than_the_balance(world: World) -> None:
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "25.00")
    world.both()
    bill, memo = world.qbo_invoice(invoice), memo_of(world, credit)

    def nothing_but_the_balance(balance: int) -> None:
        world.both()
        assert world.sql("select * from lms.payment") == world.sql("select * from lms.credit_application") == []
        assert world.lms_invoice(invoice)["balance"] == balance
        assert world.errors() == []

    lines = [pays(bill, "10.00"), pays(memo, "10.00", "CreditMemo")]
    made = received(world, bill["CustomerRef"]["value"], "0.00", *lines)
    nothing_but_the_balance(90)
    change(world, made, Line=[pays(bill, "15.00"), pays(memo, "15.00", "CreditMemo")])
    nothing_but_the_balance(85)
    remove(world, made, "Payment")
    nothing_but_the_balance(100)
    quiet(world)


@pytest.mark.cell("credit_application", "qbo", "void")
@pytest.mark.rule("6.c")
def test_our_application_of_a_credit_that_the_bookkeeper_voids_is_no_payment_of_the_lms(world: World) -> None:
    account, invoice, _ = invoiced(world)
    world.credit(account, "25.00", {invoice: "10.00"})
    world.both()
    [payment] = world.qbo.all("Payment")
    body = {"Id": payment["Id"], "SyncToken": payment["SyncToken"], "sparse": True}
    world.qbo.call("payment", body, operation="update", include="void")
    world.both()
    assert world.value("select count(*) from lms.payment") == 0
    assert [(error["entity"], error["error_code"]) for error in world.errors()] == [("credit", "applied_otherwise")]
    world.apply("credit", world.value("select id from lms.credit"), {})
    world.both()
    assert world.errors() == []
    assert (world.lms_invoice(invoice)["balance"], world.qbo_invoice(invoice)["Balance"]) == (100, 100)
    quiet(world)


@pytest.mark.cell("invoice", "qbo", "void")
@pytest.mark.rule("5.h")
def test_a_void_of_an_invoice_of_quickbooks_leaves_it_with_nothing_on_it(world: World) -> None:
    _, customer = linked_account(world)
    made = in_quickbooks(world, customer, sale("80.00"))
    world.both()
    void(world, made)
    world.both()
    row = of_qbo(world, made)
    assert (row["total_amount"], row["balance"], row["subtotal"]) == (0, 0, 0)
    assert sum(line["amount"] for line in lines_of(world, row["id"])) == 0
    assert world.errors() == []
    quiet(world)


@pytest.mark.cell("invoice", "qbo", "delete")
def test_an_invoice_of_quickbooks_that_is_deleted_there_goes(world: World) -> None:
    _, customer = linked_account(world)
    made = in_quickbooks(world, customer)
    paid = received(world, customer, "30.00", pays(made, "30.00"))
    world.both()
    invoice = of_qbo(world, made)["id"]
    remove(world, made)
    world.both()
    assert world.link("invoice", invoice) is None
    assert world.value("select count(*) from lms.invoice where origin = 'qbo'") == 0
    assert (of_payment(world, paid)["amount"], of_payment(world, paid)["applied"]) == (30, {})
    assert world.errors() == []
    quiet(world)


@pytest.mark.setting("receives_qbo_transactions")
@pytest.mark.rule("5.c")
def test_a_shared_company_sends_what_is_new_to_the_receiving_lab_and_what_is_known_to_its_own(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    account, product = world.account(), world.product()
    pair = world.pair(account)
    theirs = world.invoice(world.case(pair, [{"product": product}], lab=second))
    world.both()
    customer = customer_of(world, account)
    made = in_quickbooks(world, customer)
    paid = received(world, customer, "120.00", pays(made, "80.00"), pays(world.qbo_invoice(theirs), "40.00"))
    world.qbo.update("Invoice", world.qbo_invoice(theirs), Line=[sale("130.00")])
    world.both()
    assert (of_qbo(world, made)["billing_lab_id"], of_payment(world, paid)["billing_lab_id"]) == (world.lab, world.lab)
    row = world.lms_invoice(theirs)
    assert (row["billing_lab_id"], row["total_amount"], row["balance"]) == (second, 130, 90)
    assert world.errors() == []
    world.sql("update qbo_sync.connection set receives_qbo_transactions = false")
    world.sql("update qbo_sync.connection set receives_qbo_transactions = true where billing_lab_id = %s", second)
    later = in_quickbooks(world, customer)
    world.both()
    assert of_qbo(world, later)["billing_lab_id"] == second
    assert of_qbo(world, made)["billing_lab_id"] == world.lab, "what is there stays where it is"


@pytest.mark.rule("7.g")
@pytest.mark.trap(16)
def test_an_unapplied_payment_of_quickbooks_is_applied_later(world: World) -> None:
    _, invoice, customer = invoiced(world)
    made = received(world, customer, "50.00")
    world.both()
    assert of_payment(world, made)["applied"] == {}
    change(world, made, TotalAmt=50, Line=[pays(world.qbo_invoice(invoice), "50.00")])
    world.both()
    assert of_payment(world, made)["applied"] == {invoice: 50}
    assert world.lms_invoice(invoice)["balance"] == 50
    quiet(world)


@pytest.mark.rule("7.g")
def test_a_payment_of_a_sub_customer_names_its_pair(world: World) -> None:
    account = world.account(structure="detailed")
    pair = world.pair(account)
    invoice = world.simple_invoice(pair=pair)
    world.both()
    bill = world.qbo_invoice(invoice)
    made = received(world, bill["CustomerRef"]["value"], "50.00", pays(bill, "50.00"))
    world.both()
    row = of_payment(world, made)
    assert (row["billing_account_id"], row["doctor_office_id"], row["applied"]) == (account, pair, {invoice: 50})


@pytest.mark.trap(36)
def test_text_lines_of_the_bookkeeper_are_no_lines_of_the_lms(world: World) -> None:
    """Trap 36: a line of text has no amount."""
    _, customer = linked_account(world)
    text = {"Description": "Thank you", "DetailType": "DescriptionOnly", "DescriptionLineDetail": {}}
    made = in_quickbooks(world, customer, sale("80.00"), text)
    world.both()
    row = of_qbo(world, made)
    assert row["total_amount"] == 80
    assert [line["amount"] for line in lines_of(world, row["id"])] == [80]


@pytest.mark.trap(28)
def test_tax_comes_to_the_cent_as_quickbooks_rounds_it(world: World) -> None:
    """Trap 28: 9.975 % of twice 2,247.58 is 448.39 there, 448.40 line by line."""
    _, customer = linked_account(world)
    company = f"companies/{world.qbo.realm}"
    world.qbo.control("POST", f"{company}/preferences", {"TaxPrefs": {"PartnerTaxEnabled": True}})
    world.qbo.control("POST", f"{company}/switches", {"automated_tax_percent": 9.975})
    lines = [sale("2247.58"), sale("2247.58")]
    for one in lines:
        one["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "TAX"}
    made = in_quickbooks(world, customer, *lines)
    assert made["TxnTaxDetail"]["TotalTax"] == Decimal("448.39")
    world.both()
    row = of_qbo(world, made)
    assert (row["tax_amount"], row["total_amount"]) == (Decimal("448.39"), made["TotalAmt"])
    assert world.errors() == []


@pytest.mark.rule("7.g")
@pytest.mark.parametrize("amount", ["0.01", "33.33"])
def test_a_payment_is_split_over_invoices_to_the_cent(world: World, amount: str) -> None:
    account, first, customer = invoiced(world)
    second = world.simple_invoice(account)
    world.both()
    bills = [world.qbo_invoice(one) for one in (first, second)]
    total = Decimal(amount) + Decimal("66.67")
    made = received(world, customer, str(total), pays(bills[0], amount), pays(bills[1], "66.67"))
    world.both()
    assert of_payment(world, made)["applied"] == {first: Decimal(amount), second: Decimal("66.67")}
    assert world.lms_invoice(first)["balance"] == 100 - Decimal(amount)
    assert fresh(world, made, "Payment")["UnappliedAmt"] == 0
    quiet(world)
