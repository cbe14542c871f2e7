"""Billing accounts and doctor–office pairs as customers (rule 2)."""

import unicodedata

import pytest

from include.sync.customer_link import candidates, link_customer
from tests.support.bookkeeper import in_quickbooks, pays, received
from tests.support.both_sides import customer_of, invoiced, of_payment, of_qbo, quiet
from tests.support.quickbooks import make_company
from tests.support.world import World


def by_name(world: World) -> dict[str, dict]:
    return {customer["DisplayName"]: customer for customer in world.qbo.all("Customer")}


@pytest.mark.cell("billing_account", "lms", "create")
@pytest.mark.rule("2.h")
def test_nothing_is_created_before_an_invoice_needs_it(world: World) -> None:
    world.pair(world.account(structure="detailed"))
    world.product()
    world.sync()
    assert world.qbo.all("Customer") == []


@pytest.mark.cell("billing_account", "lms", "create")
@pytest.mark.rule("2.a")
def test_a_combined_account_is_one_customer(world: World) -> None:
    account = world.account("Lakeside Dental", email="front@lakeside.example", phone="(415) 555-0100")
    invoice = world.simple_invoice(account)
    world.sync()
    customer = by_name(world)["Lakeside Dental"]
    assert customer["PrimaryEmailAddr"]["Address"] == "front@lakeside.example"
    assert customer["PrimaryPhone"]["FreeFormNumber"] == "(415) 555-0100"
    assert world.qbo_invoice(invoice)["CustomerRef"]["value"] == customer["Id"]
    assert len(world.qbo.all("Customer")) == 1


@pytest.mark.cell("billing_account", "lms", "create")
@pytest.mark.cell("doctor_office", "lms", "create")
@pytest.mark.rule("2.b")
def test_an_invoice_of_a_detailed_account_goes_to_the_sub_customer_of_its_pair(world: World) -> None:
    account = world.account("Lakeside Dental", "detailed")
    pair = world.pair(account, "Dr. Zoë Ibáñez – Lakeside")
    invoice = world.simple_invoice(pair=pair)
    world.sync()
    customers = by_name(world)
    sub = customers["Dr. Zoë Ibáñez – Lakeside"]
    assert sub["ParentRef"]["value"] == customers["Lakeside Dental"]["Id"]
    assert sub["Job"] is True
    assert world.qbo_invoice(invoice)["CustomerRef"]["value"] == sub["Id"]


def under(world: World, account: str) -> set[str]:
    """The names of the sub-customers of an account's customer."""
    main = by_name(world)[account]["Id"]
    return {name for name, one in by_name(world).items() if one.get("ParentRef", {}).get("value") == main}


@pytest.mark.cell("doctor_office", "lms", "create")
@pytest.mark.rule("2.b")
@pytest.mark.parametrize("names_a_pair", [True, False])
def test_the_first_invoice_of_a_detailed_account_makes_the_whole_practice(world: World, names_a_pair: bool) -> None:
    account = world.account("Lakeside Dental", "detailed")
    first, _ = world.pair(account, "Dr. A"), world.pair(account, "Dr. B")
    world.pair(world.account("Hillside Dental", "detailed"), "Dr. H")
    world.sync()
    assert by_name(world) == {}, "nothing before the account's first invoice"
    invoice = world.simple_invoice(pair=first)
    if not names_a_pair:
        world.sql("update lms.invoice set doctor_office_id = null where id = %s", invoice)
    world.sync()
    assert set(by_name(world)) == {"Lakeside Dental", "Dr. A", "Dr. B"}, "and nothing of other accounts"
    assert under(world, "Lakeside Dental") == {"Dr. A", "Dr. B"}
    assert world.errors() == []


@pytest.mark.rule("2.b")
@pytest.mark.rule("2.h")
def test_a_pair_that_is_added_later_gets_its_sub_customer_at_once(world: World) -> None:
    account = world.account("Lakeside Dental", "detailed")
    world.simple_invoice(pair=world.pair(account, "Dr. A"))
    world.sync()
    world.pair(account, "Dr. C")
    world.pair(world.account("Hillside Dental", "detailed"), "Dr. H")
    assert world.sync()["created"] == 1
    assert under(world, "Lakeside Dental") == {"Dr. A", "Dr. C"}
    assert "Dr. H" not in by_name(world)


