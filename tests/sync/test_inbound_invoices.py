"""Invoices from QuickBooks to the LMS (rule 5), through the LMS's tables and QuickBooks' API."""

from decimal import Decimal

import psycopg
import pytest

from include.lms.database import prepare
from include.qbo.text import keepable
from tests.support.bookkeeper import discount, fresh, in_quickbooks, received, remove, sale, shipping, void
from tests.support.both_sides import customer_of, lines_of, linked_account, memo_of, of_payment, of_qbo, quiet
from tests.support.quickbooks import Json
from tests.support.world import World

# ---------------------------------------------------------------------------------- created in QuickBooks


@pytest.mark.cell("invoice", "qbo", "create")
@pytest.mark.cell("shipping", "qbo", "create")
@pytest.mark.cell("tax", "qbo", "create")
@pytest.mark.cell("discount", "qbo", "create")
@pytest.mark.rule("5.a", "5.b")
def test_an_invoice_made_in_quickbooks_comes_with_all_its_parts(world: World) -> None:
    account, product = world.account("Lakeside Dental"), world.product("Crown")
    world.invoice(world.case(world.pair(account), [{"product": product}]), tax="1.00")
    world.both()
    customer = customer_of(world, account)
    crown = next(item["Id"] for item in world.qbo.all("Item") if item["Name"] == "Crown")
    tax = next(item["Id"] for item in world.qbo.all("Item") if item["Name"] == "Tax")
    made = in_quickbooks(
        world,
        customer,
        sale("120.00", crown, "2", Description="#8 A2"),
        sale("9.99"),
        sale("7.00", tax),
        discount("10.00"),
        shipping("12.50"),
        DocNumber="QB-77",
        DueDate="2026-07-20",
        PrivateNote="Entered by Zoë",
    )
    assert world.fetch()["created"] == 1
    row = of_qbo(world, made)
    assert (row["origin"], row["case_id"], row["invoice_number"]) == ("qbo", None, "QB-77")
    assert (row["billing_lab_id"], row["billing_account_id"], row["doctor_office_id"]) == (world.lab, account, None)
    assert (row["invoice_date"].isoformat(), row["due_date"].isoformat()) == ("2026-06-20", "2026-07-20")
    assert row["memo"] == "Entered by Zoë"
    amounts = [row[f"{name}_amount"] for name in ("discount", "shipping", "tax", "total")]
    assert amounts == [10, Decimal("12.50"), 7, Decimal("259.49")]
    assert (row["subtotal"], row["balance"]) == (Decimal("249.99"), Decimal("259.49"))
    first, second = lines_of(world, row["id"])
    assert (first["product_id"], first["quantity"], first["unit_price"], first["amount"]) == (product, 2, 120, 240)
    assert first["description"] == "#8 A2"
    assert second["amount"] == Decimal("9.99")
    quiet(world)


