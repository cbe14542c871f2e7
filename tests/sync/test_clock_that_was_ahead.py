"""The database's clock was an hour ahead for a while: nothing waits for that hour to come (decision 0039)."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from include.orchestration.lms_trigger import LmsChangeTrigger
from include.qbo.errors import OutcomeUnknown
from tests.support.bookkeeper import in_quickbooks
from tests.support.both_sides import invoiced, known, of_qbo
from tests.support.interruptions import dying_as_it_records
from tests.support.world import INVOICES, World

#: What the database's clock writes; the pauses between polls are by the workers' clock.
_TABLES = ("change_mark", "company_trouble", "sync_error", "write_request", "api_call", "dag_listing", "webhook_event")


def clock_goes_back(world: World) -> None:
    """As if everything so far had been written while the clock was an hour ahead."""
    rows = world.sql(
        "select table_name, column_name from information_schema.columns where table_schema = 'qbo_sync'"
        "   and data_type = 'timestamp with time zone'"
        "   and (table_name = any(%s) or table_name = 'poll' and column_name in ('rests_until', 'apart_until'))",
        list(_TABLES),
    )
    assert len(rows) > len(_TABLES)
    for row in rows:
        table, column = row["table_name"], row["column_name"]
        world.sql(f"update qbo_sync.{table} set {column} = {column} + interval '1 hour'")


def corrected(world: World, since: str, until: str, table: str, **only: str) -> timedelta:
    """How long a row waits, of which a run that has begun says that it waits since no time to come."""
    world.companies(world.as_run(INVOICES))
    where = " and ".join(f"{column} = %s" for column in only) or "true"
    [row] = world.sql(
        f"select {until} - {since} as wait, {since} <= clock_timestamp() as past from qbo_sync.{table} where {where}",
        *only.values(),
    )
    assert row["past"]
    wait: timedelta = row["wait"]
    return wait


def new_invoice(world: World) -> int:
    pair, product = known(world)
    return world.invoice(world.case(pair, [{"product": product}]))


def there(world: World, invoice: int) -> list[str]:
    """The ids of QuickBooks' invoices with the invoice's number."""
    number = world.lms_invoice(invoice)["invoice_number"]
    return [one["Id"] for one in world.qbo.all("Invoice") if one["DocNumber"] == number]


def intend(world: World, invoice: int, customer: str) -> None:
    """As if a run were about to create the invoice in QuickBooks, or had died over it."""
    world.sql("insert into qbo_sync.write_request (request_id, realm_id) values ('r1', %s)", world.qbo.realm)
    world.sql(
        "insert into qbo_sync.write_intent (request_id, position, realm_id, entity, record_id, generation, operation,"
        "   resource, payload, base, customer_id) values ('r1', 0, %s, 'invoice', %s, 1, 'create', 'Invoice',"
        "   jsonb_build_object('CustomerRef', jsonb_build_object('value', %s::text)), '{}', %s)",
        world.qbo.realm,
        str(invoice),
        customer,
        customer,
    )


def lost_on_the_way(world: World) -> int:
    """An invoice whose create has not come to QuickBooks, and nobody knows."""
    invoice = new_invoice(world)
    run = world.prepared(INVOICES)
    world.qbo.control("POST", "faults", {"kind": "http_502", "operation": "create", "times": 9})
    with pytest.raises(OutcomeUnknown):
        world.load(run)
    world.qbo.control("DELETE", "faults")
    return invoice


def test_what_a_dead_run_has_in_hand_is_taken_by_the_next(world: World) -> None:
    invoice = new_invoice(world)
    world.prepared(INVOICES)
    assert world.companies(world.as_run(INVOICES)) == [], "it may still be alive"
    clock_goes_back(world)
    run = world.as_run(INVOICES)
    assert world.companies(run) == [world.qbo.realm]
    assert world.steps(run)["created"] == 1
    assert world.qbo_invoice(invoice)["TotalAmt"] == 100


def test_what_waits_for_some_seconds_waits_for_as_many_again(world: World) -> None:
    account, _, customer = invoiced(world)
    intend(world, world.simple_invoice(account), customer)
    bill = in_quickbooks(world, customer)
    world.capture()
    assert world.steps(world.as_run("invoice_qbo_to_lms"))["waiting"] == 1, "a create of ours is on its way"
    of_bill = {"direction": "qbo_to_lms", "record_id": bill["Id"]}
    before = corrected(world, "waits_since", "attempt_after", "change_mark", **of_bill)
    assert before > timedelta()
    clock_goes_back(world)
    assert corrected(world, "waits_since", "attempt_after", "change_mark", **of_bill) == before


def test_what_waits_for_another_record_goes_on_waiting_for_it(world: World) -> None:
    _, _, customer = invoiced(world)
    bill = in_quickbooks(world, customer)
    world.qbo.create(
        "Payment",
        CustomerRef={"value": customer},
        TotalAmt=80,
        Line=[{"Amount": 80, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]}],
    )
    world.capture()
    assert world.steps(world.as_run("payment_qbo_to_lms"))["waiting"] == 1
    clock_goes_back(world)
    assert world.value("select count(*) from qbo_sync.due_mark where entity = 'payment'") == 0
    world.bring()
    assert of_qbo(world, bill)["balance"] == 0


def test_a_company_that_fails_does_not_rest_for_an_hour(world: World) -> None:
    new_invoice(world)
    world.sql("select qbo_sync.dispatch_lms_changes()")
    world.sql(
        "insert into qbo_sync.company_trouble (realm_id, failures, retry_at, alone_until, error, dag_id, shown)"
        " values (%s, 9, clock_timestamp() + interval '15 minutes', clock_timestamp() + interval '15 minutes', '', %s,"
        "         true)",
        world.qbo.realm,
        INVOICES,
    )
    waking = "select count(*) from qbo_sync.waking_mark"
    assert (world.companies(world.as_run(INVOICES)), world.value(waking)) == ([], 0)
    clock_goes_back(world)
    assert (world.companies(world.as_run(INVOICES)), world.value(waking)) == ([world.qbo.realm], 1)


def test_a_company_that_could_not_be_asked_is_asked_again(world: World) -> None:
    world.sql(
        "insert into qbo_sync.poll (realm_id, failures, rests_until)"
        " values (%s, 9, clock_timestamp() + interval '15 minutes')",
        world.qbo.realm,
    )
    assert world.captured_companies() == []
    clock_goes_back(world)
    assert world.captured_companies() == [world.qbo.realm]


def test_an_error_is_tried_again_when_it_was_to_be(world: World) -> None:
    customer = world.qbo.create("Customer", DisplayName="Walk-in")
    invoice = world.simple_invoice()
    other = in_quickbooks(world, customer["Id"], DocNumber=world.lms_invoice(invoice)["invoice_number"])
    world.sync()
    [error] = world.errors()
    world.qbo.update("Invoice", other, DocNumber="W-1")
    world.sql("update qbo_sync.sync_error set last_seen_at = clock_timestamp()")
    world.sql("update qbo_sync.sync_error set retry_at = last_seen_at + interval '90 seconds'")
    clock_goes_back(world)
    assert corrected(world, "last_seen_at", "retry_at", "sync_error") == timedelta(seconds=90)
    assert [one["id"] for one in world.errors()] == [error["id"]]
    world.sql("update qbo_sync.sync_error set retry_at = clock_timestamp()")
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)["DocNumber"] == world.lms_invoice(invoice)["invoice_number"]


def test_a_write_that_a_run_died_over_is_finished_if_nothing_is_marked(world: World) -> None:
    new_invoice(world)
    world.run()
    intend(world, 999, "7")
    clock_goes_back(world)
    assert world.companies(world.as_run(INVOICES)) == []
    world.sql("update qbo_sync.write_request set created_at = created_at - interval '3 minutes'")
    assert world.companies(world.as_run(INVOICES)) == [world.qbo.realm]


@pytest.mark.parametrize("tried", ["once", "for minutes"])
def test_a_create_that_a_run_died_over_is_found(world: World, tried: str) -> None:
    invoice = new_invoice(world)
    run = world.prepared(INVOICES)
    with dying_as_it_records(1):
        world.load(run)
    if tried != "once":
        world.sql("update qbo_sync.write_request set created_at = created_at - interval '5 minutes'")
    clock_goes_back(world)
    world.sync()
    assert there(world, invoice) == [world.qbo_invoice(invoice)["Id"]]


def test_a_create_that_went_out_and_is_not_there_is_sent_again_under_its_requestid(world: World) -> None:
    invoice = lost_on_the_way(world)
    clock_goes_back(world)
    world.run(INVOICES)
    assert there(world, invoice) == [world.qbo_invoice(invoice)["Id"]]
    creates = world.sql(
        "select request_id, status from qbo_sync.api_call"
        " where resource = 'Invoice' and operation = 'create' order by id"
    )
    assert [one["status"] for one in creates[-2:]] == [502, 200]
    assert creates[-1]["request_id"] == creates[-2]["request_id"]


def test_one_that_was_tried_for_minutes_waits_for_quickbooks_before_it_is_sent_anew(world: World) -> None:
    invoice = lost_on_the_way(world)
    world.sql("update qbo_sync.write_request set created_at = created_at - interval '5 minutes'")
    clock_goes_back(world)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown, match="may still be at work"):
            world.run(INVOICES)
    assert there(world, invoice) == []
    world.sql(
        "update qbo_sync.write_request set sent_at = sent_at - interval '150 seconds',"
        "   created_at = created_at - interval '150 seconds'"
    )
    world.sync()
    assert there(world, invoice) == [world.qbo_invoice(invoice)["Id"]]


def test_what_may_have_been_created_is_found_however_far_the_clock_was_ahead(world: World) -> None:
    """Trap 6: the create is answered with a fault and done all the same, while the clock is ahead."""
    invoice = new_invoice(world)
    fault = {"kind": "fault_6000_after", "entity": "Invoice", "operation": "create", "times": 1}
    world.qbo.control("POST", "faults", fault)
    world.run(INVOICES)
    [made] = there(world, invoice)
    assert len(world.errors()) == 1
    clock_goes_back(world)
    world.sql("update qbo_sync.unconfirmed_create set sent_after = sent_after + interval '1 hour'")
    world.companies(world.as_run(INVOICES))
    world.sql("update qbo_sync.sync_error set retry_at = clock_timestamp()")
    world.sync()
    assert world.errors() == []
    assert there(world, invoice) == [made] == [world.qbo_invoice(invoice)["Id"]]


def test_a_clock_that_is_always_behind_quickbooks_is_none_that_was_ahead(world: World) -> None:
    world.sql(
        "insert into qbo_sync.unconfirmed_create (realm_id, entity, record_id, sent_after)"
        " values (%s, 'credit', '999', clock_timestamp() + interval '9 minutes')",
        world.qbo.realm,
    )
    noted = world.value("select sent_after from qbo_sync.unconfirmed_create")
    world.companies(world.as_run(INVOICES))
    assert world.value("select sent_after from qbo_sync.unconfirmed_create") == noted


@pytest.mark.parametrize("seconds_ahead", [30, 3600])
def test_a_restored_database_looks_for_what_was_created_since(world: World, seconds_ahead: int) -> None:
    new_invoice(world)
    world.run()
    world.sql("update qbo_sync.api_call set at = at + make_interval(secs => %s)", seconds_ahead)
    world.sql("update qbo_sync.sync_outcome set at = at + make_interval(secs => %s)", seconds_ahead)
    assert world.value("select qbo_sync.last_known_moment() < clock_timestamp() - interval '2 minutes'")


@pytest.mark.parametrize("answered", [True, False])
def test_quickbooks_is_asked_what_changed(world: World, *, answered: bool) -> None:
    world.poll_all()
    world.capture_apart(world.qbo.realm)
    world.sql(
        "update qbo_sync.poll set polled_at = clock_timestamp(), poll_after = clock_timestamp() + interval '5 minutes'"
    )
    if answered:
        assert world.captured_companies() == []
    else:
        world.sql("update qbo_sync.poll set polled_at = null")
    world.sql(
        "update qbo_sync.poll set poll_after = poll_after + interval '1 hour',"
        "   polled_at = polled_at + interval '1 hour'"
    )
    assert world.captured_companies() == [world.qbo.realm]


def test_webhooks_wake_the_capture(world: World) -> None:
    note, wake = "select qbo_sync.record_webhook_event(%s)", "select qbo_sync.wake_capture()"
    new_invoice(world)
    world.run()
    world.sql(note, [world.qbo.realm])
    world.capture()
    world.sql(note, [world.qbo.realm])
    assert world.value(wake) == 0, "it was written to and asked a moment ago"
    new_invoice(world)
    world.sql("select qbo_sync.dispatch_lms_changes()")
    clock_goes_back(world)
    world.sql(note, [world.qbo.realm])
    assert world.value(wake) == 1


@pytest.mark.parametrize("called", ["before", "while the clock was ahead"])
def test_changes_wake_the_dag(world: World, called: str) -> None:
    pair, product = known(world)
    trigger = LmsChangeTrigger(dag_id=INVOICES, direction="lms_to_qbo", entities=["invoice"], after=[])

    async def look() -> dict[str, Any] | None:
        async with await psycopg.AsyncConnection.connect(world.database_url, autocommit=True) as connection:
            return await trigger.look(connection)

    world.invoice(world.case(pair, [{"product": product}]))
    assert asyncio.run(look()) == {"pending": 1}
    world.run()
    world.companies(world.as_run(INVOICES))
    clock_goes_back(world)
    assert trigger.called_at is not None
    if called != "before":
        trigger.called_at += timedelta(hours=1)
    else:
        trigger.called_at -= timedelta(seconds=15)
    world.invoice(world.case(pair, [{"product": product}]))
    assert asyncio.run(look()) == {"pending": 1}
