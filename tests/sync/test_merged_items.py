"""An item that the bookkeeper merged into another is gone under its id, as a merged customer is: what needs it finds it
by name, or creates it. The sandbox merges customers only: a link to an id that QuickBooks does not have stands for it.
"""

from tests.support.both_sides import invoiced
from tests.support.world import World


def test_an_invoice_whose_product_was_merged_into_another_comes_through(world: World) -> None:
    pair, product = world.pair(world.account()), world.product("Crown PFM")
    world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    [item] = [one for one in world.qbo.all("Item") if one["Name"] == "Crown PFM"]
    world.qbo.update("Item", item, Name="Crown")
    world.sql("update qbo_sync.entity_link set qbo_id = '987654' where entity = 'product'")
    late = world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    assert world.errors() == []
    assert world.link("invoice", late)
    assert [one["Name"] for one in world.qbo.all("Item") if one["Name"].startswith("Crown")] == ["Crown", "Crown PFM"]
    [entry] = world.sql("select entity, qbo_id, billing_lab_id from qbo_sync.audit_entry where operation = 'unlink'")
    assert entry == {"entity": "product", "qbo_id": "987654", "billing_lab_id": world.lab}


def test_so_does_a_credit_whose_item_was(world: World) -> None:
    account, _, _ = invoiced(world)
    world.credit(account, "20.00")
    world.both()
    [item] = [one for one in world.qbo.all("Item") if one["Name"] == "Lab Credit"]
    world.qbo.update("Item", item, Name="Credit")
    world.sql("update qbo_sync.special_item set qbo_id = '987654' where name = 'Lab Credit'")
    late = world.credit(account, "30.00")
    world.both()
    assert world.errors() == []
    assert world.link("credit", late)


def test_an_inactive_item_keeps_its_link(world: World) -> None:
    pair, product = world.pair(world.account()), world.product("Crown PFM")
    world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    [item] = [one for one in world.qbo.all("Item") if one["Name"] == "Crown PFM"]
    world.qbo.update("Item", item, Active=False)
    world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["inactive_reference"]
    assert (world.link("product", product) or {})["qbo_id"] == item["Id"]