@pytest.mark.cell("tax", "qbo", "create")
@pytest.mark.rule("5.b")
def test_sales_tax_of_quickbooks_is_tax(world: World) -> None:
    _, customer = linked_account(world)
    taxed = sale("100.00")
    taxed["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "TAX"}
    made = in_quickbooks(world, customer, taxed, TxnTaxDetail={"TotalTax": Decimal("8.25")})
    assert made["TxnTaxDetail"]["TotalTax"] == Decimal("8.25"), "or there is nothing to test"
    world.fetch()
    row = of_qbo(world, made)
    assert (row["tax_amount"], row["subtotal"]) == (Decimal("8.25"), 100)
    assert row["total_amount"] == row["balance"] == made["TotalAmt"] == Decimal("108.25")
    quiet(world)


@pytest.mark.rule("5.a")
def test_an_invoice_for_a_sub_customer_names_its_pair(world: World) -> None:
    account = world.account("Lakeside Dental", "detailed")
    pair = world.pair(account)
    world.simple_invoice(pair=pair)
    world.both()
    link = world.link("doctor_office", pair)
    assert link
    made = in_quickbooks(world, link["qbo_id"])
    world.fetch()
    row = of_qbo(world, made)
    assert (row["billing_account_id"], row["doctor_office_id"]) == (account, pair)


@pytest.mark.trap(35)
def test_more_decimals_than_the_lms_keeps_do_not_change_the_amount(world: World) -> None:
    _, customer = linked_account(world)
    line = sale("33.333333", quantity="3")
    made = in_quickbooks(world, customer, {**line, "Amount": Decimal("100.00")})
    world.fetch()
    row = of_qbo(world, made)
    [kept] = lines_of(world, row["id"])
    assert (row["total_amount"], kept["amount"], kept["quantity"] * kept["unit_price"]) == (100, 100, 100)
    quiet(world)


@pytest.mark.rule("5.a")
def test_an_invoice_without_a_number_gets_one_of_its_id(world: World) -> None:
    _, customer = linked_account(world)
    made = in_quickbooks(world, customer)
    world.fetch()
    assert of_qbo(world, made)["invoice_number"] == made.get("DocNumber", f"QBO-{made['Id']}")


@pytest.mark.rule("5.d")
def test_a_customer_linked_to_nothing_is_told_and_heals_when_it_is_linked_by_hand(world: World) -> None:
    stranger = world.qbo.create("Customer", DisplayName="Walk-in Dental")
    made = in_quickbooks(world, stranger["Id"], DocNumber="W-1")
    assert world.fetch()["failed"] == 1
    [error] = world.errors()
    assert (error["error_code"], error["entity"], error["direction"]) == (
        "customer_not_linked",
        "invoice",
        "qbo_to_lms",
    )
    assert (error["qbo_id"], error["lms_id"], error["document_number"]) == (made["Id"], None, "W-1")
    assert error["billing_lab_id"] == world.lab
    assert error["detail"]["customer_id"] == stranger["Id"]
    assert "Walk-in Dental" in error["message"]
    assert world.fetch() == {}, "nothing looks at it again by itself"
    account = world.account("Walk-in Dental, Inc.")
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'billing_account', %s, %s)",
        world.qbo.realm,
        account,
        stranger["Id"],
    )
    world.both()
    assert of_qbo(world, made)["billing_account_id"] == account
    assert world.errors() == []


def test_a_pair_that_was_linked_by_hand_moves_like_any_other(world: World) -> None:
    old, new = world.account("Old", "detailed"), world.account("New", "detailed")
    world.simple_invoice(pair=world.pair(old))
    world.simple_invoice(pair=world.pair(new))
    world.both()
    pair = world.pair(old, "Dr. Mover")
    body = {"DisplayName": "Dr. M.", "Job": True, "ParentRef": {"value": customer_of(world, old)}}
    customer = world.qbo.create("Customer", **body)
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'doctor_office', %s, %s)",
        world.qbo.realm,
        pair,
        customer["Id"],
    )
    made = in_quickbooks(world, customer["Id"])
    world.both()
    assert of_qbo(world, made)["doctor_office_id"] == pair
    world.sql("update lms.doctor_office set billing_account_id = %s where id = %s", new, pair)
    world.both()
    assert fresh(world, customer, "Customer")["ParentRef"]["value"] == customer_of(world, new)
    assert world.errors() == []


def test_an_ignored_customer_stays_ignored_until_it_is_heeded_again(world: World) -> None:
    stranger = world.qbo.create("Customer", DisplayName="Retail")
    world.sql(
        "insert into qbo_sync.ignored_customer (realm_id, qbo_id, name, reason, user_name)"
        " values (%s, %s, 'Retail', 'no lab work', 'ann')",
        world.qbo.realm,
        stranger["Id"],
    )
    made = in_quickbooks(world, stranger["Id"])
    world.both()
    world.qbo.update("Invoice", fresh(world, made), PrivateNote="again")
    world.both()
    assert world.errors() == []
    assert world.value("select count(*) from lms.invoice") == 0
    assert world.value("select status from qbo_sync.sync_error") == "ignored"
    world.sql("delete from qbo_sync.ignored_customer")
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["customer_not_linked"]


@pytest.mark.rule("5.d")
def test_an_unlinked_invoice_that_is_deleted_again_takes_its_error_with_it(world: World) -> None:
    stranger = world.qbo.create("Customer", DisplayName="Walk-in Dental")
    made = in_quickbooks(world, stranger["Id"])
    world.fetch()
    assert [error["error_code"] for error in world.errors()] == ["customer_not_linked"]
    remove(world, made)
    world.fetch()
    assert world.errors() == []
    assert world.value("select count(*) from lms.invoice") == 0


