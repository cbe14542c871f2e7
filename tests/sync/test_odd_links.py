"""Links and versions that no run of ours would leave behind, and errors whose cause changes."""

from dataclasses import replace
from typing import Any

import pytest

from include.qbo import invoice as qbo_invoice
from tests.support.world import World


def test_a_base_that_is_none_stops_nobody_else(world: World) -> None:
    """Somebody has written it by SQL: as if linked by hand."""
    odd, new = world.simple_invoice(), None
    world.both()
    world.sql("update qbo_sync.entity_link set base = '{\"number\": \"1\"}' where entity = 'invoice'")
    world.sql("update lms.invoice set memo = 'x' where id = %s", odd)
    new = world.simple_invoice()
    world.sync()
    assert world.link("invoice", new)
    assert world.errors() == []


def test_an_invoice_that_quickbooks_shows_without_lines_is_deleted_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = world.simple_invoice()
    world.both()
    parse = qbo_invoice.parse

    def without_lines(body: dict[str, Any]) -> Any:
        return replace(parse(body), lines_lost=True)

    with monkeypatch.context() as patch:
        patch.setattr(qbo_invoice, "parse", without_lines)
        world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", one)
        world.sync()
    assert world.qbo.all("Invoice") == []


def test_a_void_that_the_lms_edits_is_a_mismatch(world: World) -> None:
    one = world.simple_invoice()
    world.both()
    body = world.qbo_invoice(one)
    world.qbo.call("invoice", {"Id": body["Id"], "SyncToken": body["SyncToken"]}, include="void")
    world.both()
    world.sql("update lms.invoice set total_amount = 80, subtotal = 80, balance = 80 where id = %s", one)
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["total_mismatch"]


def test_a_link_by_hand_to_an_invoice_that_was_uninvoiced_goes_with_the_invoice(world: World) -> None:
    one = world.simple_invoice()
    world.both()
    world.sql("update qbo_sync.entity_link set base = '{}' where entity = 'invoice'")
    world.sql("delete from qbo_sync.entity_link where entity in ('billing_account', 'doctor_office')")
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", one)
    world.sync()
    assert (world.qbo.all("Invoice"), world.link("invoice", one)) == ([], None)


def test_a_credit_that_was_linked_by_hand_goes_with_its_credit_memo(world: World) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    world.credit(account, "10.00", {invoice: "10.00"})
    world.both()
    world.sql("update qbo_sync.entity_link set base = '{}' where entity = 'credit'")
    world.sql("update qbo_sync.credit_application_link set base = '{}'")
    world.both()
    assert (len(world.qbo.all("CreditMemo")), len(world.qbo.all("Payment"))) == (1, 1), "nothing is made again"
    world.sql("delete from lms.credit")
    world.both()
    assert (world.qbo.all("CreditMemo"), world.qbo.all("Payment"), world.errors()) == ([], [], [])
