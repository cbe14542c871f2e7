"""Invoices from the LMS to QuickBooks, record by record (sync rules, section 4)."""

from decimal import Decimal

from tests.world import World


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


def test_invoiced_again_after_uninvoicing_is_a_new_invoice(world: World) -> None:
    case = world.case(world.pair(world.account()), [{"product": world.product()}])
    world.invoice(case)
    world.sync()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.sync()
    again = world.invoice(case)
    world.sync()
    assert [x["Id"] for x in world.qbo.all("Invoice")] == [world.qbo_invoice(again)["Id"]]


def test_zero_amounts_make_no_line(world: World) -> None:
    invoice = world.simple_invoice()
    world.sync()
    kinds = [line["DetailType"] for line in world.qbo_invoice(invoice)["Line"]]
    assert kinds == ["SalesItemLineDetail", "SubTotalLineDetail"]


def test_a_long_memo_is_cut_with_an_ellipsis(world: World) -> None:
    case = world.case(world.pair(world.account()), [{"product": world.product()}], notes="x" * 5000)
    invoice = world.invoice(case)
    world.sync()
    note = world.qbo_invoice(invoice)["PrivateNote"]
    assert len(note) == 4000
    assert note.endswith("x…")
