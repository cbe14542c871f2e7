"""What was before, what came after, which run, which request: of each write to either side."""

from collections import Counter
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from include.qbo.errors import OutcomeUnknown
from tests.support.bookkeeper import change, in_quickbooks, pays, received, sale, void
from tests.support.quickbooks import Json
from tests.support.world import INVOICES, World


def entries(world: World, entity: str, record: int | str) -> list[Json]:
    """The entries of a record of the LMS or (text) of QuickBooks, in their order."""
    column = "lms_id" if isinstance(record, int) else "qbo_id"
    return world.sql(
        f"select * from qbo_sync.audit_entry where entity = %s and {column} = %s order by id", entity, record
    )


def what(found: list[Json]) -> list[tuple[str, str]]:
    return [(one["side"], one["operation"]) for one in found]


def walk(world: World) -> Counter[tuple[str, str, str]]:
    """How many entries there are of each entity, side and operation, whichever the record. Each takes up where the one
    before it left the record (what was applied to an invoice is gone with it), and says which run wrote it and, of
    QuickBooks, with which request."""
    left: dict[tuple[str, int], Any] = {}
    runs = {(one["dag_id"], one["run_id"], one["realm_id"]) for one in world.sql("select * from qbo_sync.sync_run")}
    found = world.sql("select * from qbo_sync.audit_entry order by id")
    for one in found:
        record = one["entity"], one["lms_id"]
        if one["lms_id"] and one["before"]:
            before = {**one["before"], "applications": None}
            assert before == {**left[record], "applications": None}, record
        left[record] = one["after"]
        assert (one["dag_id"], one["run_id"], one["realm_id"]) in runs
        assert bool(one["request_id"]) == bool(one["intuit_tid"]) == (one["side"] == "qbo")
    return Counter((one["entity"], one["side"], one["operation"]) for one in found)


def last_run(world: World, dag_id: str) -> str:
    return str(
        world.value("select run_id from qbo_sync.sync_run where dag_id = %s order by finished_at desc limit 1", dag_id)
    )


def rows(world: World, entry: Json) -> dict[str, tuple[Any, Any]]:
    """The LMS's rows of an entry: table -> what its first write found and what its last one left."""
    found: dict[str, tuple[Any, Any]] = {}
    for one in world.sql("select * from qbo_sync.audit_row where entry_id = %s order by id", entry["id"]):
        before, _ = found.get(one["table_name"], (one["before"], None))
        found[one["table_name"]] = (before, one["after"])
    return found