@pytest.mark.setting("sync_start_date")
def test_invoices_before_the_start_date_are_left_alone_until_it_moves(world: World) -> None:
    _, customer = linked_account(world)
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-21'")
    made = in_quickbooks(world, customer)
    world.both()
    assert world.errors() == []
    assert world.value("select count(*) from lms.invoice") == 1
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-20'")
    world.both()
    assert of_qbo(world, made)


@pytest.mark.setting("receives_qbo_transactions")
def test_a_realm_without_a_receiving_lab_keeps_what_comes_for_later(world: World) -> None:
    _, customer = linked_account(world)
    world.sql("update qbo_sync.connection set receives_qbo_transactions = false")
    made, paid = in_quickbooks(world, customer), received(world, customer, "7.00")
    before = [world.sql(f"select * from lms.{table}") for table in ("invoice", "payment")]
    world.both()
    assert world.errors() == []
    assert [world.sql(f"select * from lms.{table}") for table in ("invoice", "payment")] == before
    kept = "select record_id from qbo_sync.change_mark where direction = 'qbo_to_lms' order by entity"
    assert [row["record_id"] for row in world.sql(kept)] == [made["Id"], paid["Id"]], "they stay marked"
    world.sql("update qbo_sync.connection set receives_qbo_transactions = true")
    world.both()
    assert (of_qbo(world, made)["billing_lab_id"], of_payment(world, paid)["billing_lab_id"]) == (world.lab, world.lab)
    assert world.sql(kept) == []


@pytest.mark.setting("sync_invoices")
@pytest.mark.parametrize("switch", ["sync_invoices = false", "direction = 'lms_to_qbo'"])
def test_what_is_switched_off_comes_when_it_is_switched_on(world: World, switch: str) -> None:
    _, customer = linked_account(world)
    world.sql(f"update qbo_sync.connection set {switch}")
    made = in_quickbooks(world, customer)
    world.both()
    assert (world.value("select count(*) from lms.invoice"), world.errors()) == (1, [])
    world.sql("update qbo_sync.connection set sync_invoices = true, direction = 'both'")
    world.both()
    assert of_qbo(world, made)


# ---------------------------------------------------------------------------------- adoption


def unlinked_pair(world: World, total: str = "100.00") -> tuple[int, Json]:
    """An LMS invoice that is linked to nothing (its direction is off) and one of its number in QuickBooks."""
    account, customer = linked_account(world)
    world.sql("update qbo_sync.connection set direction = 'qbo_to_lms'")
    invoice = world.simple_invoice(account)
    row = world.lms_invoice(invoice)
    made = in_quickbooks(
        world, customer, sale(total), DocNumber=row["invoice_number"], TxnDate=row["invoice_date"].isoformat()
    )
    return invoice, made


@pytest.mark.rule("2.l")
def test_the_same_invoice_on_both_sides_is_linked_not_doubled(world: World) -> None:
    invoice, made = unlinked_pair(world)
    assert world.fetch()["adopted"] == 1
    assert of_qbo(world, made)["id"] == invoice
    quiet(world)


@pytest.mark.rule("9.c")
def test_one_that_the_lms_gives_to_another_account_while_it_is_matched_is_not_linked_unasked(world: World) -> None:
    """Linked all the same, the two sides would name different customers, and nothing would ever compare them."""
    invoice, _ = unlinked_pair(world)
    account = world.lms_invoice(invoice)["billing_account_id"]
    world.capture()
    in_hand = world.prepared("invoice_qbo_to_lms")
    other = world.account("Hillside Dental")
    given = "update lms.invoice set billing_account_id = %s, doctor_office_id = %s where id = %s"
    world.sql(given, other, world.pair(other), invoice)
    assert world.load(in_hand)["waiting"] == 1
    world.fetch()
    assert world.link("invoice", invoice) is None
    [error] = world.errors()
    assert error["error_code"] == "ambiguous_match"
    assert "$100.00 for Hillside Dental, dated" in error["message"], "or she would see no difference"
    world.sql(given, account, world.pair(account), invoice)
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.fetch()
    assert world.link("invoice", invoice) and world.errors() == []


