"""Backfill and resync: exactly what was asked for is marked, and nothing else (decision 0022)."""

from datetime import date
from typing import Any

import pytest

from include.company.company import UnknownCompany
from include.sync.selection import BadSelection
from tests.support.quickbooks import make_company
from tests.support.world import World

INVOICES, PAYMENTS, CREDITS = "invoice_lms_to_qbo", "payment_lms_to_qbo", "credit_lms_to_qbo"


@pytest.fixture
def two_labs(world: World) -> dict[str, Any]:
    """Two labs with a company each. At the first: invoices of May, June and July, one of June that was deleted in the
    LMS, one that is not sent yet, a payment and a credit. At the other an invoice of June."""
    account = world.account()
    may, june, july, deleted = (world.simple_invoice(account, on=date(2026, month, 10)) for month in (5, 6, 7, 6))
    payment = world.payment(account, "40.00", {june: "40.00"})
    credit = world.credit(account, "5.00", {july: "5.00"})
    lab = world.billing_lab("Second Lab")
    company = make_company(world.qbo.url, "Second Company")
    world.connect(lab, company)
    pair = world.pair(account)
    theirs = world.invoice(world.case(pair, [{"product": world.product()}], lab=lab), on=date(2026, 6, 10))
    world.sync()
    unsent = world.simple_invoice(account, on=date(2026, 6, 30))
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", deleted)
    return {
        "may": may, "june": june, "july": july, "deleted": deleted, "unsent": unsent, "theirs": theirs,
        "payment": payment, "credit": credit, "lab": lab, "company": company,
    }  # fmt: skip


def test_exactly_the_selected_records_are_marked(world: World, two_labs: dict[str, Any]) -> None:
    ids = {name: ("invoice", str(two_labs[name])) for name in ("may", "june", "july", "deleted", "unsent", "theirs")}
    number = {
        name: world.value("select invoice_number from lms.invoice where id = %s", two_labs[name])
        for name in ("may", "theirs")
    }
    qbo_june = world.qbo_invoice(two_labs["june"])["Id"]

    def marked(dag_id: str = INVOICES, **parameters: Any) -> set[tuple[str, str]]:
        return world.compare_again(dag_id, **parameters)

    world.sql("select qbo_sync.dispatch_lms_changes()")
    everything = {*ids.values()}
    assert marked() == everything
    assert marked(billing_lab_id=world.lab) == everything - {ids["theirs"]}
    assert marked(billing_lab_id=two_labs["lab"]) == {ids["theirs"]}
    assert marked(realm=two_labs["company"].realm) == {ids["theirs"]}
    assert marked(from_date="2026-06-10") == everything - {ids["may"]}
    assert marked(to_date="2026-06-10") == {ids["may"], ids["june"], ids["deleted"], ids["theirs"]}
    dates = {"from_date": "2026-06-10", "to_date": "2026-06-10"}
    assert marked(**dates, billing_lab_id=world.lab) == {ids["june"], ids["deleted"]}, "its day stands in the base"
    assert marked(document_numbers=[number["may"], number["theirs"]]) == {ids["may"], ids["theirs"]}
    assert marked(lms_ids=[str(two_labs["deleted"])], qbo_ids=[qbo_june], billing_lab_id=world.lab) == {
        ids["deleted"],
        ids["june"],
    }
    assert marked(PAYMENTS, from_date="2026-06-15") == {("payment", str(two_labs["payment"]))}
    assert marked(PAYMENTS, from_date="2026-06-16") == set()
    credit = str(two_labs["credit"])
    assert marked(CREDITS, lms_ids=[credit]) == {("credit", credit), ("credit_application", credit)}
    account = world.value("select lms_id from qbo_sync.entity_link where entity = 'billing_account' limit 1")
    assert marked("billing_account_lms_to_qbo", lms_ids=[str(account)]) == {("billing_account", str(account))}

    # From QuickBooks: by the ids that its records have there.
    rows = world.sql("select lms_id, qbo_id from qbo_sync.entity_link where entity = 'invoice'")
    qbo_ids = {one["lms_id"]: one["qbo_id"] for one in rows}
    linked = {name: ("invoice", qbo_ids[two_labs[name]]) for name in ids if name != "unsent"}
    back = "invoice_qbo_to_lms"
    assert world.compare_again(back) == {*linked.values()}
    assert world.compare_again(back, **dates) == {linked["june"], linked["deleted"], linked["theirs"]}
    assert world.compare_again(back, document_numbers=[number["may"]]) == {linked["may"]}
    assert world.compare_again(back, world.qbo.realm, qbo_ids=[qbo_june]) == {linked["june"]}


