"""Invoices from the LMS to QuickBooks, record by record (rule 4)."""

from datetime import date
from decimal import Decimal

import pytest

from tests.support.world import World


@pytest.mark.cell("invoice", "lms", "create")
@pytest.mark.cell("shipping", "lms", "create")
@pytest.mark.cell("discount", "lms", "create")
@pytest.mark.rule("3.d", "4.a")
@pytest.mark.trap(30, 33, 37, 43)
def test_an_invoiced_case_becomes_an_invoice_with_its_boxes_filled(world: World) -> None:
    product = world.product("Zirconia Crown", "199.95")
    case = world.case(
        world.pair(world.account('Smith & O\'Brien "Family" Dental')),
        [
            {"product": product, "quantity": "2", "price": "199.95", "discount": "20.00", "notation": "#8 A2 · “high”"},
            {"product": product, "quantity": "1.5", "price": "33.33"},
        ],
        notes="Rush – Dr. Zoë wants it Friday",
    )
    invoice = world.invoice(case, shipping="12.50", tax="7.77")
    world.sync()

    assert world.errors() == []
    row, made = world.lms_invoice(invoice), world.qbo_invoice(invoice)
    assert made["DocNumber"] == row["invoice_number"]
    assert made["TxnDate"] == row["invoice_date"].isoformat()
    assert made["DueDate"] == row["due_date"].isoformat()
    assert made["TotalAmt"] == row["total_amount"] == Decimal("399.90") + 50 - 20 + Decimal("12.50") + Decimal("7.77")
    assert made["PrivateNote"] == "Rush – Dr. Zoë wants it Friday"
    by_type = {line["DetailType"]: line for line in made["Line"]}
    assert by_type["DiscountLineDetail"]["Amount"] == 20
    assert by_type["DiscountLineDetail"]["DiscountLineDetail"]["PercentBased"] is False
    sales = [line for line in made["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    shipping = [x for x in sales if x["SalesItemLineDetail"]["ItemRef"]["value"] == "SHIPPING_ITEM_ID"]
    assert [line["Amount"] for line in shipping] == [Decimal("12.5")]
    assert sales[0]["Description"] == "#8 A2 · “high”"
    assert sales[0]["SalesItemLineDetail"]["Qty"] == 2
    items = {item["Id"]: item["Name"] for item in world.qbo.all("Item")}
    assert items[sales[0]["SalesItemLineDetail"]["ItemRef"]["value"]] == "Zirconia Crown"
    tax = [x for x in sales if items.get(x["SalesItemLineDetail"]["ItemRef"]["value"]) == "Tax"]
    assert [line["Amount"] for line in tax] == [Decimal("7.77")]
    customers = [c["DisplayName"] for c in world.qbo.all("Customer")]
    assert customers == ['Smith & O\'Brien "Family" Dental']


def test_a_second_run_writes_nothing(world: World) -> None:
    for _ in range(3):
        world.simple_invoice(tax="1.00")
    first = world.sync()
    assert first["created"] == 3 + 3 + 3 + 1
    world.qbo.control("POST", "stats/reset")
    assert world.resync()["unchanged"] == 10
    assert world.qbo.writes() == 0


@pytest.mark.cell("invoice", "lms", "delete")
def test_uninvoicing_deletes_it_in_quickbooks(world: World) -> None:
    pair = world.pair(world.account())
    case = world.case(pair, [{"product": world.product()}])
    invoice = world.invoice(case)
    world.sync()
    assert len(world.qbo.all("Invoice")) == 1
    world.sql("select lms.uninvoice_case(%s)", case)
    assert world.sync()["deleted"] == 1
    assert world.qbo.all("Invoice") == []
    assert world.link("invoice", invoice) is None


@pytest.mark.rule("4.j")
def test_invoiced_again_after_uninvoicing_is_a_new_invoice(world: World) -> None:
    case = world.case(world.pair(world.account()), [{"product": world.product()}])
    world.invoice(case)
    world.sync()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.sync()
    again = world.invoice(case)
    world.sync()
    assert [x["Id"] for x in world.qbo.all("Invoice")] == [world.qbo_invoice(again)["Id"]]


@pytest.mark.rule("4.i")
def test_zero_amounts_make_no_line(world: World) -> None:
    invoice = world.simple_invoice()
    world.sync()
    kinds = [line["DetailType"] for line in world.qbo_invoice(invoice)["Line"]]
    assert kinds == ["SalesItemLineDetail", "SubTotalLineDetail"]


@pytest.mark.rule("8.7.a")
def test_a_long_memo_is_cut_with_an_ellipsis(world: World) -> None:
    case = world.case(world.pair(world.account()), [{"product": world.product()}], notes="x" * 5000)
    invoice = world.invoice(case)
    world.sync()
    note = world.qbo_invoice(invoice)["PrivateNote"]
    assert len(note) == 4000
    assert note.endswith("x…")


@pytest.mark.rule("2.l", "4.g")
def test_an_invoice_of_the_same_number_customer_day_and_total_is_adopted(world: World) -> None:
    account = world.account("Lakeside Dental")
    customer = world.qbo.create("Customer", DisplayName="Lakeside Dental")
    invoice = world.simple_invoice(account)
    row = world.lms_invoice(invoice)
    existing = world.qbo.create(
        "Invoice",
        CustomerRef={"value": customer["Id"]},
        DocNumber=row["invoice_number"],
        TxnDate=row["invoice_date"].isoformat(),
        Line=[
            {"Amount": row["total_amount"], "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1}},
        ],
    )
    assert world.sync()["adopted"] == 2
    assert world.qbo_invoice(invoice)["Id"] == existing["Id"]
    assert len(world.qbo.all("Invoice")) == 1


@pytest.mark.rule("4.f")
@pytest.mark.trap(39)
def test_a_number_that_another_invoice_has_is_told_with_its_name_and_heals(world: World) -> None:
    customer = world.qbo.create("Customer", DisplayName="Walk-in")
    invoice = world.simple_invoice()
    number = world.lms_invoice(invoice)["invoice_number"]
    other = world.qbo.create(
        "Invoice",
        CustomerRef={"value": customer["Id"]},
        DocNumber=number,
        TxnDate="2026-05-05",
        Line=[{"Amount": 150, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1}}],
    )
    world.sync()
    [error] = world.errors()
    assert error["error_code"] == "qbo_6140"
    assert error["document_number"] == number
    assert "the invoice of $150.00 for Walk-in, dated 05/05/2026" in error["message"]
    assert error["detail"]["intuit_tid"]

    world.qbo.update("Invoice", other, DocNumber="W-1")
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)["DocNumber"] == number


@pytest.mark.rule("4.h")
def test_a_total_that_quickbooks_computes_differently_stays_linked_and_is_told(world: World) -> None:
    invoice = world.simple_invoice()
    world.sql("update lms.invoice set total_amount = 99.00 where id = %s", invoice)
    assert world.sync()["failed"] == 1
    [error] = world.errors()
    assert error["error_code"] == "total_mismatch"
    assert "$99.00 in Pilot but $100.00 in QuickBooks" in error["message"]
    assert world.link("invoice", invoice) is not None
    world.resync()
    assert len(world.errors()) == 1, "comparing again must not hide it"
    world.sql("update lms.invoice set total_amount = 100.00 where id = %s", invoice)
    world.sync()
    assert world.errors() == []
    assert len(world.qbo.all("Invoice")) == 1


@pytest.mark.rule("8.3.a", "8.7.b")
def test_a_batch_with_one_bad_invoice_creates_the_others(world: World) -> None:
    account, product = world.account(), world.product()
    pair = world.pair(account)
    cases = [world.case(pair, [{"product": product}]) for _ in range(12)]
    invoices = [world.invoice(case) for case in cases]
    world.sql("update lms.invoice set invoice_number = repeat('9', 22) where id = %s", invoices[0])
    counts = world.sync()
    assert (counts["created"], counts["failed"]) == (11 + 2, 1)
    assert len(world.qbo.all("Invoice")) == 11
    [error] = world.errors()
    assert "has 22 characters; QuickBooks allows at most 21" in error["message"]


@pytest.mark.trap(40)
def test_an_inactive_customer_is_named(world: World) -> None:
    account = world.account("Lakeside Dental")
    world.simple_invoice(account)
    world.sync()
    world.qbo.deactivate("Customer", world.qbo.create("Customer", DisplayName="Unrelated"))
    [customer] = [c for c in world.qbo.all("Customer") if c["DisplayName"] == "Lakeside Dental"]
    for each in world.qbo.all("Invoice"):
        world.qbo.call("invoice", {"Id": each["Id"], "SyncToken": each["SyncToken"]}, operation="delete")
    world.qbo.deactivate("Customer", customer)
    world.simple_invoice(account)
    world.sync()
    [error] = world.errors()
    assert error["error_code"] == "inactive_reference"
    assert "the customer “Lakeside Dental” is inactive" in error["message"]
    assert world.qbo.all("Invoice") == []


@pytest.mark.setting("sync_start_date")
def test_invoices_before_the_start_date_are_left_alone_until_the_date_moves(world: World) -> None:
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-02'")
    invoice = world.simple_invoice()
    counts = world.sync()
    assert counts == {**counts, "created": 0, "failed": 0}
    assert world.qbo.all("Customer") == []
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-01'")
    world.sync()
    assert world.qbo_invoice(invoice)


@pytest.mark.setting("sync_invoices")
def test_switched_off_is_no_error_and_switched_on_catches_up(world: World) -> None:
    world.sql("update qbo_sync.connection set sync_invoices = false")
    invoice = world.simple_invoice()
    world.sync()
    assert world.qbo.all("Invoice") == []
    assert world.errors() == []
    world.sql("update qbo_sync.connection set sync_invoices = true, direction = 'qbo_to_lms'")
    world.sync()
    assert world.qbo.all("Invoice") == []
    world.sql("update qbo_sync.connection set direction = 'both'")
    world.sync()
    assert world.qbo_invoice(invoice)


@pytest.mark.rule("4.e")
def test_without_custom_numbers_quickbooks_numbers_and_nothing_is_doubled(world: World) -> None:
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": False})
    account, product = world.account(), world.product()
    pair = world.pair(account)
    invoices = [world.invoice(world.case(pair, [{"product": product}])) for _ in range(3)]
    world.sync()
    numbers = {world.qbo_invoice(invoice)["DocNumber"] for invoice in invoices}
    assert len(numbers) == len(world.qbo.all("Invoice")) == 3
    assert world.value("select warnings->0->>'code' from qbo_sync.company") == "custom_numbers_off"


def test_without_custom_numbers_an_invoice_alike_is_another_one(world: World) -> None:
    account = world.account("Lakeside Dental")
    world.simple_invoice(account)
    world.sync()
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": False})
    customer = world.qbo.all("Customer")[0]["Id"]
    line = {"Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1, "UnitPrice": 100}}
    theirs = world.qbo.create("Invoice", CustomerRef={"value": customer}, TxnDate="2026-06-05", Line=[line])
    invoice = world.simple_invoice(account, on=date(2026, 6, 5))
    world.sync()
    assert world.qbo_invoice(invoice)["Id"] != theirs["Id"]


def test_closed_books_are_respected_before_sending(world: World) -> None:
    world.prefer(AccountingInfoPrefs={"BookCloseDate": "2026-06-30"})
    world.simple_invoice()
    world.sync()
    [error] = world.errors()
    assert error["error_code"] == "books_closed"
    assert "06/30/2026" in error["message"]
    sent = "select count(*) from qbo_sync.api_call where resource = 'Invoice' and operation in ('create', 'batch')"
    assert (world.value(sent), world.qbo.all("Invoice")) == (0, [])


def test_books_that_were_opened_again_are_noticed_when_it_is_tried_again(world: World) -> None:
    def close_books(until: str | None) -> None:
        body = {"AccountingInfoPrefs": {"BookCloseDate": until}}
        world.qbo.control("POST", f"companies/{world.qbo.realm}/preferences", body)

    def times_read() -> int:
        return world.value("select count(*) from qbo_sync.api_call where resource = 'Preferences'")

    close_books("2026-06-10")
    world.sql("update qbo_sync.company set preferences_read_at = null")
    invoice = world.simple_invoice()
    world.sync()
    assert [error["error_code"] for error in world.errors()] == ["books_closed"]
    before = times_read()
    world.simple_invoice(on=date(2026, 6, 20))
    world.sync()
    assert times_read() == before, "not for others"
    close_books(None)
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.sync()
    assert world.link("invoice", invoice) and world.errors() == []


@pytest.mark.rule("8.8.a")
def test_every_record_of_a_run_has_one_outcome(world: World) -> None:
    world.simple_invoice()
    world.simple_invoice(world.account("Bad: Name"))
    world.sync()
    rows = world.sql("select * from qbo_sync.sync_run")
    outcomes = ("created", "updated", "deleted", "adopted", "unchanged", "waiting", "failed")
    assert all(row["extracted"] == sum(row[name] for name in outcomes) for row in rows)
    assert world.value("select count(*) from qbo_sync.staged_record where outcome is null") == 0
