"""Records that are left alone until somebody asks for them (decision 0022)."""

from typing import Any

from tests.support.world import World


def leave_alone(world: World, entity: str, lms_id: int, qbo_id: str | None, gone_from: str | None = None) -> None:
    """As the page and the undo of a run do."""
    world.sql(
        "select qbo_sync.leave_alone(%s, %s, %s, %s, 'Not wanted', 'ada', %s)",
        world.qbo.realm,
        entity,
        lms_id,
        qbo_id,
        gone_from,
    )


def test_a_record_left_alone_is_not_synced_either_way_until_somebody_asks(world: World) -> None:
    new, linked = world.simple_invoice(), world.simple_invoice()
    leave_alone(world, "invoice", new, None)
    world.both()
    assert world.link("invoice", new) is None
    assert world.value("select count(*) from qbo_sync.entity_link where entity = 'product'") == 1, (
        "nothing early for it"
    )
    body = world.qbo_invoice(linked)
    leave_alone(world, "invoice", linked, body["Id"])
    changed: dict[str, Any] = {**body, "Line": [{**body["Line"][0], "Amount": 90}], "sparse": True}
    changed["Line"][0]["SalesItemLineDetail"] = {**changed["Line"][0]["SalesItemLineDetail"], "UnitPrice": 90}
    world.qbo.call("invoice", changed)
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", new)
    world.resync()
    world.both()
    assert world.lms_invoice(linked)["total_amount"] == 100
    assert world.errors() == []
    for one in (linked, linked):  # the second time there is nothing to ask for
        world.sql("select qbo_sync.sync_again(%s, 'invoice', %s, null)", world.qbo.realm, one)
    world.both()
    assert world.lms_invoice(linked)["total_amount"] == 90
    assert world.value("select count(*) from qbo_sync.left_alone") == 1


def test_a_run_that_has_it_in_hand_already_writes_nothing(world: World) -> None:
    new = world.simple_invoice()
    world.run("billing_account_lms_to_qbo", "product_lms_to_qbo")
    run = world.prepared("invoice_lms_to_qbo")
    leave_alone(world, "invoice", new, None)
    world.load(run)
    world.both()
    assert world.qbo.all("Invoice") == []
    world.sql("update lms.invoice set memo = 'Remake' where id = %s", new)
    world.both()
    assert world.qbo.all("Invoice") == []
    assert world.value("select qbo_sync.sync_again(%s, 'invoice', %s, null)", world.qbo.realm, new)
    world.both()
    assert len(world.qbo.all("Invoice")) == 1