def test_a_number_with_another_total_is_told_with_its_candidate_and_heals(world: World) -> None:
    invoice, made = unlinked_pair(world, "101.00")
    world.fetch()
    [error] = world.errors()
    assert error["error_code"] == "ambiguous_match"
    assert error["detail"]["candidates"] == [str(invoice)]
    assert "$101.00" in error["message"] and "$100.00" in error["message"]
    world.qbo.update("Invoice", fresh(world, made), DocNumber="OTHER-1")
    world.fetch()
    assert world.errors() == []
    assert of_qbo(world, made)["id"] != invoice


def test_two_candidates_in_two_labs_are_told(world: World) -> None:
    invoice, _ = unlinked_pair(world)
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    row = world.lms_invoice(invoice)
    world.sql(
        "insert into lms.invoice (billing_lab_id, billing_account_id, invoice_number, invoice_date, total_amount)"
        " values (%s, %s, %s, %s, 100)",
        second,
        row["billing_account_id"],
        row["invoice_number"],
        row["invoice_date"],
    )
    world.fetch()
    [error] = [one for one in world.errors() if one["direction"] == "qbo_to_lms"]
    assert error["error_code"] == "ambiguous_match"
    assert len(error["detail"]["candidates"]) == 2
    assert world.value("select count(*) from lms.invoice") == 3, "the linked one and the two candidates"
    assert "Bright Dental Lab" in error["message"] and "Second Lab" in error["message"]


def test_a_number_that_a_linked_invoice_of_the_lab_has_is_told(world: World) -> None:
    _, customer = linked_account(world)
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"duplicate_number_warning": False})
    number = world.value("select invoice_number from lms.invoice")
    in_quickbooks(world, customer, DocNumber=number, TxnDate="2026-06-25")
    world.fetch()
    [error] = world.errors()
    assert error["error_code"] == "number_taken"
    assert number in error["message"]
    assert world.value("select count(*) from lms.invoice") == 1


def test_a_character_that_no_database_keeps_stops_nothing(world: World) -> None:
    _, customer = linked_account(world)
    odd = in_quickbooks(world, customer, PrivateNote="a \x00 NUL")
    good = in_quickbooks(world, customer)
    world.both()
    assert world.errors() == []
    assert of_qbo(world, odd)["memo"] == "a  NUL"
    assert of_qbo(world, good)
    quiet(world)
    assert keepable(
        {"Line": [{"Description": "half an emoji \ud83d, a whole one 😀"}], "Balance": Decimal("1.00")}
    ) == {
        "Line": [{"Description": "half an emoji , a whole one 😀"}],
        "Balance": Decimal("1.00"),
    }


def test_a_taken_number_heals_as_the_words_say(world: World) -> None:
    """Pilot does not follow numbers: another one for the invoice that is linked already would change nothing."""
    _, customer = linked_account(world)
    [row] = world.sql("select id, invoice_number from lms.invoice")
    world.qbo.update("Invoice", world.qbo_invoice(row["id"]), DocNumber="OTHER-1")
    made = in_quickbooks(world, customer, DocNumber=row["invoice_number"])
    world.both()
    [error] = world.errors()
    assert error["resolution"].startswith("Give the invoice of $80.00 another number in QuickBooks")
    world.qbo.update("Invoice", fresh(world, made), DocNumber="OTHER-2")
    world.both()
    assert world.errors() == []
    assert of_qbo(world, made)["invoice_number"] == "OTHER-2"


def test_where_quickbooks_numbers_itself_a_number_alike_is_no_match(world: World) -> None:
    _, customer = linked_account(world)
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": False})
    alike = world.simple_invoice(world.account())
    world.sql("update lms.invoice set discount_amount = -1 where id = %s", alike)  # refused, so not sent
    world.sync()
    made = in_quickbooks(world, customer)
    world.sql("update lms.invoice set invoice_number = %s where id = %s", made["DocNumber"], alike)
    other = in_quickbooks(world, customer)
    world.both()
    assert [error["direction"] for error in world.errors()] == ["lms_to_qbo"]
    assert of_qbo(world, made)["invoice_number"] == f"QBO-{made['Id']}"
    assert of_qbo(world, other)["invoice_number"] == other["DocNumber"]
    quiet(world)


# ---------------------------------------------------------------------------------- changed in QuickBooks