def test_each_write_to_quickbooks_says_what_was_before_and_after_and_with_which_request(world: World) -> None:
    account = world.account("Cedar Dental", structure="detailed")
    pair = world.pair(account, "Dr. Ash")
    product = world.product("Crown")
    invoice = world.invoice(world.case(pair, [{"product": product}]), tax="8.00")
    world.sync()
    number = world.lms_invoice(invoice)["invoice_number"]
    payment, credit = (
        world.payment(account, "60.00", {invoice: "50.00"}, pair=pair),
        world.credit(account, "20.00", {invoice: "5.00"}, pair=pair),
    )
    world.sync()
    for entity, record, name, customer, amount in (
        ("billing_account", account, "Cedar Dental", "Cedar Dental", None),
        ("doctor_office", pair, "Dr. Ash", "Cedar Dental: Dr. Ash", None),
        ("product", product, "Crown", None, None),
        ("invoice", invoice, number, "Cedar Dental: Dr. Ash", Decimal("108.00")),
        ("payment", payment, None, "Cedar Dental: Dr. Ash", Decimal("60.00")),
        ("credit", credit, None, "Cedar Dental: Dr. Ash", Decimal("20.00")),
        ("credit_application", credit, None, "Cedar Dental: Dr. Ash", Decimal("5.00")),
    ):
        [made] = entries(world, entity, record)
        assert (made["side"], made["operation"], made["before"]) == ("qbo", "create", None)
        assert (made["document_number"], made["customer"], made["amount"]) == (name, customer, amount), entity
        assert made["after"] == world.value(
            "select base from qbo_sync.linked_record where entity = %s and record_id = %s", entity, str(record)
        )
        assert (made["http_status"], made["realm_id"]) == (200, world.qbo.realm)
        [call] = world.sql("select * from qbo_sync.api_call where request_id = %s", made["request_id"])
        assert made["intuit_tid"] == call["intuit_tid"] and call["intuit_tid"]
        assert (made["duration_ms"], made["dag_id"], made["run_id"]) == (
            call["duration_ms"],
            call["dag_id"],
            call["run_id"],
        )
    [tax] = entries(world, "special_item", world.value("select qbo_id from qbo_sync.special_item where name = 'Tax'"))
    assert (tax["document_number"], tax["lms_id"]) == ("Tax", None)

    # changed
    other = world.account("Elm Dental", structure="detailed")
    world.simple_invoice(pair=world.pair(other))
    world.sync()
    world.sql("update lms.doctor_office set billing_account_id = %s where id = %s", other, pair)
    world.apply("payment", payment, {invoice: "60.00"})
    world.sql("update lms.credit set amount = 30 where id = %s", credit)
    world.apply("credit", credit, {invoice: "10.00"})
    world.sync()
    moved, paid, more, applied = (
        entries(world, entity, record)[-1]
        for entity, record in (
            ("doctor_office", pair),
            ("payment", payment),
            ("credit", credit),
            ("credit_application", credit),
        )
    )
    for one in (moved, paid, more, applied):
        assert (one["side"], one["operation"]) == ("qbo", "update")
        assert one["before"] == entries(world, one["entity"], one["lms_id"])[-2]["after"]
    assert (moved["before"]["parent"][1], moved["after"]["parent"][1]) == (str(account), str(other))
    assert (paid["before"]["applications"][0]["amount"], paid["after"]["applications"][0]["amount"]) == (50, 60)
    assert (more["before"]["amount"], more["after"]["amount"]) == (20, 30)
    assert (applied["amount"], paid["run_id"]) == (10, last_run(world, "payment_lms_to_qbo"))

    # deleted, and what made way for it
    world.sql("delete from lms.credit where id = %s", credit)
    world.sql("delete from lms.payment where id = %s", payment)
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoice)
    world.sync()
    for entity, record in (
        ("invoice", invoice),
        ("payment", payment),
        ("credit", credit),
        ("credit_application", credit),
    ):
        *_, gone = entries(world, entity, record)
        assert (gone["side"], gone["operation"], gone["after"]) == ("qbo", "delete", None)
        assert gone["before"] == entries(world, entity, record)[-2]["after"]
        assert gone["request_id"]
    assert walk(world) == {
        ("billing_account", "qbo", "create"): 2,
        ("doctor_office", "qbo", "create"): 2,
        ("doctor_office", "qbo", "update"): 1,
        ("product", "qbo", "create"): 2,
        ("special_item", "qbo", "create"): 2,
        ("invoice", "qbo", "create"): 2,
        ("invoice", "qbo", "delete"): 1,
        ("payment", "qbo", "create"): 1,
        ("payment", "qbo", "update"): 1,
        ("payment", "qbo", "delete"): 1,
        ("credit", "qbo", "create"): 1,
        ("credit", "qbo", "update"): 1,
        ("credit", "qbo", "delete"): 1,
        ("credit_application", "qbo", "create"): 1,
        ("credit_application", "qbo", "update"): 1,
        ("credit_application", "qbo", "delete"): 1,
    }


