"""The change feed of the LMS: nothing is lost in commit order, nothing that was rolled back is seen."""

import psycopg
import pytest

from include.lms.database import prepare
from include.stack.postgres import ThrowawayServer
from tests.support.pipeline import as_pipeline
from tests.support.world import INVOICES, World


def marks(world: World) -> set[tuple[str, str]]:
    world.sql("select qbo_sync.dispatch_lms_changes()")
    return {(row["entity"], row["record_id"]) for row in world.sql("select * from qbo_sync.change_mark")}


@pytest.mark.rule("feed.a")
def test_a_long_transaction_is_seen_when_it_commits_although_later_ones_were_synced_before(world: World) -> None:
    slow = world.case(world.pair(world.account("Slow")), [{"product": world.product()}])
    with psycopg.connect(world.database_url) as long_transaction:
        [invoice] = long_transaction.execute("select lms.invoice_case(%s, '2026-06-01')", [slow]).fetchone() or [0]
        quick = world.simple_invoice(world.account("Quick"))
        world.sync()
        assert world.qbo_invoice(quick)
        assert world.link("invoice", invoice) is None
    world.sync()
    assert world.qbo_invoice(invoice)["CustomerRef"]["name"] == "Slow"


@pytest.mark.rule("feed.a")
def test_a_rolled_back_change_is_never_seen(world: World) -> None:
    case = world.case(world.pair(world.account()), [{"product": world.product()}])
    marks(world)
    with psycopg.connect(world.database_url) as connection:
        connection.execute("select lms.invoice_case(%s)", [case])
        connection.rollback()
    assert marks(world) == set()
    assert world.sync() == {}


def test_lms_transactions_do_not_wait_for_each_other(world: World) -> None:
    """Two open transactions for the same account and product: a shared mark row would make the second one wait."""
    pair, product = world.pair(world.account()), world.product()
    first, second = (world.case(pair, [{"product": product}]) for _ in range(2))
    world.invoice(world.case(pair, [{"product": product}]))  # the number sequence exists, the account is known
    world.sync()
    with psycopg.connect(world.database_url) as one, psycopg.connect(world.database_url) as two:
        two.execute("set lock_timeout = '2s'")
        one.execute("update lms.lab_case set billing_notes = 'a' where id = %s", [first])
        one.execute("update lms.invoice set memo = 'a'")
        two.execute("update lms.lab_case set billing_notes = 'b' where id = %s", [second])
        two.execute("update lms.product set description = 'b'")


def test_a_change_while_a_run_has_the_record_in_hand_is_not_lost(world: World) -> None:
    pair, product = world.pair(world.account()), world.product()
    world.invoice(world.case(pair, [{"product": product}]))
    world.sync()
    case = world.case(pair, [{"product": product}])
    invoice = world.invoice(case)
    in_hand = world.prepared(INVOICES)
    world.sql("select lms.uninvoice_case(%s)", case)
    world.sql("select qbo_sync.dispatch_lms_changes()")
    counts = world.load(in_hand)
    assert counts["waiting"] == 1, "the plan is void"
    world.sync()
    assert world.link("invoice", invoice) is None
    assert len(world.qbo.all("Invoice")) == 1


@pytest.mark.rule("8.2.a")
def test_what_the_pipeline_writes_itself_is_not_reported(world: World) -> None:
    invoice = world.simple_invoice()
    world.sync()
    with prepare(psycopg.connect(world.database_url)) as connection:
        as_pipeline(connection)
        connection.execute("update lms.invoice set balance = 0 where id = %s", [invoice])
    assert world.value("select count(*) from qbo_sync.lms_change") == 0


def test_an_invoice_line_added_later_is_seen(world: World) -> None:
    case = world.case(world.pair(world.account()), [])
    invoice = world.invoice(case)
    world.sync()
    assert [error["error_code"] for error in world.errors()] == ["validation_failed"]
    world.sql(
        "insert into lms.invoice_line_item (invoice_id, position, product_id, quantity, unit_price, amount)"
        " values (%s, 1, %s, 1, 50, 50)",
        invoice,
        world.product(),
    )
    world.sql("update lms.invoice set subtotal = 50, total_amount = 50 where id = %s", invoice)
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)["TotalAmt"] == 50


@pytest.mark.setting("connected")
def test_a_lab_that_is_connected_later_brings_its_earlier_invoices(world: World) -> None:
    late = world.billing_lab("Late Lab")
    invoice = world.invoice(world.case(world.pair(world.account()), [{"product": world.product()}], lab=late))
    world.sync()
    assert world.qbo.all("Invoice") == []
    world.connect(late, world.qbo)
    world.sync()
    assert world.qbo_invoice(invoice)


@pytest.mark.parametrize("relation", ["sync_error", "action_item"])
def test_the_dashboard_role_reads_the_errors_and_nothing_else(
    world: World, postgres_server: ThrowawayServer, relation: str
) -> None:
    world.simple_invoice(world.account("Bad: Name"))
    world.sync()
    with psycopg.connect(postgres_server.admin_url, dbname=world.database_url.rpartition("/")[2]) as connection:
        connection.execute("set role lms_dashboard")
        row = connection.execute(f"select count(*) from qbo_sync.{relation}".encode()).fetchone()
        assert row == (1,)
        for forbidden in ("company", "connection", "entity_link", "change_mark"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"select * from qbo_sync.{forbidden}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("update qbo_sync.sync_error set status = 'ignored'")