@pytest.mark.rule("8.3.a")
def test_a_pair_that_cannot_be_a_sub_customer_stops_neither_the_others_nor_their_invoices(world: World) -> None:
    world.qbo.create("Vendor", DisplayName="Dr. B")
    account = world.account("Lakeside Dental", "detailed")
    ordering, _ = world.pair(account, "Dr. A"), world.pair(account, "Dr. B")
    world.pair(account, "Dr. C")
    invoice = world.simple_invoice(pair=ordering)
    world.sync()
    assert world.qbo_invoice(invoice)["CustomerRef"]["name"].endswith("Dr. A")
    assert under(world, "Lakeside Dental") == {"Dr. A", "Dr. C"}
    [error] = world.errors()
    assert (error["entity"], error["error_code"], error["document_number"]) == ("doctor_office", "name_taken", "Dr. B")
    world.simple_invoice(pair=ordering)
    world.sync()
    assert world.errors()[0]["attempts"] == 1, "another invoice of the practice is no reason to try again"


@pytest.mark.rule("2.i")
def test_labs_that_share_a_company_share_the_sub_customers_of_a_practice(world: World) -> None:
    second, third = world.billing_lab("Second Lab"), world.billing_lab("Third Lab")
    other = make_company(world.qbo.url, "Other Inc.")
    world.connect(second, world.qbo)
    world.connect(third, other)
    account, product = world.account("Lakeside Dental", "detailed"), world.product()
    pairs = [world.pair(account, name) for name in ("Dr. A", "Dr. B")]
    for lab, pair in zip((world.lab, second), pairs, strict=True):
        world.invoice(world.case(pair, [{"product": product}], lab=lab))
    world.sync()
    assert set(by_name(world)) == {"Lakeside Dental", "Dr. A", "Dr. B"}
    assert other.all("Customer") == [], "no invoice there yet"
    world.invoice(world.case(pairs[0], [{"product": product}], lab=third))
    world.sync()
    assert {one["DisplayName"] for one in other.all("Customer")} == {"Lakeside Dental", "Dr. A", "Dr. B"}
    assert world.errors() == []


@pytest.mark.cell("billing_account", "lms", "update")
@pytest.mark.rule("2.d")
def test_combined_to_detailed_gives_every_pair_a_sub_customer_and_leaves_old_invoices(world: World) -> None:
    account = world.account("Lakeside Dental")
    pair, other = world.pair(account, "Pair A"), world.pair(account, "Pair B")
    before = world.simple_invoice(pair=pair)
    world.sync()
    world.sql("update lms.billing_account set accounting_structure = 'detailed' where id = %s", account)
    world.sync()
    customers = by_name(world)
    assert {customers[name]["ParentRef"]["value"] for name in ("Pair A", "Pair B")} == {
        customers["Lakeside Dental"]["Id"]
    }
    after = world.simple_invoice(pair=other)
    world.sync()
    assert world.qbo_invoice(before)["CustomerRef"]["value"] == customers["Lakeside Dental"]["Id"]
    assert world.qbo_invoice(after)["CustomerRef"]["value"] == customers["Pair B"]["Id"]


@pytest.mark.cell("billing_account", "lms", "update")
@pytest.mark.rule("2.e")
def test_detailed_to_combined_sends_new_invoices_to_the_main_customer(world: World) -> None:
    account = world.account("Lakeside Dental", "detailed")
    pair = world.pair(account, "Pair A")
    world.simple_invoice(pair=pair)
    world.sync()
    world.sql("update lms.billing_account set accounting_structure = 'combined' where id = %s", account)
    invoice = world.simple_invoice(pair=pair)
    world.sync()
    customers = by_name(world)
    assert world.qbo_invoice(invoice)["CustomerRef"]["value"] == customers["Lakeside Dental"]["Id"]
    assert customers["Pair A"]["Active"] is True


