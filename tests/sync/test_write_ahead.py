"""Write-ahead under hard conditions: batches half answered, half recorded or refused as a whole."""

import pytest

from include.qbo.errors import OutcomeUnknown
from tests.support.both_sides import assert_each_once, many_invoices
from tests.support.interruptions import dying_as_it_records
from tests.support.world import INVOICES, World


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost answer is lost at once."""
    monkeypatch.setattr("include.qbo.client.TIMEOUT", (2, 2))
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)


def lose_a_batch(world: World) -> None:
    world.qbo.control(
        "POST", "faults", {"kind": "timeout_after", "operation": "create", "entity": "Invoice", "times": 1}
    )
    with pytest.raises(OutcomeUnknown):
        world.run(INVOICES)


@pytest.mark.trap(3, 39)
def test_a_lost_batch_with_one_refused_invoice_does_not_stop_the_next_load(world: World, impatient: None) -> None:
    invoices = many_invoices(world, 6)
    walk_in = world.qbo.create("Customer", DisplayName="Walk-in")
    world.qbo.create(
        "Invoice",
        CustomerRef={"value": walk_in["Id"]},
        DocNumber=world.lms_invoice(invoices[3])["invoice_number"],
        TxnDate="2026-05-05",
        Line=[{"Amount": 150, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1}}],
    )
    lose_a_batch(world)
    world.sync()
    assert [error["lms_id"] for error in world.errors()] == [invoices[3]]
    assert world.value("select count(*) from qbo_sync.entity_link where entity = 'invoice'") == 5
    assert len(world.qbo.all("Invoice")) == 6


def test_deletes_half_recorded_when_the_worker_died(world: World, impatient: None) -> None:
    """One of the batch's deletes failed; the worker died while it recorded the answers."""
    pair, product = world.pair(world.account()), world.product()
    cases = [world.case(pair, [{"product": product}]) for _ in range(6)]
    invoices = [world.invoice(case) for case in cases]
    world.sync()
    # The bookkeeper has touched one: its delete comes back with a stale SyncToken.
    world.qbo.update("Invoice", world.qbo_invoice(invoices[4]), PrivateNote="touched")
    for case in cases:
        world.sql("select lms.uninvoice_case(%s)", case)
    with dying_as_it_records(4):
        world.run(INVOICES)
    world.sync()
    assert world.qbo.all("Invoice") == []
    assert world.value("select count(*) from qbo_sync.entity_link where entity = 'invoice'") == 0
    assert world.value("select count(*) from qbo_sync.write_intent") == 0


@pytest.mark.rule("8.1.f")
@pytest.mark.trap(2)
def test_a_repeated_request_has_the_same_bytes(world: World, impatient: None) -> None:
    """What Intuit does with another body under a known id nobody knows: the sandbox can refuse it (600)."""
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"requestid_other_body": "refuse"})
    pair, product = world.pair(world.account()), world.product()
    cases = [world.case(pair, [{"product": product}]) for _ in range(4)]
    for case in cases:
        world.invoice(case)
    world.sync()
    for case in cases:
        world.sql("select lms.uninvoice_case(%s)", case)
    world.qbo.control("POST", "faults", {"kind": "timeout_after", "operation": "delete", "times": 1})
    with pytest.raises(OutcomeUnknown):
        world.run(INVOICES)
    world.sync()
    assert world.qbo.all("Invoice") == []


def test_a_batch_that_is_refused_as_a_whole_goes_out_one_by_one(world: World) -> None:
    invoices = many_invoices(world, 6)
    world.qbo.control("POST", "faults", {"kind": "html_413", "operation": "create", "entity": "Invoice", "times": 1})
    world.sync()
    assert_each_once(world, invoices)


@pytest.mark.trap(36)
def test_a_lost_invoice_is_looked_for_among_invoices_with_text_lines(world: World, impatient: None) -> None:
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": False})
    many_invoices(world, 3)
    walk_in = world.qbo.create("Customer", DisplayName="Walk-in")
    world.qbo.create(
        "Invoice",
        CustomerRef={"value": walk_in["Id"]},
        TxnDate="2026-06-01",
        Line=[
            {"Amount": 150, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1}},
            {"Description": "Thank you", "DetailType": "DescriptionOnly", "DescriptionLineDetail": {}},
        ],
    )
    lose_a_batch(world)
    world.sync()
    assert len(world.qbo.all("Invoice")) == 4
    assert world.value("select count(*) from qbo_sync.write_intent") == 0


def test_a_grant_that_quickbooks_refuses_pauses_the_company(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.qbo.errors import ReconnectRequired

    world.simple_invoice()
    world.qbo.control("POST", "faults", {"kind": "http_401", "times": 2})
    with pytest.raises(ReconnectRequired):
        world.run()
    assert world.value("select status from qbo_sync.company") == "reconnect_required"
