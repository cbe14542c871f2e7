"""Products as items (rule 3)."""

from decimal import Decimal

import pytest

from tests.support.world import World


def items(world: World) -> dict[str, dict]:
    return {item["Name"]: item for item in world.qbo.all("Item")}


@pytest.mark.cell("product", "lms", "create")
@pytest.mark.setting("income_account_id")
@pytest.mark.rule("3.a")
def test_a_product_is_created_as_a_service_with_price_and_income_account(world: World) -> None:
    product = world.product("PFM Crown “noble” 3/4", "189.50")
    world.sql("update lms.product set description = 'Porcelain fused to metal' where id = %s", product)
    world.invoice(world.case(world.pair(world.account()), [{"product": product}]))
    world.sync()
    item = items(world)["PFM Crown “noble” 3/4"]
    assert (item["Type"], item["UnitPrice"], item["Description"]) == (
        "Service",
        Decimal("189.5"),
        "Porcelain fused to metal",
    )
    income = world.value("select income_account_id from qbo_sync.connection")
    assert item["IncomeAccountRef"]["value"] == income


@pytest.mark.cell("special_item", "lms", "create")
@pytest.mark.setting("tax_account_id")
@pytest.mark.rule("3.b")
def test_the_tax_item_is_made_once_and_earns_into_the_tax_account(world: World) -> None:
    account = world.qbo.create("Account", Name="Sales Tax Collected", AccountType="Income")
    world.sql("update qbo_sync.connection set tax_account_id = %s", account["Id"])
    world.simple_invoice(tax="8.00")
    world.sync()
    world.simple_invoice(tax="9.00")
    world.sync()
    taxes = [item for item in world.qbo.all("Item") if item["Name"] == "Tax"]
    assert [tax["IncomeAccountRef"]["value"] for tax in taxes] == [account["Id"]]


@pytest.mark.rule("3.b")
def test_an_existing_tax_item_is_found_by_name(world: World) -> None:
    income = world.value("select income_account_id from qbo_sync.connection")
    existing = world.qbo.create("Item", Name="Tax", Type="Service", IncomeAccountRef={"value": income})
    invoice = world.simple_invoice(tax="8.00")
    world.sync()
    used = {
        line["SalesItemLineDetail"]["ItemRef"]["value"]
        for line in world.qbo_invoice(invoice)["Line"]
        if line["DetailType"] == "SalesItemLineDetail"
    }
    assert existing["Id"] in used


@pytest.mark.cell("product", "lms", "update")
def test_changes_of_a_product_are_not_pushed(world: World) -> None:
    product = world.product("Crown", "100.00")
    world.invoice(world.case(world.pair(world.account()), [{"product": product}]))
    world.sync()
    world.sql("update lms.product set name = 'Renamed', unit_price = 1 where id = %s", product)
    world.sync()
    assert items(world)["Crown"]["UnitPrice"] == 100
    assert "Renamed" not in items(world)


@pytest.mark.rule("8.3.b")
def test_an_inactive_item_of_the_name_is_told_and_the_invoice_waits(world: World) -> None:
    income = world.value("select income_account_id from qbo_sync.connection")
    item = world.qbo.create("Item", Name="Crown", Type="Service", IncomeAccountRef={"value": income})
    world.qbo.deactivate("Item", item)
    world.invoice(world.case(world.pair(world.account()), [{"product": world.product("Crown")}]))
    world.sync()
    [error] = world.errors()
    assert (error["entity"], error["error_code"]) == ("product", "name_taken")
    assert world.qbo.all("Invoice") == []


def test_a_category_of_the_name_cannot_stand_on_an_invoice(world: World) -> None:
    world.qbo.create("Item", Name="Crown", Type="Category")
    world.invoice(world.case(world.pair(world.account()), [{"product": world.product("Crown")}]))
    world.sync()
    [error] = world.errors()
    assert "the category or bundle “Crown” already has this name" in error["message"]
    assert world.qbo.all("Invoice") == []


def test_an_item_in_a_category_is_adopted(world: World) -> None:
    category = world.qbo.create("Item", Name="Crowns", Type="Category")
    income = world.value("select income_account_id from qbo_sync.connection")
    item = world.qbo.create(
        "Item",
        Name="Zirconia Crown",
        Type="Service",
        IncomeAccountRef={"value": income},
        SubItem=True,
        ParentRef={"value": category["Id"]},
    )
    product = world.product("Zirconia Crown")
    world.invoice(world.case(world.pair(world.account()), [{"product": product}]))
    world.sync()
    assert world.errors() == []
    link = world.link("product", product)
    assert link and link["qbo_id"] == item["Id"]


def test_blanks_around_a_name_do_not_matter(world: World) -> None:
    income = world.value("select income_account_id from qbo_sync.connection")
    item = world.qbo.create("Item", Name="Zirconia Crown", Type="Service", IncomeAccountRef={"value": income})
    product = world.product(" Zirconia Crown ")
    world.invoice(world.case(world.pair(world.account()), [{"product": product}]))
    world.sync()
    link = world.link("product", product)
    assert link and link["qbo_id"] == item["Id"]