def test_each_write_to_the_lms_keeps_the_rows_before_and_after(world: World) -> None:
    account = world.account("Oak Dental")
    invoice = world.simple_invoice(account)
    world.both()
    number = world.lms_invoice(invoice)["invoice_number"]
    body = world.qbo_invoice(invoice)
    paid = received(world, body["CustomerRef"]["value"], "40.00", pays(body, "40.00"))
    world.fetch()
    payment = world.value("select lms_id from qbo_sync.entity_link where entity = 'payment'")
    [made] = entries(world, "payment", payment)
    assert (made["side"], made["operation"], made["qbo_id"]) == ("lms", "create", paid["Id"])
    assert (made["customer"], made["amount"], made["dag_id"]) == ("Oak Dental", 40, "payment_qbo_to_lms")
    assert made["run_id"] == last_run(world, "payment_qbo_to_lms")
    written = rows(world, made)
    assert set(written) == {"payment", "payment_application"}
    assert written["payment"][0] is None and written["payment"][1]["amount"] == 40
    assert what(entries(world, "invoice", invoice)) == [("qbo", "create"), ("lms", "update")]
    before, after = rows(world, entries(world, "invoice", invoice)[-1])["invoice"]
    assert (before["balance"], after["balance"]) == (100, 60)

    # changed in QuickBooks
    fresh = world.qbo_invoice(invoice)
    line = {**fresh["Line"][0], "Amount": 80, "SalesItemLineDetail": {**fresh["Line"][0]["SalesItemLineDetail"]}}
    line["SalesItemLineDetail"]["UnitPrice"] = 80
    world.qbo.call("invoice", {"Id": fresh["Id"], "SyncToken": fresh["SyncToken"], "sparse": True, "Line": [line]})
    world.fetch()
    *_, changed = entries(world, "invoice", invoice)
    assert (changed["side"], changed["operation"], changed["document_number"]) == ("lms", "update", number)
    assert (changed["before"]["total"], changed["after"]["total"]) == (100, 80)
    before, after = rows(world, changed)["invoice"]
    assert (before["total_amount"], after["total_amount"], after["balance"]) == (100, 80, 40)

    # the payment too
    change(world, paid, TotalAmt=55)
    world.fetch()
    *_, more = entries(world, "payment", payment)
    assert (more["side"], more["operation"], more["before"]["amount"], more["after"]["amount"]) == (
        "lms",
        "update",
        40,
        55,
    )
    before, after = rows(world, more)["payment"]
    assert (before["amount"], after["amount"]) == (40, 55)

    # entered in QuickBooks, then voided
    theirs = in_quickbooks(world, body["CustomerRef"]["value"], sale("70.00"))
    world.fetch()
    copy = world.value("select lms_id from qbo_sync.entity_link where entity = 'invoice' and qbo_id = %s", theirs["Id"])
    [added] = entries(world, "invoice", copy)
    assert (added["side"], added["operation"], added["before"], added["amount"]) == ("lms", "create", None, 70)
    assert rows(world, added)["invoice_line_item"][1]["invoice_id"] == copy
    void(world, theirs)
    world.fetch()
    *_, voided = entries(world, "invoice", copy)
    assert (voided["side"], voided["operation"], voided["before"]["total"], voided["after"]["total"]) == (
        "lms",
        "update",
        70,
        0,
    )

    # deleted in QuickBooks: with lines, applications and the state of its case, of which nothing else is kept
    world.sql("update lms.lab_case set patient_name = 'Ann Example' where status = 'invoiced'")
    for kind, one in (("payment", paid), ("invoice", fresh)):
        current = world.qbo.call(f"{kind}/{one['Id']}")[kind.capitalize()]
        world.qbo.call(kind, {"Id": current["Id"], "SyncToken": current["SyncToken"]}, operation="delete")
    world.fetch()
    *_, gone = entries(world, "payment", payment)
    assert (gone["side"], gone["operation"], gone["after"]) == ("lms", "delete", None)
    assert rows(world, gone)["payment"][0]["amount"] == 55
    *_, gone = entries(world, "invoice", invoice)
    assert (gone["side"], gone["operation"], gone["after"]) == ("lms", "delete", None)
    written = rows(world, gone)
    assert written["payment_application"][0]["amount"] == 40, "it went with the invoice"
    assert written["invoice"][1] is None and written["invoice_line_item"][0]["invoice_id"] == invoice
    assert [set(state) for state in written["lab_case"]] == [{"id", "status"}] * 2
    assert (written["lab_case"][0]["status"], written["lab_case"][1]["status"]) == ("invoiced", "completed")
    assert world.value("select patient_name from lms.lab_case") == "Ann Example"
    assert walk(world) == {
        ("billing_account", "qbo", "create"): 1,
        ("product", "qbo", "create"): 1,
        ("invoice", "qbo", "create"): 1,
        ("invoice", "lms", "create"): 1,
        ("invoice", "lms", "update"): 3,  # a balance, amounts, a void
        ("invoice", "lms", "delete"): 1,
        ("payment", "lms", "create"): 1,
        ("payment", "lms", "update"): 1,
        ("payment", "lms", "delete"): 1,
    }