@pytest.mark.cell("invoice", "qbo", "update")
@pytest.mark.cell("tax", "qbo", "update")
@pytest.mark.rule("5.e", "5.f")
def test_amounts_follow_and_the_case_never_changes(world: World) -> None:
    product = world.product()
    case = world.case(world.pair(world.account()), [{"product": product, "quantity": "2"}])
    invoice = world.invoice(case, shipping="5.00", tax="3.00")
    world.both()
    made = world.qbo_invoice(invoice)
    item = made["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"]
    tax = next(one["Id"] for one in world.qbo.all("Item") if one["Name"] == "Tax")
    before = lines_of(world, invoice)
    world.qbo.update(
        "Invoice",
        made,
        Line=[sale("90.00", item, "3"), sale("4.00", tax), discount("15.00"), shipping("6.50")],
    )
    assert world.fetch()["updated"] == 1
    row = world.lms_invoice(invoice)
    assert row["subtotal"] == 270
    assert [row[f"{name}_amount"] for name in ("discount", "shipping", "tax", "total")] == [
        15,
        Decimal("6.50"),
        4,
        Decimal("265.50"),
    ]
    assert row["balance"] == Decimal("265.50")
    assert lines_of(world, invoice) == before
    assert world.sql("select quantity, unit_price from lms.case_line_item") == [{"quantity": 2, "unit_price": 100}]
    assert world.value("select status from lms.lab_case") == "invoiced"
    assert world.errors() == []
    quiet(world)


@pytest.mark.cell("shipping", "qbo", "update")
@pytest.mark.cell("discount", "qbo", "update")
@pytest.mark.rule("5.e")
def test_boxes_that_move_with_the_same_total_follow_too(world: World) -> None:
    invoice = world.simple_invoice()
    world.both()
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("110.00"), discount("10.00")])
    world.fetch()
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("90.00"), shipping("10.00")])
    world.fetch()
    row = world.lms_invoice(invoice)
    assert (row["subtotal"], row["discount_amount"], row["shipping_amount"], row["total_amount"]) == (90, 0, 10, 100)


@pytest.mark.rule("5.f")
def test_lines_follow_for_invoices_of_quickbooks(world: World) -> None:
    _, customer = linked_account(world)
    made = in_quickbooks(world, customer, sale("50.00", Description="old"))
    world.fetch()
    world.qbo.update(
        "Invoice", made, Line=[sale("20.00", quantity="2", Description="new"), sale("10.00", Description="extra")]
    )
    world.fetch()
    row = of_qbo(world, made)
    assert [line["description"] for line in lines_of(world, row["id"])] == ["new", "extra"]
    assert (row["total_amount"], row["balance"]) == (50, 50)
    world.qbo.update("Invoice", fresh(world, made), PrivateNote="only a note")
    assert world.fetch()["unchanged"] == 1


@pytest.mark.rule("8.4.b")
def test_an_edit_in_the_lms_that_is_not_pushed_loses_to_quickbooks_and_is_kept(world: World) -> None:
    invoice = world.simple_invoice()
    world.both()
    world.sql("update lms.invoice set shipping_amount = 7, total_amount = 107, balance = 107 where id = %s", invoice)
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("120.00")])
    world.both()
    assert world.lms_invoice(invoice)["total_amount"] == 120
    [error] = [one for one in world.errors() if one["direction"] == "qbo_to_lms"]
    assert (error["error_code"], error["lms_id"]) == ("conflict_qbo_kept", invoice)
    assert error["detail"]["lms"]["total"] == 107
    assert error["detail"]["qbo"]["total"] == 120
    world.both()
    assert [one["error_code"] for one in world.errors()] == ["conflict_qbo_kept"], "only a person closes it"


@pytest.mark.rule("4.h")
def test_a_mismatch_that_the_bookkeeper_corrects_heals(world: World) -> None:
    invoice = world.simple_invoice()
    world.sql("update lms.invoice set total_amount = 99.00, balance = 99 where id = %s", invoice)
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["total_mismatch"]
    assert world.lms_invoice(invoice)["total_amount"] == 99, "what we wrote ourselves does not come back"
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("99.00")])
    world.both()
    assert world.errors() == []


@pytest.mark.setting("direction")
def test_a_mismatch_that_the_bookkeeper_corrects_heals_in_a_lab_that_only_sends(world: World) -> None:
    world.sql("update qbo_sync.connection set direction = 'lms_to_qbo'")
    invoice = world.simple_invoice()
    world.sql("update lms.invoice set total_amount = 99.00, balance = 99 where id = %s", invoice)
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["total_mismatch"]
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("98.00")])
    world.both()
    [error] = world.errors()
    assert "$98.00" in error["message"]
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("99.00")])
    world.both()
    assert world.errors() == []


