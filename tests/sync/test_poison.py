"""One record at which QuickBooks always breaks off stops nothing but itself (rule 8.3)."""

from typing import Any

import pytest

from include.qbo import client
from include.qbo.errors import OutcomeUnknown
from include.qbo.faults import Fault, fault_of_status
from tests.support.bookkeeper import fresh, in_quickbooks, received, sale
from tests.support.both_sides import invoiced, many_invoices
from tests.support.world import INVOICES, World


@pytest.mark.rule("8.3.a")
def test_a_record_that_breaks_quickbooks_becomes_a_sync_error_and_the_others_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    invoices = many_invoices(world, 70)
    bad = world.lms_invoice(invoices[5])["invoice_number"]
    attempt = client.QboClient._attempt

    def breaking(self: client.QboClient, call: Any, url: str, query: Any, content: Any, headers: Any) -> Any:
        if content and bad in content and "requestid" in query:
            return fault_of_status(500)
        return attempt(self, call, url, query, content, headers)

    monkeypatch.setattr(client.QboClient, "_attempt", breaking)
    linked = "select count(*) from qbo_sync.entity_link where entity = 'invoice'"
    with pytest.raises(OutcomeUnknown):
        world.run(INVOICES)
    assert world.value(linked) == 40, "the other batches went through"
    let_time_pass = (
        "update qbo_sync.write_request set created_at = created_at - interval '10 minutes',"
        " sent_at = sent_at - interval '10 minutes'"
    )
    world.sql(let_time_pass)
    with pytest.raises(OutcomeUnknown):
        world.run(INVOICES)
    world.sql(let_time_pass)
    world.sync()
    assert world.value(linked) == 69
    [error] = world.errors()
    assert error["lms_id"] == invoices[5]
    assert "the connection to QuickBooks fails whenever this record is sent" in error["message"]


@pytest.mark.rule("8.3.a")
@pytest.mark.parametrize("what", ["customer", "product", "number", "number of an unconfirmed create"])
def test_a_name_about_which_quickbooks_refuses_to_be_asked_fails_only_its_record(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    account = world.account("Odd Name" if what == "customer" else "Good Name")
    product = world.product("Odd Name" if what == "product" else "Good Crown")
    pair, good = world.pair(account), world.simple_invoice()
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    if what.startswith("number"):
        world.sql("update lms.invoice set invoice_number = 'Odd Name' where id = %s", invoice)
    if what == "number of an unconfirmed create":
        world.sql(
            "insert into qbo_sync.unconfirmed_create (realm_id, entity, record_id, sent_after)"
            " values (%s, 'invoice', %s, now())",
            world.qbo.realm,
            invoice,
        )
    attempt = client.QboClient._attempt

    def refusing(self: client.QboClient, call: Any, url: str, query: Any, content: Any, headers: Any) -> Any:
        if content and "Odd Name" in content and "requestid" not in query:
            return Fault(400, "4000", "Error parsing query", "QueryParserError: Encountered “Odd”")
        return attempt(self, call, url, query, content, headers)

    with monkeypatch.context() as patched:
        patched.setattr(client.QboClient, "_attempt", refusing)
        world.sync()
        assert world.qbo_invoice(good)
        [error] = world.errors()
        assert (error["error_code"], error["detail"]["code"]) == ("lookup_refused", "4000")
        assert "cannot check whether QuickBooks already has “Odd Name”" in error["message"]
        assert error["detail"]["fault_detail"].startswith("QueryParserError")
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)


@pytest.mark.parametrize("resource", ["Invoice", "Payment"])
def test_a_record_that_quickbooks_does_not_show_stops_nothing_but_itself(world: World, resource: str) -> None:
    customer = invoiced(world)[2]
    made = [
        received(world, customer, amount) if resource == "Payment" else in_quickbooks(world, customer, sale(amount))
        for amount in ("10.00", "20.00")
    ]
    world.both()
    for record in made:
        now = fresh(world, record, resource)
        changed = {"TotalAmt": 30} if resource == "Payment" else {"Line": [sale("30.00")]}
        world.qbo.update(resource, now, CustomerRef=now["CustomerRef"], **changed)
    # Queries show an older version, so each is read by itself; the first is refused.
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"query_stale_tokens": True})
    world.qbo.control(
        "POST", "faults", {"kind": "fault", "entity": resource, "operation": "read", "times": 1, "code": "5020"}
    )
    world.capture_long_ago()
    world.bring()
    column, table = ("amount", "payment") if resource == "Payment" else ("total_amount", "invoice")
    amounts = f"select {column} as amount from lms.{table} where origin = 'qbo' order by id"
    assert [row["amount"] for row in world.sql(amounts)] == [10, 30]
    [error] = world.errors()
    assert (error["error_code"], error["qbo_id"]) == ("unreadable", made[0]["Id"])
    world.sql("update qbo_sync.sync_error set retry_at = now() where status = 'open'")
    world.both()
    assert [row["amount"] for row in world.sql(amounts)] == [30, 30]
    assert world.errors() == []


def test_a_refusal_about_which_quickbooks_refuses_to_be_asked_stops_nothing_else(world: World) -> None:
    account = world.account()
    one = world.simple_invoice(account)
    world.both()
    gone = world.qbo_invoice(one)
    world.qbo.call("invoice", {"Id": gone["Id"], "SyncToken": gone["SyncToken"]}, operation="delete")
    fault = {"kind": "fault", "entity": "Invoice", "operation": "query", "code": "5020", "realm": world.qbo.realm}
    world.qbo.control("POST", "faults", fault)
    bad, good = world.payment(account, "100.00", {one: "100.00"}), world.payment(account, "30.00")
    world.sync()
    assert world.link("payment", good)
    [error] = world.errors()
    assert (error["lms_id"], error["error_code"]) == (bad, "qbo_610")
    assert world.value("select count(*) from qbo_sync.write_intent") == 0