@pytest.mark.rule("2.o")
def test_two_products_whose_names_differ_in_case_only_are_told_as_products(world: World) -> None:
    one, two = world.product("Zirconia Crown"), world.product("ZIRCONIA CROWN")
    invoice = world.invoice(world.case(world.pair(world.account()), [{"product": one}, {"product": two}]))
    world.sync()
    [error] = world.errors()
    assert (error["entity"], error["error_code"], error["attempts"]) == ("product", "name_taken", 1)
    assert error["message"].casefold().endswith("another product “zirconia crown” already has this name.")
    assert len([item for item in world.qbo.all("Item") if item["Name"].casefold() == "zirconia crown"]) == 1
    assert world.qbo.all("Invoice") == []

    name = error["detail"]["free_name"]
    assert name.casefold() == "zirconia crown (2)"
    world.sql("update lms.product set name = %s where id = %s", name, int(error["lms_id"]))
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)


@pytest.mark.trap(11)
def test_a_name_whose_holder_quickbooks_does_not_show_is_told_in_general_words_once(world: World) -> None:
    fault = {"kind": "fault", "entity": "Item", "operation": "create", "code": "6240", "times": 1}
    world.qbo.control("POST", "faults", fault)
    world.invoice(world.case(world.pair(world.account()), [{"product": world.product("Crown")}]))
    world.sync()
    [error] = world.errors()
    assert (error["entity"], error["error_code"], error["attempts"]) == ("product", "qbo_6240", 1)
    assert error["message"].endswith("another product or service already has this name.")
    assert "among inactive records too" in error["resolution"]


def sold(world: World, invoice: int) -> list[str]:
    """The names of the items on an invoice in QuickBooks."""
    names = {item["Id"]: name for name, item in items(world).items()}
    return [
        names[line["SalesItemLineDetail"]["ItemRef"]["value"]]
        for line in world.qbo_invoice(invoice)["Line"]
        if line["DetailType"] == "SalesItemLineDetail"
    ]


@pytest.mark.rule("3.e")
@pytest.mark.parametrize("there", ["not yet", "the bookkeeper's", "the sync's"])
@pytest.mark.parametrize(("name", "special"), [("Tax", "Tax"), (" TAX ", "Tax"), ("lab credit", "Lab Credit")])
def test_a_product_with_the_name_of_a_special_item_is_told_and_never_becomes_it(
    world: World, name: str, special: str, there: str
) -> None:
    pair = world.pair(account := world.account())
    income = world.value("select income_account_id from qbo_sync.connection")
    if there == "the bookkeeper's":
        world.qbo.create("Item", Name=special, Type="Service", IncomeAccountRef={"value": income})
    elif there == "the sync's":
        world.simple_invoice(pair=pair, tax="5.00")
        world.credit(account, "20.00")
        world.sync()
    product = world.product(name)
    waiting = world.invoice(world.case(pair, [{"product": product}]), tax="8.00")
    other = world.simple_invoice(pair=pair, tax="9.00")
    world.credit(account, "30.00")
    world.sync()
    [error] = world.errors()
    assert (error["entity"], error["error_code"], error["attempts"]) == ("product", "name_reserved", 1)
    assert f"Pilot uses the QuickBooks item “{special}” for" in error["message"]
    assert f"Rename the product in Pilot (for example, to “{name.strip()} (Product)”" in error["resolution"]
    assert world.link("product", product) is None
    assert world.link("invoice", waiting) is None
    assert sold(world, other)[-1] == "Tax"

    world.sql("update lms.product set name = %s where id = %s", error["detail"]["free_name"], product)
    world.sync()
    assert world.errors() == []
    assert sold(world, waiting) == [f"{name.strip()} (Product)", "Tax"]
    assert len([one for one in items(world) if one.casefold() == special.casefold()]) == 1


@pytest.mark.cell("special_item", "lms", "update")
@pytest.mark.cell("special_item", "lms", "delete")
def test_the_special_items_stay_as_they_are_whatever_becomes_of_setting_and_records(world: World) -> None:
    account = world.account()
    case = world.case(world.pair(account), [{"product": world.product()}])
    world.invoice(case, tax="5.00")
    credit = world.credit(account, "20.00")
    world.sync()
    made = {name: items(world)[name] for name in ("Tax", "Lab Credit")}
    other = next(a["Id"] for a in world.qbo.all("Account") if a["Name"] == "Discounts given")
    world.sql("update qbo_sync.connection set tax_account_id = %s, credit_account_id = %s", other, other)
    world.simple_invoice(account, tax="6.00")
    world.sync()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.sql("delete from lms.credit where id = %s", credit)
    world.sync()
    assert {name: items(world)[name] for name in made} == made
    assert world.errors() == []