@pytest.mark.cell("doctor_office", "lms", "update")
@pytest.mark.rule("2.f")
def test_a_moved_pair_keeps_its_customer_under_the_new_account(world: World) -> None:
    old, new = world.account("Old Practice", "detailed"), world.account("New Practice", "detailed")
    pair = world.pair(old, "Dr. Mover")
    world.simple_invoice(pair=pair)
    world.sync()
    before = by_name(world)["Dr. Mover"]
    world.sql("update lms.doctor_office set billing_account_id = %s where id = %s", new, pair)
    world.sync()
    customers = by_name(world)
    assert customers["Dr. Mover"]["Id"] == before["Id"]
    assert customers["Dr. Mover"]["ParentRef"]["value"] == customers["New Practice"]["Id"]


@pytest.mark.rule("2.f")
@pytest.mark.trap(12)
def test_a_move_survives_a_change_by_the_bookkeeper_in_between(world: World) -> None:
    old, new = world.account("Old Practice", "detailed"), world.account("New Practice", "detailed")
    pair = world.pair(old, "Dr. Mover")
    world.simple_invoice(pair=pair)
    world.sync()
    world.qbo.update("Customer", by_name(world)["Dr. Mover"], Notes="calls on Fridays")
    world.sql("update lms.doctor_office set billing_account_id = %s where id = %s", new, pair)
    world.sync()
    moved = by_name(world)["Dr. Mover"]
    assert moved["ParentRef"]["value"] == by_name(world)["New Practice"]["Id"]
    assert moved["Notes"] == "calls on Fridays"


@pytest.mark.rule("2.g")
def test_a_pair_that_comes_to_a_detailed_account_gets_a_sub_customer(world: World) -> None:
    combined, detailed = world.account("Combined"), world.account("Detailed", "detailed")
    world.simple_invoice(pair=world.pair(detailed, "Resident"))
    pair = world.pair(combined, "Newcomer")
    world.simple_invoice(pair=pair)
    world.sync()
    assert "Newcomer" not in by_name(world)
    world.sql("update lms.doctor_office set billing_account_id = %s where id = %s", detailed, pair)
    world.sync()
    assert by_name(world)["Newcomer"]["ParentRef"]["value"] == by_name(world)["Detailed"]["Id"]


@pytest.mark.cell("billing_account", "lms", "update")
@pytest.mark.rule("2.n")
def test_name_and_contact_changes_are_not_pushed(world: World) -> None:
    account = world.account("Lakeside Dental")
    world.simple_invoice(account)
    world.sync()
    world.sql("update lms.billing_account set name = 'Other', email = 'x@y.example' where id = %s", account)
    assert world.sync()["unchanged"] == 2  # the account and its pair
    assert list(by_name(world)) == ["Lakeside Dental"]


@pytest.mark.rule("2.j")
def test_an_existing_customer_of_the_same_name_is_adopted(world: World) -> None:
    existing = world.qbo.create("Customer", DisplayName="LAKESIDE dental")
    invoice = world.simple_invoice(world.account("Lakeside Dental"))
    counts = world.sync()
    assert counts["adopted"] == 1
    assert world.qbo_invoice(invoice)["CustomerRef"]["value"] == existing["Id"]
    assert len(world.qbo.all("Customer")) == 1


@pytest.mark.parametrize("name", ["Lakeside Dental ", " Lakeside Dental", "Lakeside Dental\u00a0\n"])
def test_blanks_around_a_name_do_not_matter(world: World, name: str) -> None:
    world.qbo.create("Customer", DisplayName="Lakeside Dental")
    world.simple_invoice(world.account(name))
    assert world.sync()["adopted"] == 1
    assert world.errors() == []


def test_accents_that_stand_apart_do_not_matter(world: World) -> None:
    world.qbo.create("Customer", DisplayName=unicodedata.normalize("NFC", "Zahnärzte Müller"))
    world.simple_invoice(world.account(unicodedata.normalize("NFD", "Zahnärzte Müller")))
    assert world.sync()["adopted"] == 1
    assert world.errors() == []


def test_a_name_of_blanks_is_told(world: World) -> None:
    world.simple_invoice(world.account("  "))
    world.sync()
    [error] = world.errors()
    assert error["message"] == "A customer has no name in Pilot."
    assert (world.qbo.all("Customer"), world.qbo.all("Invoice")) == ([], [])


