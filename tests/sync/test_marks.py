"""Marks that must not be lost, waits that must end, errors that must not resolve wrongly."""

import psycopg
import pytest

from tests.support.both_sides import known
from tests.support.world import INVOICES, World


@pytest.mark.rule("feed.a")
def test_a_truncate_of_the_invoices_reaches_quickbooks(world: World) -> None:
    world.simple_invoice()
    world.sync()
    world.sql("truncate lms.invoice cascade")
    world.sync()
    assert world.qbo.all("Invoice") == []


@pytest.mark.rule("feed.a")
@pytest.mark.parametrize("kind", ["payment", "credit"])
def test_a_truncate_of_the_applications_reaches_quickbooks(world: World, kind: str) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    give = world.payment if kind == "payment" else world.credit
    give(account, "60.00", {invoice: "60.00"})
    world.sync()
    assert world.qbo_invoice(invoice)["Balance"] == 40
    world.sql(f"truncate lms.{kind}_application")
    world.sync()
    assert world.qbo_invoice(invoice)["Balance"] == 100
    assert world.value("select count(*) from qbo_sync.entity_link where entity = %s", kind) == 1


@pytest.mark.rule("feed.a")
def test_a_truncate_of_the_credits_takes_their_applications_along(world: World) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    world.credit(account, "60.00", {invoice: "60.00"})
    world.sync()
    world.sql("truncate lms.credit cascade")
    world.sync()
    assert (world.qbo.all("CreditMemo"), world.qbo.all("Payment")) == ([], [])
    assert world.qbo_invoice(invoice)["Balance"] == 100


@pytest.mark.rule("feed.a")
def test_a_truncate_of_the_lines_is_looked_at(world: World) -> None:
    invoice = world.simple_invoice()
    world.sync()
    world.sql("truncate lms.invoice_line_item")
    world.sql("select qbo_sync.dispatch_lms_changes()")
    assert [row["record_id"] for row in world.sql("select * from qbo_sync.change_mark")] == [str(invoice)]
    world.sync()
    assert world.qbo_invoice(invoice)["TotalAmt"] == 100, "edits are not pushed"


def test_a_slow_run_does_not_take_away_a_mark_made_after_its_own_was_settled(world: World) -> None:
    pair, product = known(world)
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    slow = world.prepared(INVOICES)
    world.sql("update lms.invoice set memo = 'changed', tax_amount = -1 where id = %s", invoice)
    world.run(INVOICES)  # a quick run: the invoice is invalid now
    assert [error["error_code"] for error in world.errors()] == ["validation_failed"]
    world.sql("update lms.invoice set tax_amount = 0 where id = %s", invoice)
    world.sql("update lms.invoice set memo = 'right' where id = %s", invoice)
    world.sql("select qbo_sync.dispatch_lms_changes()")
    world.load(slow)
    world.sync()
    assert world.qbo_invoice(invoice)["PrivateNote"] == "right"


def test_an_invoice_whose_account_became_combined_while_it_was_in_hand_is_not_stranded(world: World) -> None:
    account = world.account(structure="detailed")
    pair, product = world.pair(account), world.product()
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    in_hand = world.prepared(INVOICES)
    world.sql("update lms.billing_account set accounting_structure = 'combined' where id = %s", account)
    world.sql("select qbo_sync.dispatch_lms_changes()")
    world.load(in_hand)
    world.sync()
    world.sql("update qbo_sync.change_mark set marked_at = marked_at - interval '1 day'")
    world.sync()
    assert world.qbo_invoice(invoice)


def test_an_ignored_product_that_is_mended_syncs(world: World) -> None:
    pair, _ = known(world)
    product = world.product("Bad: Crown")
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    world.sync()
    assert [error["error_code"] for error in world.errors()] == ["validation_failed"]
    world.sql("update qbo_sync.sync_error set status = 'ignored'")
    world.sql("update lms.product set name = 'Good Crown' where id = %s", product)
    world.sync()
    assert world.qbo_invoice(invoice)


@pytest.mark.parametrize("status", ["open", "ignored"])
def test_an_error_is_not_resolved_by_a_try_that_came_to_nothing(world: World, status: str) -> None:
    pair, product = known(world)
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    number = world.lms_invoice(invoice)["invoice_number"]
    walk_in = world.qbo.create("Customer", DisplayName="Walk-in")
    world.qbo.create(
        "Invoice",
        CustomerRef={"value": walk_in["Id"]},
        DocNumber=number,
        TxnDate="2026-05-05",
        Line=[{"Amount": 150, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1}}],
    )
    world.sync()
    world.sql("update qbo_sync.sync_error set status = %s, attempts = 5", status)
    world.sql("update lms.invoice set memo = 'again' where id = %s", invoice)
    other = world.invoice(world.case(pair, [{"product": product}]))  # makes it a batch
    world.qbo.control("POST", "faults", {"kind": "item_throttle", "entity": "Invoice", "times": 2})
    world.run(INVOICES)
    assert world.value("select status from qbo_sync.sync_error") == status
    world.sync()
    assert world.value("select status from qbo_sync.sync_error") == status
    assert world.value("select attempts from qbo_sync.sync_error") == 6
    assert world.qbo_invoice(other)


@pytest.mark.rule("2.j")
def test_existing_sub_customers_are_adopted_with_their_account(world: World) -> None:
    main = world.qbo.create("Customer", DisplayName="Lakeside Dental")
    sub = world.qbo.create("Customer", DisplayName="Dr. A", Job=True, ParentRef={"value": main["Id"]})
    account = world.account("Lakeside Dental", "detailed")
    pair = world.pair(account, "Dr. A")
    invoice = world.simple_invoice(pair=pair)
    counts = world.sync()
    assert counts["failed"] == 0
    assert world.errors() == []
    assert world.qbo_invoice(invoice)["CustomerRef"]["value"] == sub["Id"]


@pytest.mark.rule("2.j")
def test_a_customer_at_the_top_is_not_adopted_as_a_sub_customer(world: World) -> None:
    world.qbo.create("Customer", DisplayName="Dr. A")
    pair = world.pair(world.account("Lakeside Dental", "detailed"), "Dr. A")
    world.simple_invoice(pair=pair)
    world.sync()
    [error] = world.errors()
    assert error["error_code"] == "name_taken"
    assert world.link("doctor_office", pair) is None
    assert world.qbo.all("Invoice") == []


def test_invoices_are_not_taken_up_before_the_customers_that_they_need(world: World) -> None:
    """They would all have to wait; the customers' load wakes their DAG (rule 8.5)."""
    world.simple_invoice()
    realm = world.qbo.realm

    def taken_up(*, woken: bool = True) -> list[str]:
        return world.companies(world.as_run(INVOICES), woken=woken)

    assert taken_up() == []
    assert taken_up(woken=False) == [realm]
    world.sql("update qbo_sync.change_mark set marked_at = now() - interval '4 minutes' where entity <> 'invoice'")
    assert taken_up() == [realm]  # nobody waits for ever
    world.sql("update qbo_sync.change_mark set marked_at = now()")
    assert taken_up() == []
    for dag_id in ("billing_account_lms_to_qbo", "product_lms_to_qbo"):
        world.load(world.prepared(dag_id))
    assert taken_up() == [realm]


def test_a_number_marked_by_hand_in_the_place_of_an_id_is_refused(world: World) -> None:
    """Accepted, it would stop the dispatcher for all companies."""
    with pytest.raises(psycopg.errors.CheckViolation):
        world.sql("select qbo_sync.mark(%s, 'lms_to_qbo', 'invoice', 'INV-101022', %s)", world.qbo.realm, world.lab)