def test_a_second_run_at_once_and_a_resync_in_flight_double_nothing(world: World, two_labs: dict[str, Any]) -> None:
    one, two = (world.prepared(INVOICES) for _ in range(2))  # the first has all in hand, the second finds nothing
    world.companies(world.as_run(INVOICES), resync=True)
    world.load(one)
    world.load(two)
    world.resync()
    world.both()
    numbers = [invoice["DocNumber"] for invoice in world.qbo.all("Invoice")]
    assert len(numbers) == len(set(numbers)) == 4
    assert world.errors() == []
    asked = world.value("select count(*) from qbo_sync.sync_outcome where outcome <> 'unchanged'")
    world.resync()
    assert world.value("select count(*) from qbo_sync.sync_outcome where outcome <> 'unchanged'") == asked


def test_what_cannot_be_is_one_error_that_names_the_parameter(world: World, two_labs: dict[str, Any]) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"billing_lab_id": 987}, r"billing_lab_id: .* the ID 987 is connected\. Connected: \d+ \(Bright"),
        ({"billing_lab_id": two_labs["lab"], "realm": world.qbo.realm}, "billing_lab_id: .* to the company"),
        ({"from_date": "2026-07-01", "to_date": "2026-06-01"}, "to_date: 2026-06-01 is before from_date, 2026-07-01"),
        ({"from_date": "soon"}, "from_date: “soon” is not a date"),
        ({"from_date": "2026-07-01", "resync": False}, "from_date: .* Turn on “Compare again”"),
        ({"lms_ids": ["12345"], "from_date": "2026-05-01"}, "lms_ids: .* Pilot ID 12345 .* 2026-05-01 or later"),
        ({"document_numbers": ["INV-1", " "]}, "document_numbers: no record with the number INV-1 was found"),
        ({"qbo_ids": ["145"]}, r"qbo_ids: .* Choose the company \(realm_id\)"),
        ({"qbo_ids": ["99145"], "realm": world.qbo.realm}, "qbo_ids: no record with the QuickBooks ID 99145"),
    ]  # fmt: skip
    for parameters, words in wrong:
        with pytest.raises(BadSelection, match=words):
            world.compare_again(INVOICES, **parameters)
    with pytest.raises(UnknownCompany, match="realm_id"):
        world.compare_again(INVOICES, "12")
    assert world.sql("select * from qbo_sync.change_mark") == [], "nothing is marked by a run that fails"


def test_what_was_not_taken_over_from_quickbooks_can_be_asked_for_by_its_id(world: World) -> None:
    world.both()
    stranger = world.qbo.create("Customer", DisplayName="Park Ave. Dental")
    item = world.qbo.create(
        "Item",
        Name="Guard",
        Type="Service",
        IncomeAccountRef={"value": world.value("select income_account_id from qbo_sync.connection")},
    )
    line = {
        "Amount": 100, "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}, "Qty": 1, "UnitPrice": 100},
    }  # fmt: skip
    made = world.qbo.create("Invoice", CustomerRef={"value": stranger["Id"]}, Line=[line])
    world.fetch()
    assert world.compare_again("invoice_qbo_to_lms", qbo_ids=[made["Id"]]) == {("invoice", made["Id"])}
    assert world.compare_again("invoice_qbo_to_lms") == set(), "everything that is linked, and nothing is"


def test_a_record_left_alone_is_compared_only_if_it_is_asked_for_by_name(world: World) -> None:
    invoice = world.simple_invoice()
    world.sql("select qbo_sync.leave_alone(%s, 'invoice', %s, null, 'Undone', 'ada')", world.qbo.realm, invoice)
    world.resync()
    assert world.link("invoice", invoice) is None
    world.compare_again(INVOICES, lms_ids=[str(invoice)])
    world.both()
    assert world.link("invoice", invoice)