@pytest.mark.rule("2.m")
@pytest.mark.trap(42)
@pytest.mark.parametrize("kind", ["Vendor", "Employee"])
def test_a_name_held_by_another_kind_is_told_and_heals(world: World, kind: str) -> None:
    names = {"DisplayName": "Zahn Dental"} if kind == "Vendor" else {"GivenName": "Zahn", "FamilyName": "Dental"}
    holder = world.qbo.create(kind, **names)
    invoice = world.simple_invoice(world.account("Zahn Dental"))
    counts = world.sync()
    assert counts["waiting"] >= 1
    [error] = world.errors()
    assert (error["entity"], error["error_code"], error["attempts"]) == ("billing_account", "name_taken", 1)
    assert f"the {kind.lower()} “Zahn Dental” already has this name" in error["message"]
    renamed = f"Zahn Dental ({kind.lower()})"
    assert f"Rename the {kind.lower()} in QuickBooks (for example, to “{renamed}”" in error["resolution"]

    world.qbo.update(kind, holder, DisplayName=renamed)
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)["CustomerRef"]["name"] == "Zahn Dental"


@pytest.mark.rule("2.m")
def test_a_deactivated_customer_of_the_name_is_told(world: World) -> None:
    world.qbo.deactivate("Customer", world.qbo.create("Customer", DisplayName="Oak Street"))
    world.simple_invoice(world.account("Oak Street"))
    world.sync()
    [error] = world.errors()
    assert "the inactive customer “Oak Street (deleted)” already has this name" in error["message"]
    assert "active again" in error["resolution"]
    assert (world.qbo.all("Customer"), world.qbo.all("Invoice")) == ([], []), "neither used nor doubled"


ROE = "Dr. Jane Roe DDS"


@pytest.mark.rule("2.o")
@pytest.mark.parametrize("way_out", ["rename", "combined"])
def test_a_solo_practitioner_whose_pair_is_named_like_the_account_is_told_and_both_ways_out_work(
    world: World, way_out: str
) -> None:
    account = world.account(ROE, "detailed")
    pair = world.pair(account, f"{ROE} ")
    invoice = world.simple_invoice(pair=pair)
    world.sync()
    [error] = world.errors()
    assert (error["entity"], error["error_code"], error["attempts"]) == ("doctor_office", "name_taken", 1)
    assert "the main customer of the same account already has this name." in error["message"]
    assert f"“{ROE} (Main)”, which is free" in error["resolution"]
    assert set(by_name(world)) == {ROE}
    assert world.value("select count(*) from qbo_sync.api_call where fault_code = '6240'") == 0, "told without trying"

    if way_out == "rename":
        name = error["detail"]["free_name"]
        world.sql("update lms.doctor_office set child_subaccount_name = %s where id = %s", name, pair)
    else:
        world.sql("update lms.billing_account set accounting_structure = 'combined' where id = %s", account)
    world.sync()
    assert world.errors() == []
    wanted = f"{ROE} (Main)" if way_out == "rename" else ROE
    assert world.qbo_invoice(invoice)["CustomerRef"]["value"] == by_name(world)[wanted]["Id"]
    assert under(world, ROE) == ({wanted} if way_out == "rename" else set())


@pytest.mark.rule("2.o")
@pytest.mark.parametrize("at_once", [True, False])
def test_the_same_office_name_under_two_accounts_is_told_with_the_other_pair(world: World, at_once: bool) -> None:
    """In one run the second is refused by QuickBooks; later its name is found taken before it is sent."""
    first = world.pair(world.account("Hillside Dental", "detailed"), "Main Office")
    second = world.pair(world.account("Lakeside Dental", "detailed"), "Main Office")
    world.simple_invoice(pair=first)
    if not at_once:
        world.sync()
    invoice = world.simple_invoice(pair=second)
    world.sync()
    [error] = world.errors()
    assert (error["error_code"], error["attempts"], int(error["lms_id"])) == ("name_taken", 1, second)
    assert error["message"] == (
        "The sub-customer “Main Office” of “Lakeside Dental” cannot be created in QuickBooks: the pair “Main Office” "
        "of the account “Hillside Dental” already has this name."
    )
    assert "Rename the pair in Pilot (for example, to “Main Office (Lakeside Dental)”" in error["resolution"]
    assert (world.value("select count(*) from qbo_sync.api_call where fault_code = '6240'") == 1) == at_once

    name = error["detail"]["free_name"]
    world.sql("update lms.doctor_office set child_subaccount_name = %s where id = %s", name, second)
    world.sync()
    assert world.errors() == []
    assert under(world, "Lakeside Dental") == {"Main Office (Lakeside Dental)"}
    assert world.qbo_invoice(invoice)["CustomerRef"]["value"] == by_name(world)[name]["Id"]


