"""The one order of locks (decision 0032): no two writers wait for each other."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from include.model.settings import MassDeleteLimit
from include.page.access import Visitor
from include.page.retrying import ignore, reopen, retry
from include.sync.customer_link import ignore_customer, link_customer
from include.sync.payment_link import link_payment
from tests.support.bookkeeper import change, in_quickbooks, pays, received, sale
from tests.support.both_sides import customer_of, invoiced, qbo_payment
from tests.support.ledgers.histories import agree
from tests.support.lock_order import Recorder, violations
from tests.support.quickbooks import Json, make_company
from tests.support.waiting import eventually
from tests.support.world import INVOICES, World

_SLEEPS = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4711 and granted"

_WAITS = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def test_whatever_people_do_the_runs_take_their_locks_in_one_order(world: World) -> None:
    """Every path that the histories take: runs of all DAGs that stop and go on, captures, proofs, settings."""
    recorder = Recorder(world)
    agree(world, 6, 5)
    taken = recorder.transactions()
    assert len([one for one in taken if one.marks == "shared"]) > 100
    assert len([one for one in taken if one.marks == "alone"]) > 50
    assert violations(taken) == set()


class Bookkeeper(Visitor):
    """Somebody who may do everything, without an Airflow that says so."""

    def may_run(self, dag_id: str) -> bool:
        return True


ADA = Bookkeeper(user=None, user_id="1", name="ada", may_fix=True, may_set_up=True, csrf_token="")


def errors_of(world: World, code: str) -> list[Json]:
    return world.sql("select *, true as live from qbo_sync.sync_error where error_code = %s order by id desc", code)


def nobody_starts(dag_id: str, realm_id: str, user: str) -> None:
    """The runs come later."""


def test_people_take_them_in_that_order_too(world: World) -> None:
    """What they do on the page and with SQL, to several records at once wherever that can be."""
    account, invoice, customer = invoiced(world)
    recorder = Recorder(world)
    strangers = [world.qbo.create("Customer", DisplayName=f"Stranger {number}")["Id"] for number in range(4)]
    for stranger in strangers * 2:
        in_quickbooks(world, stranger, sale("20.00"))
    check = received(world, customer, "40.00", pays(world.qbo_invoice(invoice), "40.00"), TxnDate="2026-06-17")
    world.both()
    payment = world.payment(account, "40.00", {invoice: "40.00"})
    world.both()
    connection, realm = world.connection, world.qbo.realm

    assert retry(connection, ADA, errors_of(world, "customer_not_linked"), nobody_starts) == 8
    world.both()
    with connection.transaction():
        assert ignore(connection, ADA, errors_of(world, "customer_not_linked")[:4], "Not ours.") == 4
    assert reopen(connection, ADA, errors_of(world, "customer_not_linked")[0], nobody_starts) == 1
    for number, stranger in enumerate(strangers[:2]):
        with connection.transaction():
            ignore_customer(connection, realm, stranger, f"Stranger {number}", reason="Not ours.", user="ada")
    world.sql("delete from qbo_sync.ignored_customer")
    with connection.transaction():
        link_customer(connection, realm, strangers[2], "billing_account", world.account())
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'billing_account', %s, %s)",
        realm,
        world.account(),
        strangers[3],
    )
    [question] = errors_of(world, "possible_duplicate")
    assert (question["lms_id"], question["detail"]["qbo_payment_id"]) == (payment, check["Id"])
    with connection.transaction():
        link_payment(connection, realm, payment, check["Id"])
    world.both()

    world.limit_deletes(MassDeleteLimit(minimum=1))
    doomed = [world.simple_invoice(account) for _ in range(4)]
    world.both()
    for one in doomed:
        world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", one)
    world.both()
    assert len(errors_of(world, "mass_delete_held")) == 1
    world.refuse_held(INVOICES)
    world.both()

    taken = recorder.transactions()
    assert {"delete", "insert", "update"} <= {
        statement.split()[0] for one in taken if one.marks == "alone" for statement in one.statements.values()
    }
    assert violations(taken) == set()


@pytest.mark.parametrize("first", ["payment_lms_to_qbo", "payment_qbo_to_lms"])
def test_what_was_changed_alike_on_both_sides_is_agreed_on_in_that_order(world: World, first: str) -> None:
    """Both directions store the same link, and both tell the balances of the invoices again."""
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "40.00", {invoice: "40.00"})
    world.both()
    recorder = Recorder(world)
    change(world, qbo_payment(world, payment), TotalAmt=40, Line=[])
    world.apply("payment", payment, {})
    world.capture()
    world.run(first)
    assert (world.link("payment", payment) or {})["base"]["applications"] == [], "that run agreed on it"
    world.both()
    taken = recorder.transactions()
    assert any(row.relation == "qbo_sync.entity_link" for one in taken for row in one.rows)
    assert violations(taken) == set()


def test_what_a_batch_has_made_in_an_order_of_its_own_is_marked_in_that_order(world: World) -> None:
    """Invoices that lab staff give to another account while QuickBooks makes them: the other direction has to compare
    them, and settles them in the order of QuickBooks' ids, which need not be that of Pilot's."""
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"batch_order": "reverse"})
    account, other, product = world.account(), world.account(), world.product()
    pairs = [world.pair(account), world.pair(other)]
    for pair in pairs:
        world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    invoices = [world.invoice(world.case(pairs[0], [{"product": product}])) for _ in range(3)]
    recorder = Recorder(world)
    in_hand = world.prepared(INVOICES)
    moved = "update lms.invoice set billing_account_id = %s, doctor_office_id = %s where id = %s"
    for invoice in invoices:
        world.sql(moved, other, pairs[1], invoice)
    assert world.load(in_hand)["created"] == 3
    made = [int(world.qbo_invoice(invoice)["Id"]) for invoice in invoices]
    assert made == sorted(made, reverse=True)
    world.run("invoice_qbo_to_lms")
    assert violations(recorder.transactions()) == set()


def test_forgetting_a_merged_customer_and_unlinking_it_do_not_deadlock(world: World) -> None:
    """An invoice is refused because its customer was merged into another, so the customer's link goes; at that moment
    the customers' own load takes the same link back, for the account has left the LMS. Each wants what the other has:
    the customer's mark, the customer's link."""
    _, _, survivor = invoiced(world)
    account, product = world.account(), world.product()
    pair = world.pair(account)
    cases = [world.case(pair, [{"product": product}]) for _ in range(2)]
    world.invoice(cases[0])
    world.both()
    customer = customer_of(world, account)
    world.sql("select lms.uninvoice_case(%s)", cases[0])
    world.both()
    world.qbo.control("POST", f"companies/{world.qbo.realm}/merge", {"from": customer, "into": survivor})
    world.invoice(cases[1])
    invoices = world.prepared(INVOICES)
    world.sql(
        "create function qbo_sync.nap() returns trigger language plpgsql as"
        " 'begin perform pg_advisory_xact_lock(4711); perform pg_sleep(2); return old; end'"
    )
    world.sql(
        "create trigger nap after delete on qbo_sync.entity_link for each row"
        " when (old.entity = 'billing_account') execute function qbo_sync.nap()"
    )
    world.qbo.control("POST", "faults", {"kind": "slow", "seconds": 5.0, "entity": "Invoice", "times": 1})
    with ThreadPoolExecutor(2) as pool:
        loading = pool.submit(world.load, invoices)
        eventually(lambda: world.value("select count(*) from qbo_sync.write_intent"), 10)
        world.sql("select lms.uninvoice_case(%s)", cases[1])
        for case in cases:
            world.sql("delete from lms.case_line_item where case_id = %s", case)
        world.sql("delete from lms.lab_case where id = any(%s)", cases)
        world.sql("delete from lms.doctor_office where id = %s", pair)
        world.sql("delete from lms.billing_account where id = %s", account)
        accounts = world.prepared("billing_account_lms_to_qbo")
        [planned] = world.sql("select step from qbo_sync.staged_record where run_id = %s", accounts.run.run_id)
        assert planned["step"] == "unlink"
        eventually(lambda: world.value(_SLEEPS), 20)
        unlinking = pool.submit(world.load, accounts)
        assert loading.result()["waiting"] == 1
        unlinking.result()
    world.sql("drop trigger nap on qbo_sync.entity_link")
    world.both()
    assert world.link("billing_account", account) is None
    assert world.errors() == []


@pytest.mark.parametrize(
    "other", ["wake_capture()", "webhook_captured(array[%(later)s, %(first)s], array[now(), now()])"]
)
def test_in_a_storm_of_webhooks_nobody_waits_for_another(world: World, other: str) -> None:
    """Each writes the events of several companies in one transaction. The later company's row comes first in the table,
    and in what is captured: whoever took the rows as they come would have that one while the receiver has the other."""
    company = make_company(world.qbo.url, "Bright")
    world.connect(world.billing_lab("Bright"), company)
    first, later = sorted([world.qbo.realm, company.realm])
    for realm in (later, first):
        world.sql("select qbo_sync.record_webhook_event(array[%s])", realm)
    ids = {"first": first, "later": later}
    with psycopg.connect(world.database_url) as receiver, ThreadPoolExecutor(1) as pool:
        receiver.execute("select qbo_sync.record_webhook_event(array[%(first)s])", ids)

        def meets() -> None:
            with psycopg.connect(world.database_url) as connection:
                connection.execute(f"select qbo_sync.{other}".encode(), ids)

        meeting = pool.submit(meets)
        eventually(lambda: world.value(_WAITS), 10)
        receiver.execute("select qbo_sync.record_webhook_event(array[%(later)s])", ids)
        receiver.commit()
        meeting.result()