# ---------------------------------------------------------------------------------- deleted and voided


@pytest.mark.cell("invoice", "qbo", "delete")
@pytest.mark.rule("5.g")
def test_deleted_in_quickbooks_goes_with_its_applications_and_completes_its_case(world: World) -> None:
    account = world.account()
    pair, product = world.pair(account), world.product()
    case = world.case(pair, [{"product": product}])
    invoice, other = world.invoice(case), world.invoice(world.case(pair, [{"product": product}]))
    payment = world.payment(account, "130.00", {invoice: "90.00", other: "40.00"})
    credit = world.credit(account, "10.00", {invoice: "10.00"})
    world.both()
    remove(world, world.qbo_invoice(invoice))
    world.both()
    assert world.sql("select id from lms.invoice") == [{"id": other}]
    assert world.value("select status from lms.lab_case where id = %s", case) == "completed"
    assert world.link("invoice", invoice) is None
    assert world.sql("select payment_id, invoice_id, amount from lms.payment_application") == [
        {"payment_id": payment, "invoice_id": other, "amount": 40}
    ]
    assert world.sql("select * from lms.credit_application where credit_id = %s", credit) == []
    assert world.errors() == []
    quiet(world)
    again = world.invoice(case)
    world.both()
    assert world.qbo_invoice(again)


@pytest.mark.rule("8.4.a")
def test_deleted_on_both_sides_is_done(world: World) -> None:
    case = world.case(world.pair(world.account()), [{"product": world.product()}])
    invoice = world.invoice(case)
    world.both()
    remove(world, world.qbo_invoice(invoice))
    world.sql("select lms.uninvoice_case(%s)", case)
    world.both()
    assert world.link("invoice", invoice) is None
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("8.4.a")
def test_a_delete_wins_over_an_edit_which_is_kept(world: World) -> None:
    invoice = world.simple_invoice()
    world.both()
    remove(world, world.qbo_invoice(invoice))
    world.sql("update lms.invoice set tax_amount = 5, total_amount = 105 where id = %s", invoice)
    world.both()
    assert world.value("select count(*) from lms.invoice") == 0
    [error] = world.errors()
    assert error["error_code"] == "conflict_deleted"
    assert error["detail"]["lms"]["total"] == 105


def test_uninvoiced_while_it_was_changed_in_quickbooks_goes_and_the_change_is_kept(world: World) -> None:
    case = world.case(world.pair(world.account()), [{"product": world.product()}])
    invoice = world.invoice(case)
    world.both()
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("140.00")])
    world.sql("select lms.uninvoice_case(%s)", case)
    world.fetch()
    world.both()
    assert world.qbo.all("Invoice") == []
    [error] = world.errors()
    assert (error["error_code"], error["detail"]["lost"]) == ("conflict_deleted", "qbo")
    assert error["detail"]["qbo"]["total"] == 140


@pytest.mark.cell("invoice", "qbo", "void")
@pytest.mark.rule("5.h")
def test_a_void_keeps_the_invoice_with_nothing_on_it(world: World) -> None:
    account = world.account()
    case = world.case(world.pair(account), [{"product": world.product(), "discount": "5"}])
    invoice = world.invoice(case, shipping="3.00", tax="2.00")
    payment = world.payment(account, "60.00", {invoice: "60.00"})
    world.both()
    void(world, world.qbo_invoice(invoice))
    world.both()
    row = world.lms_invoice(invoice)
    assert [row[f"{name}_amount"] for name in ("discount", "shipping", "tax", "total")] == [0, 0, 0, 0]
    assert (row["subtotal"], row["balance"]) == (0, 0)
    assert world.value("select status from lms.lab_case") == "invoiced"
    assert world.sql("select * from lms.payment_application where payment_id = %s", payment) == []
    assert world.value("select amount from lms.payment where id = %s", payment) == 60
    quiet(world)