@pytest.mark.rule("2.o")
def test_a_sub_customer_of_the_bookkeeper_s_own_that_has_the_name_is_told_with_its_parent(world: World) -> None:
    parent = world.qbo.create("Customer", DisplayName="Uptown Orthodontics")
    world.qbo.create("Customer", DisplayName="Main Office", Job=True, ParentRef={"value": parent["Id"]})
    world.simple_invoice(world.account("Main Office"))
    world.sync()
    [error] = world.errors()
    assert "the sub-customer “Main Office” of “Uptown Orthodontics” already has this name" in error["message"]


@pytest.mark.rule("2.o")
def test_a_proposed_name_is_free_in_quickbooks(world: World) -> None:
    """Also of inactive records and of those of another kind, and it is not proposed twice."""
    world.qbo.create("Customer", DisplayName="Main Office")
    world.qbo.create("Vendor", DisplayName="MAIN OFFICE (Lakeside Dental)")
    world.qbo.deactivate("Customer", world.qbo.create("Customer", DisplayName="Main Office (Main)"))
    account = world.account("Lakeside Dental", "detailed")
    first = world.pair(account, "Main Office")
    world.pair(account, "Main Office")
    world.simple_invoice(pair=first)
    world.sync()
    assert {error["detail"]["free_name"] for error in world.errors()} == {"Main Office (2)", "Main Office (3)"}


def test_quickbooks_is_asked_for_free_names_only_where_names_are_taken_and_for_all_of_them_at_once(
    world: World,
) -> None:
    def questions(names: list[str]) -> int:
        before = world.value("select coalesce(max(id), 0) from qbo_sync.api_call")
        for name in names:
            world.simple_invoice(world.account(name))
        world.run("billing_account_lms_to_qbo")
        return world.value("select count(*) from qbo_sync.api_call where id > %s and metered", before)

    for number in range(6):
        world.qbo.create("Vendor", DisplayName=f"Zahn {number}")
    free = questions(["Lakeside Dental"])
    assert questions(["Zahn 0"]) == free + 1
    assert questions([f"Zahn {number}" for number in range(1, 6)]) == free + 1


@pytest.mark.rule("8.3.c", "8.7.b")
def test_a_name_too_long_is_told_and_heals_when_it_is_shortened(world: World) -> None:
    account = world.account("x" * 501)
    invoice = world.simple_invoice(account)
    world.sync()
    [error] = world.errors()
    assert error["error_code"] == "validation_failed"
    assert "501 characters; QuickBooks allows at most 500" in error["message"]
    world.sql("update lms.billing_account set name = 'Short' where id = %s", account)
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)["CustomerRef"]["name"] == "Short"


@pytest.mark.parametrize("email", ["front@lakeside.example, billing@lakeside.example", "front@lakeside.example "])
def test_email_addresses_that_quickbooks_takes_stop_nothing(world: World, email: str) -> None:
    account = world.account("Lakeside Dental", email=email)
    world.simple_invoice(account)
    world.sync()
    assert world.errors() == []
    assert by_name(world)["Lakeside Dental"]["PrimaryEmailAddr"]["Address"] == email.strip()


@pytest.mark.parametrize("email", ["front desk", "front@lakeside.example,", "front@lakeside.example billing@x.example"])
def test_an_email_address_that_is_none_is_told(world: World, email: str) -> None:
    world.simple_invoice(world.account("Lakeside Dental", email=email))
    world.sync()
    [error] = world.errors()
    assert (error["error_code"], error["detail"]["rule"]) == ("validation_failed", "email_format")
    assert (world.qbo.all("Customer"), world.qbo.all("Invoice")) == ([], [])


@pytest.mark.rule("8.3.a")
def test_one_bad_customer_stops_nobody_else(world: World) -> None:
    world.simple_invoice(world.account("Bad: Name"))
    good = world.simple_invoice(world.account("Good Name"))
    world.sync()
    assert world.qbo_invoice(good)
    assert [error["entity"] for error in world.errors()] == ["billing_account"]


