"""Credits as credit memos, their applications as one zero-total payment (rule 6)."""

import pytest

from tests.support.both_sides import memo_of
from tests.support.world import World


@pytest.fixture
def invoiced(world: World) -> tuple[World, int, list[int]]:
    """An account with two synced invoices of $100."""
    account = world.account("Lakeside Dental")
    invoices = [world.simple_invoice(account) for _ in range(2)]
    world.sync()
    return world, account, invoices


@pytest.mark.cell("credit", "lms", "create")
@pytest.mark.rule("6.a")
def test_a_credit_is_a_credit_memo_with_one_line(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, _ = invoiced
    credit = world.credit(account, "25.50", note="Remake of #8", reference="R-1")
    world.sync()
    memo = memo_of(world, credit)
    assert (memo["TotalAmt"], memo["RemainingCredit"], memo["TxnDate"]) == (25.5, 25.5, "2026-06-15")
    assert memo["PrivateNote"] == "Remake of #8"
    [line] = [line for line in memo["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    items = {item["Id"]: item["Name"] for item in world.qbo.all("Item")}
    assert items[line["SalesItemLineDetail"]["ItemRef"]["value"]] == "Lab Credit"
    assert "R-1" not in repr(memo), "the reference does not sync"
    assert world.qbo.all("Payment") == []


@pytest.mark.cell("credit_application", "lms", "create")
@pytest.mark.rule("6.b")
@pytest.mark.trap(51)
def test_its_applications_are_one_payment_of_zero(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    credit = world.credit(account, "60.00", {invoices[0]: "40.00", invoices[1]: "10.00"})
    world.sync()
    [payment] = world.qbo.all("Payment")
    assert payment["TotalAmt"] == 0
    assert memo_of(world, credit)["RemainingCredit"] == 10
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in invoices] == [60, 90]
    assert world.link("payment", credit) is None
    assert world.errors() == []


@pytest.mark.cell("credit", "lms", "update")
@pytest.mark.cell("credit_application", "lms", "update")
@pytest.mark.cell("credit_application", "lms", "delete")
@pytest.mark.rule("6.b")
def test_applications_change_and_go(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    credit = world.credit(account, "60.00", {invoices[0]: "60.00"})
    world.sync()
    world.apply("credit", credit, {invoices[1]: "30.00"})
    world.sync()
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in invoices] == [100, 70]
    assert len(world.qbo.all("Payment")) == 1
    world.apply("credit", credit, {})
    world.sync()
    assert world.qbo.all("Payment") == []
    assert memo_of(world, credit)["RemainingCredit"] == 60


@pytest.mark.cell("credit", "lms", "update")
@pytest.mark.rule("6.d")
@pytest.mark.parametrize(("amount", "applied"), [("30.00", "30.00"), ("90.00", "90.00")])
def test_the_amount_changes_with_its_applications(
    invoiced: tuple[World, int, list[int]], amount: str, applied: str
) -> None:
    world, account, invoices = invoiced
    credit = world.credit(account, "60.00", {invoices[0]: "60.00"})
    world.sync()
    world.sql("update lms.credit set amount = %s where id = %s", amount, credit)
    world.apply("credit", credit, {invoices[0]: applied})
    world.sync()
    assert world.errors() == []
    assert memo_of(world, credit)["RemainingCredit"] == 0
    assert world.qbo_invoice(invoices[0])["Balance"] == 100 - int(float(applied))


@pytest.mark.cell("credit", "lms", "delete")
@pytest.mark.rule("6.e", "8.5.b")
def test_a_deleted_credit_deletes_both(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    credit = world.credit(account, "60.00", {invoices[0]: "60.00"})
    world.sync()
    world.sql("delete from lms.credit where id = %s", credit)
    world.sync()
    assert world.qbo.all("CreditMemo") == []
    assert world.qbo.all("Payment") == []
    assert world.qbo_invoice(invoices[0])["Balance"] == 100


@pytest.mark.rule("6.f", "8.5.a")
def test_an_application_waits_for_its_invoice_while_the_others_go(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, invoices = invoiced
    late = world.simple_invoice(account)
    world.sql("update lms.invoice set invoice_number = repeat('9', 22) where id = %s", late)
    credit = world.credit(account, "60.00", {invoices[0]: "20.00", late: "40.00"})
    world.sync()
    assert memo_of(world, credit)["RemainingCredit"] == 40
    world.sql("update lms.invoice set invoice_number = 'SHORT-1' where id = %s", late)
    world.sync()
    assert memo_of(world, credit)["RemainingCredit"] == 0
    assert world.qbo_invoice(late)["Balance"] == 60
    assert world.errors() == []


@pytest.mark.rule("6.g")
@pytest.mark.trap(17)
def test_a_company_that_applies_credits_by_itself_ends_right(world: World) -> None:
    world.prefer(SalesFormsPrefs={"AutoApplyCredit": True})
    account = world.account("Lakeside Dental")
    invoices = [world.simple_invoice(account) for _ in range(2)]
    world.sync()
    credit = world.credit(account, "60.00", {invoices[1]: "60.00"})
    world.sync()
    assert world.errors() == []
    assert [world.qbo_invoice(invoice)["Balance"] for invoice in invoices] == [100, 40]
    assert memo_of(world, credit)["RemainingCredit"] == 0
    assert "auto_apply_credit_on" in world.value("select warnings::text from qbo_sync.company")


@pytest.mark.rule("6.b", "8.1.f")
def test_an_application_that_somebody_deleted_in_quickbooks_is_made_again(
    invoiced: tuple[World, int, list[int]],
) -> None:
    world, account, invoices = invoiced
    credit = world.credit(account, "60.00", {invoices[0]: "60.00"})
    world.sync()
    [payment] = world.qbo.all("Payment")
    world.qbo.call("payment", {"Id": payment["Id"], "SyncToken": payment["SyncToken"]}, operation="delete")
    world.apply("credit", credit, {invoices[0]: "50.00"})
    world.sync()
    assert world.qbo_invoice(invoices[0])["Balance"] == 50
    assert world.errors() == []


@pytest.mark.rule("6.d")
def test_a_credit_deleted_in_quickbooks_and_changed_here_is_told(invoiced: tuple[World, int, list[int]]) -> None:
    world, account, _ = invoiced
    credit = world.credit(account, "60.00")
    world.sync()
    memo = memo_of(world, credit)
    world.qbo.call("creditmemo", {"Id": memo["Id"], "SyncToken": memo["SyncToken"]}, operation="delete")
    world.sql("update lms.credit set amount = 70 where id = %s", credit)
    world.sync()
    [error] = world.errors()
    assert error["error_code"] == "deleted_in_quickbooks"
    assert "The credit of $70.00" in error["message"]
    assert world.qbo.all("CreditMemo") == []


def test_applied_although_its_credit_memo_was_deleted_in_quickbooks_is_told(
    invoiced: tuple[World, int, list[int]],
) -> None:
    world, account, invoices = invoiced
    credit = world.credit(account, "60.00")
    world.sync()
    memo = memo_of(world, credit)
    world.qbo.call("creditmemo", {"Id": memo["Id"], "SyncToken": memo["SyncToken"]}, operation="delete")
    world.apply("credit", credit, {invoices[0]: "60.00"})
    world.sync()
    [error] = world.errors()
    assert (error["entity"], error["error_code"]) == ("credit", "applied_to_deleted")
    assert "the credit memo was deleted there" in error["message"]
    assert error["resolution"].startswith("Delete the credit in Pilot too")
    assert (world.qbo.all("CreditMemo"), world.qbo.all("Payment")) == ([], [])
    assert world.qbo_invoice(invoices[0])["Balance"] == 100


def test_a_credit_for_an_invoice_of_another_customer_says_which(world: World) -> None:
    account = world.account("Lakeside Dental")
    pair = world.pair(account, "Dr. A")
    invoice = world.simple_invoice(account, pair)
    world.both()
    world.sql("update lms.billing_account set accounting_structure = 'detailed'")
    world.credit(account, "10.00", {invoice: "10.00"}, pair=pair)
    world.both()
    [error] = world.errors()
    number = world.lms_invoice(invoice)["invoice_number"]
    assert error["error_code"] == "qbo_620"
    assert f"invoice {number} is for “Lakeside Dental”" in error["message"]
    assert "In Pilot, change its billing account" in error["resolution"]
    assert (world.qbo.all("Payment"), world.qbo_invoice(invoice)["Balance"]) == ([], 100)