@pytest.mark.cell("invoice", "qbo", "void")
@pytest.mark.rule("5.h")
def test_a_void_frees_the_credits_that_were_applied_to_it(world: World) -> None:
    """As QuickBooks does; what else the credit is applied to stays."""
    account = world.account()
    voided, other = (world.simple_invoice(account) for _ in range(2))
    credit = world.credit(account, "50.00", {voided: "15.00", other: "20.00"})
    world.both()
    void(world, world.qbo_invoice(voided))
    world.both()
    assert world.sql("select invoice_id, amount from lms.credit_application where credit_id = %s", credit) == [
        {"invoice_id": other, "amount": 20}
    ]
    assert [world.lms_invoice(one)["balance"] for one in (voided, other)] == [0, 80]
    assert world.qbo_invoice(other)["Balance"] == 80
    assert memo_of(world, credit)["RemainingCredit"] == 30
    assert world.errors() == []
    quiet(world)


def test_a_void_leaves_nothing_open_whatever_the_lms_does_with_its_payments(world: World) -> None:
    """A payment that QuickBooks cannot take any more is an error; taken off again, the invoice is as it was."""
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    void(world, world.qbo_invoice(invoice))
    payment = world.payment(account, "60.00", {invoice: "60.00"})
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["qbo_6000"]
    assert world.lms_invoice(invoice)["balance"] == 0
    world.sql("delete from lms.payment_application where payment_id = %s", payment)
    world.sql("update lms.invoice set balance = balance + 60 where id = %s", invoice)
    world.both()
    assert world.errors() == []
    assert world.lms_invoice(invoice)["balance"] == 0
    quiet(world)


# ---------------------------------------------------------------------------------- balances


@pytest.mark.cell("invoice", "qbo", "update")
@pytest.mark.rule("5.i")
def test_a_payment_in_quickbooks_reaches_the_balance_even_before_the_payment_itself(world: World) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    world.qbo.create(
        "Payment",
        CustomerRef={"value": customer_of(world, account)},
        TotalAmt=30,
        Line=[{"Amount": 30, "LinkedTxn": [{"TxnId": world.qbo_invoice(invoice)["Id"], "TxnType": "Invoice"}]}],
    )
    world.capture()
    world.bring("invoice_qbo_to_lms")
    assert world.lms_invoice(invoice)["balance"] == 70
    world.bring()
    assert world.lms_invoice(invoice)["balance"] == 70
    quiet(world)


@pytest.mark.rule("5.i")
def test_a_credit_of_the_bookkeeper_reaches_the_balance(world: World) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    customer, made = customer_of(world, account), world.qbo_invoice(invoice)
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("25.00")])
    world.qbo.create(
        "Payment",
        CustomerRef={"value": customer},
        TotalAmt=0,
        Line=[
            {"Amount": 25, "LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Invoice"}]},
            {"Amount": 25, "LinkedTxn": [{"TxnId": memo["Id"], "TxnType": "CreditMemo"}]},
        ],
    )
    world.both()
    assert world.lms_invoice(invoice)["balance"] == 75
    assert world.value("select count(*) from lms.payment") == 0
    assert world.errors() == []


@pytest.mark.rule("5.j")
def test_a_balance_from_quickbooks_does_not_undo_what_has_not_reached_it(world: World) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    payment = world.payment(account, "40.00", {invoice: "40.00"})
    world.credit(account, "5.00", {invoice: "5.00"})
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("150.00")])
    world.fetch()
    assert world.lms_invoice(invoice)["balance"] == 105
    world.both()
    assert world.lms_invoice(invoice)["balance"] == 105
    assert fresh(world, {"Id": world.link("invoice", invoice)["qbo_id"]})["Balance"] == 105  # type: ignore[index]
    world.sql("delete from lms.payment where id = %s", payment)
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("160.00")])
    world.fetch()
    assert world.lms_invoice(invoice)["balance"] == 155, "the payment is taken back, though not in QuickBooks yet"
    world.both()
    assert world.lms_invoice(invoice)["balance"] == 155
    quiet(world)


@pytest.mark.rule("8.2.a")
def test_nothing_of_it_is_reported_back(world: World) -> None:
    _, customer = linked_account(world)
    invoice = world.value("select id from lms.invoice")
    in_quickbooks(world, customer)
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("130.00")])
    world.fetch()
    assert world.value("select count(*) from qbo_sync.lms_change") == 0
    assert world.value("select count(*) from qbo_sync.change_mark") == 0


# ---------------------------------------------------------------------------------- what else may happen