@pytest.mark.rule("2.i")
def test_two_labs_on_one_company_share_customers_and_items(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    pair, product = world.pair(world.account("Shared")), world.product("Shared Crown")
    for lab in (world.lab, second):
        world.invoice(world.case(pair, [{"product": product}], lab=lab))
    world.sync()
    assert world.errors() == []
    assert len(world.qbo.all("Customer")) == 1
    assert len(world.qbo.all("Invoice")) == 2
    assert world.value("select count(*) from qbo_sync.connection where receives_qbo_transactions") == 1


@pytest.mark.rule("2.i")
def test_labs_on_two_companies_have_a_customer_in_each(world: World) -> None:
    second, other = world.billing_lab("Second Lab"), make_company(world.qbo.url, "Other Inc.")
    world.connect(second, other)
    pair, product = world.pair(world.account("Shared")), world.product("Shared Crown")
    for lab in (world.lab, second):
        world.invoice(world.case(pair, [{"product": product}], lab=lab))
    world.sync()
    assert [len(company.all("Customer")) for company in (world.qbo, other)] == [1, 1]
    assert [len(company.all("Invoice")) for company in (world.qbo, other)] == [1, 1]


def leave_the_lms(world: World) -> None:
    """The cases, pairs, accounts and products go; what was invoiced of them went before."""
    for table in ("case_line_item", "lab_case", "doctor_office", "billing_account", "product"):
        world.sql(f"delete from lms.{table}")


def uninvoiced(world: World, account: int, product: int) -> str:
    """The customer of an account whose only case was invoiced and is not any more."""
    case = world.case(world.pair(account), [{"product": product}])
    world.invoice(case)
    world.both()
    customer = customer_of(world, account)
    world.sql("select lms.uninvoice_case(%s)", case)
    world.both()
    return customer


def test_an_account_and_a_product_that_are_entered_anew_take_over_what_quickbooks_has(world: World) -> None:
    customer = uninvoiced(world, world.account("Lakeside Dental"), world.product("Zirconia Crown"))
    leave_the_lms(world)
    again, product = world.account("Lakeside Dental"), world.product("Zirconia Crown")
    invoice = world.invoice(world.case(world.pair(again), [{"product": product}]))
    world.both()
    assert (world.errors(), customer_of(world, again)) == ([], customer)
    assert world.link("product", product) and world.qbo_invoice(invoice)["CustomerRef"]["value"] == customer
    assert world.value("select count(*) from qbo_sync.orphaned_link") == 0
    quiet(world)


@pytest.mark.parametrize("direction", ["both", "qbo_to_lms"])
def test_the_customer_of_an_account_that_left_the_lms_is_told_once_and_can_be_linked(
    world: World, direction: str
) -> None:
    customer = uninvoiced(world, world.account("Lakeside Dental"), world.product())
    world.sql("update qbo_sync.connection set direction = %s", direction)
    leave_the_lms(world)
    made = in_quickbooks(world, customer)
    world.both()
    [error] = world.errors()
    assert (error["error_code"], error["attempts"]) == ("customer_not_linked", 1)
    assert world.value("select count(*) from lms.invoice") == 0
    other = world.account("The new record of the practice")
    with world.connection.transaction():
        link_customer(world.connection, world.qbo.realm, customer, "billing_account", other)
    world.both()
    assert (world.errors(), of_qbo(world, made)["billing_account_id"]) == ([], other)


def merge(world: World, loser: str, winner: str) -> None:
    world.qbo.control("POST", f"companies/{world.qbo.realm}/merge", {"from": loser, "into": winner})


@pytest.mark.parametrize("table", ["invoice", "payment", "credit", "pair"])
def test_an_account_whose_customer_was_merged_into_another_account_s_gets_one_again(world: World, table: str) -> None:
    _, _, winner = invoiced(world)
    account, _, loser = invoiced(world)
    merge(world, loser, winner)
    world.both()
    if table == "invoice":
        world.simple_invoice(account)
    elif table == "pair":
        world.sql("update lms.billing_account set accounting_structure = 'detailed' where id = %s", account)
    else:
        getattr(world, table)(account, "20.00")
    world.both()
    again = customer_of(world, account)
    # What was booked on the customer that is no more stands under the other one now (rule 9).
    assert [error["error_code"] for error in world.errors()] == ["customer_changed"]
    assert again not in (winner, loser)
    assert len([one for one in world.qbo.all("Customer") if not one.get("Job")]) == 2
    if table in ("payment", "credit"):
        [made] = world.qbo.all("Payment" if table == "payment" else "CreditMemo")
        assert made["CustomerRef"]["value"] == again
    quiet(world)


def test_an_account_whose_customer_was_merged_into_an_unlinked_one_can_be_linked_to_that(world: World) -> None:
    account, invoice, customer = invoiced(world)
    survivor = world.qbo.create("Customer", DisplayName="Lakeside Dental LLC")
    merge(world, customer, survivor["Id"])
    hers = received(world, survivor["Id"], "100.00", pays(world.qbo_invoice(invoice), "100.00"))
    world.both()
    assert {(error["entity"], error["error_code"]) for error in world.errors()} == {
        ("payment", "customer_not_linked"),
        ("invoice", "customer_changed"),
    }
    name = world.value("select name from lms.billing_account where id = %s", account)
    with world.connection.transaction():
        assert account in [one["lms_id"] for one in candidates(world.connection, world.qbo.realm, name)]
        link_customer(world.connection, world.qbo.realm, survivor["Id"], "billing_account", account)
    new = world.simple_invoice(account)
    world.both()
    assert world.errors() == [] and of_payment(world, hers)["applied"] == {invoice: 100}
    assert world.qbo_invoice(new)["CustomerRef"]["value"] == survivor["Id"]


def in_canada(world: World) -> dict:
    """A customer with another currency than the company's own."""
    currencies = {"MultiCurrencyEnabled": True}
    world.prefer(CurrencyPrefs=currencies)
    return world.qbo.create("Customer", DisplayName="Toronto Dental", CurrencyRef={"value": "CAD"})


def test_a_customer_in_another_currency_is_not_adopted_and_that_heals(world: World) -> None:
    customer = in_canada(world)
    invoice = world.simple_invoice(world.account("Toronto Dental"))
    world.sync()
    [error] = world.errors()
    assert (error["entity"], error["error_code"]) == ("billing_account", "foreign_currency")
    assert "“Toronto Dental” is billed in CAD" in error["message"]
    assert world.qbo.all("Invoice") == []

    world.qbo.update("Customer", customer, DisplayName="Toronto Dental (CAD)")
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)["CurrencyRef"]["value"] == "USD"