def test_links_that_are_made_and_taken_back_are_entries(world: World) -> None:
    """Adopted in QuickBooks, linked by a person, taken back because QuickBooks has deleted what was linked."""
    there = world.qbo.create("Customer", DisplayName="Pine Dental")
    account = world.account("Pine Dental")
    world.simple_invoice(account)
    world.sync()
    [adopted] = entries(world, "billing_account", account)
    assert (adopted["operation"], adopted["qbo_id"], adopted["request_id"]) == ("adopt", there["Id"], None)
    assert adopted["after"]["name"] == "Pine Dental"
    payment = world.payment(account, "10.00")
    gone = world.qbo.create("Payment", CustomerRef={"value": there["Id"]}, TotalAmt=10)
    world.qbo.call("payment", {"Id": gone["Id"], "SyncToken": gone["SyncToken"]}, operation="delete")
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'payment', %s, %s)",
        world.qbo.realm,
        payment,
        gone["Id"],
    )
    world.both()
    found = entries(world, "payment", payment)
    assert [one["operation"] for one in found] == ["link", "unlink", "create"]
    assert (found[0]["dag_id"], found[0]["qbo_id"], found[1]["qbo_id"]) == (None, gone["Id"], gone["Id"])


@pytest.mark.parametrize("count", [1, 4])
def test_a_write_that_is_recovered_after_a_lost_answer_is_kept_once(
    world: World, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("include.qbo.client.TIMEOUT", (2, 2))
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    account = world.account()
    invoices = [world.simple_invoice(account) for _ in range(count)]
    world.run("billing_account_lms_to_qbo", "product_lms_to_qbo")
    kind = {"kind": "drop_connection", "operation": "create" if count == 1 else "batch", "times": 1}
    world.qbo.control("POST", "faults", kind)
    with pytest.raises(OutcomeUnknown):
        world.run(INVOICES)
    assert not any(entries(world, "invoice", one) for one in invoices), "nobody knows yet whether it was done"
    requests = {one["request_id"] for one in world.sql("select request_id from qbo_sync.write_intent")}
    world.sync()
    made = [one for invoice in invoices for one in entries(world, "invoice", invoice)]
    assert what(made) == [("qbo", "create")] * count
    assert {one["request_id"] for one in made} == requests

    # and of a change, what was before
    payment = world.payment(account, "10.00")
    world.sync()
    world.sql("update lms.payment set amount = 15 where id = %s", payment)
    world.qbo.control("POST", "faults", {"kind": "drop_connection", "operation": "update", "times": 1})
    with pytest.raises(OutcomeUnknown):
        world.run("payment_lms_to_qbo")
    world.sync()
    first, changed = entries(world, "payment", payment)
    assert (changed["before"], changed["after"]["amount"]) == (first["after"], 15)


def test_the_pipeline_cannot_write_the_lms_without_an_entry(world: World) -> None:
    invoice = world.simple_invoice()
    with (
        pytest.raises(psycopg.errors.NotNullViolation),
        psycopg.connect(world.database_url) as connection,
    ):
        connection.execute("set local qbo_sync.origin = 'pipeline'")
        connection.execute("update lms.invoice set balance = 1 where id = %s", [invoice])
    with (
        pytest.raises(psycopg.errors.ForeignKeyViolation),
        psycopg.connect(world.database_url) as connection,
    ):
        connection.execute("set local qbo_sync.origin = 'pipeline'")
        connection.execute("set local qbo_sync.audit_entry = '987654321'")
        connection.execute("update lms.invoice set balance = 1 where id = %s", [invoice])
    assert world.lms_invoice(invoice)["balance"] == 100