@pytest.mark.trap(50)
def test_an_invoice_whose_lines_vanished_is_not_trusted(world: World) -> None:
    _, customer = linked_account(world)
    made = in_quickbooks(world, customer, sale("50.00", Description="kept"))
    world.fetch()
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"query_lines_vanish": True})
    world.qbo.update("Invoice", made, PrivateNote="x")
    world.capture_long_ago()
    world.bring()
    assert [line["description"] for line in lines_of(world, of_qbo(world, made)["id"])] == ["kept"]


def test_a_change_in_the_lms_while_it_was_in_hand_voids_the_plan(world: World) -> None:
    invoice = world.simple_invoice()
    world.both()
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("120.00")])
    world.capture()
    in_hand = world.prepared("invoice_qbo_to_lms")
    world.sql("update lms.invoice set tax_amount = 1, total_amount = 101, balance = 101 where id = %s", invoice)
    assert world.load(in_hand)["waiting"] == 1
    world.both()
    assert world.lms_invoice(invoice)["total_amount"] == 120


@pytest.mark.rule("8.3.a")
def test_a_row_that_the_lms_holds_stops_only_itself(world: World) -> None:
    _, customer = linked_account(world)
    invoice = world.value("select id from lms.invoice")
    made = in_quickbooks(world, customer)
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("130.00")])
    world.capture()
    with prepare(psycopg.connect(world.database_url)) as lms:
        lms.execute("update lms.invoice set memo = 'open' where id = %s", [invoice])
        counts = world.steps(world.as_run("invoice_qbo_to_lms"))
        lms.rollback()
    assert (counts["created"], counts["waiting"]) == (1, 1)
    assert of_qbo(world, made)
    world.bring()
    assert world.lms_invoice(invoice)["total_amount"] == 130


def test_our_own_create_whose_link_is_not_recorded_yet_is_not_taken_for_a_new_one(world: World) -> None:
    account, customer = linked_account(world)
    invoice = world.simple_invoice(account)
    row = world.lms_invoice(invoice)
    world.sql(
        "with request as (insert into qbo_sync.write_request (request_id, realm_id) values ('r1', %(realm)s))"
        " insert into qbo_sync.write_intent (request_id, position, realm_id, entity, record_id, generation, operation,"
        " resource, payload, base, customer_id) values ('r1', 0, %(realm)s, 'invoice', %(id)s, 1, 'create', 'Invoice',"
        " jsonb_build_object('CustomerRef', jsonb_build_object('value', %(customer)s::text)), '{}',"
        " %(customer)s)".replace("%(realm)s", f"'{world.qbo.realm}'")
        .replace("%(id)s", f"'{invoice}'")
        .replace("%(customer)s", f"'{customer}'")
    )
    in_quickbooks(
        world, customer, sale("99.00"), DocNumber=row["invoice_number"], TxnDate=row["invoice_date"].isoformat()
    )
    world.capture()
    counts = world.steps(world.as_run("invoice_qbo_to_lms"))
    assert counts["waiting"] == 1
    assert world.errors() == []
    assert world.value("select count(*) from lms.invoice") == 2


def test_amounts_that_the_parts_do_not_explain_are_told(world: World) -> None:
    _, customer = linked_account(world)
    in_quickbooks(world, customer, sale("99999999999.00"))
    world.fetch()
    [error] = world.errors()
    assert error["error_code"] == "validation_failed"
    assert "too large for Pilot" in error["message"]
    assert world.value("select count(*) from lms.invoice where origin = 'qbo'") == 0


@pytest.mark.rule("8.8.a")
def test_every_record_of_an_inbound_run_has_one_outcome(world: World) -> None:
    _, customer = linked_account(world)
    in_quickbooks(world, customer)
    in_quickbooks(world, world.qbo.create("Customer", DisplayName="Stranger")["Id"])
    world.fetch()
    [run] = world.sql("select * from qbo_sync.sync_run where dag_id = 'invoice_qbo_to_lms'")
    assert (run["extracted"], run["created"], run["failed"]) == (2, 1, 1)


def test_compared_again_writes_nothing(world: World) -> None:
    _, customer = linked_account(world)
    in_quickbooks(world, customer)
    world.fetch()
    before = world.sql("select id, updated_at from lms.invoice order by id")
    world.companies(world.as_run("invoice_qbo_to_lms"), resync=True)
    assert world.bring()["unchanged"] == 2
    assert world.sql("select id, updated_at from lms.invoice order by id") == before