def test_nothing_is_booked_for_a_customer_in_another_currency(world: World) -> None:
    """Linked by hand: QuickBooks would take Pilot's dollars as Canadian ones."""
    customer = in_canada(world)
    account = world.account("Toronto Dental")
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'billing_account', %s, %s)",
        world.qbo.realm,
        account,
        customer["Id"],
    )
    good = world.simple_invoice()
    world.simple_invoice(account)
    world.payment(account, "30.00")
    world.credit(account, "20.00")
    world.sync()
    assert {(error["entity"], error["error_code"]) for error in world.errors()} == {
        (entity, "foreign_currency") for entity in ("invoice", "payment", "credit")
    }
    assert all("“Toronto Dental”, who is billed in CAD" in error["message"] for error in world.errors())
    assert [invoice["Id"] for invoice in world.qbo.all("Invoice")] == [world.qbo_invoice(good)["Id"]]
    assert world.qbo.all("Payment") == world.qbo.all("CreditMemo") == []


def test_a_company_with_one_currency_is_not_asked_for_that_of_its_customers(world: World) -> None:
    account = world.account()
    world.simple_invoice(account)
    world.sync()
    before = world.value("select count(*) from qbo_sync.api_call where operation = 'query'")
    world.credit(account, "20.00")
    world.run("credit_lms_to_qbo")
    assert world.value("select count(*) from qbo_sync.api_call where operation = 'query'") == before


def test_the_error_of_a_pair_that_is_deleted_ends(world: World) -> None:
    account = world.account("Lakeside Dental", structure="detailed")
    world.invoice(world.case(world.pair(account), [{"product": world.product()}]))
    world.both()
    wrong = world.pair(account, "Dr. Bell: Main Street")
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["validation_failed"]
    world.sql("delete from lms.doctor_office where id = %s", wrong)
    world.both()
    assert world.errors() == []
