"""A preview: what a sync would do, before anything of it is done (decision 0023)."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from include.company.connect import connect_with_grant
from include.model.settings import MassDeleteLimit
from include.qbo.oauth import refresh
from tests.support.bookkeeper import change, in_quickbooks, pays, received, sale, void
from tests.support.previews import actual, differences, moment, predicted
from tests.support.quickbooks import Json
from tests.support.world import World

#: What no preview writes. (That the LMS's changes become marks, and that QuickBooks is asked what changed, is what
#: every poll does.)
UNTOUCHED = (
    "lms.invoice",
    "lms.payment",
    "lms.credit",
    "lms.lab_case",
    "qbo_sync.entity_link",
    "qbo_sync.special_item",
    "qbo_sync.credit_application_link",
    "qbo_sync.change_mark",
    "qbo_sync.sync_error",
    "qbo_sync.sync_outcome",
    "qbo_sync.sync_run",
    "qbo_sync.write_intent",
    "qbo_sync.possible_duplicate",
    "qbo_sync.left_alone",
)

#: What a dry run of one DAG does not write either.
CURSORS = ("qbo_sync.qbo_cursor", "qbo_sync.qbo_seen")


def everything(world: World, *more: str) -> Json:
    """All that stands in the tables, who has ever touched it (a change that was rolled back too, or a lock), and how
    often QuickBooks was written to."""
    touched = "t.xmin::text as made_in, t.xmax::text as touched_in"
    tables = {
        table: world.sql(f"select t.*, {touched} from {table} t order by t::text") for table in (*UNTOUCHED, *more)
    }
    return {**tables, "written": world.qbo.control("GET", "stats")["writes"]["total"]}


def said_of(records: list[Json]) -> dict[tuple[str, str, str], tuple[int, Decimal | None]]:
    """Count and total by entity, side and step."""
    counts: Counter[tuple[str, str, str]] = Counter()
    totals: dict[tuple[str, str, str], Decimal | None] = {}
    for one in records:
        kind = (one["entity"], one["side"], one["step"])
        counts[kind] += 1
        totals[kind] = None if one["amount"] is None else (totals.get(kind) or Decimal(0)) + one["amount"]
    return {kind: (count, totals[kind]) for kind, count in counts.items()}


@pytest.fixture
def filled(world: World) -> World:
    """A lab and a company that both have a past, some of it the same, and nothing synced yet."""
    north, south = world.account("Northside Dental", "detailed"), world.account("Southside Dental")
    anna, ben, sue = world.pair(north, "Dr. Anna"), world.pair(north, "Dr. Ben"), world.pair(south, "Dr. Sue")
    crown = world.product("Crown")
    bills = [world.invoice(world.case(pair, [{"product": crown}]), tax=tax) for pair, tax in ((anna, "5"), (ben, "0"))]
    known, twice, other = (world.invoice(world.case(sue, [{"product": crown}])) for _ in range(3))
    world.payment(north, "50.00", {bills[0]: "50.00"}, pair=anna)
    world.credit(north, "20.00", {bills[1]: "20.00"}, pair=ben)
    world.payment(south, "80.00", {known: "80.00"})
    qbo = world.qbo
    customer = qbo.create("Customer", DisplayName="Southside Dental")["Id"]
    qbo.create("Vendor", DisplayName="Dr. Ben")

    def entered(invoice: int, amount: str = "100.00") -> Json:
        row = world.lms_invoice(invoice)
        number, day = row["invoice_number"], row["invoice_date"].isoformat()
        return in_quickbooks(world, customer, sale(amount), DocNumber=number, TxnDate=day)

    paid = entered(known)
    received(world, customer, "30.00", pays(paid, "30.00"))
    qbo.control("POST", f"companies/{qbo.realm}/switches", {"duplicate_number_warning": False})
    entered(twice), entered(twice)
    qbo.control("POST", f"companies/{qbo.realm}/switches", {"duplicate_number_warning": True})
    entered(other, "130.00")
    new = in_quickbooks(world, customer, sale("70.00"), DocNumber="QB-1")
    received(world, customer, "40.00", pays(new, "40.00"))
    in_quickbooks(world, qbo.create("Customer", DisplayName="Walk-in")["Id"])
    return world


def test_a_first_sync_is_previewed_with_counts_totals_questions_and_fixes(filled: World) -> None:
    for _ in range(2):  # what has changed is marked, and then what the marked records need
        filled.preview()
    before = everything(filled)
    records = filled.preview()
    assert everything(filled) == before
    assert filled.value("select count(*) from qbo_sync.staged_record") == 0
    assert said_of(records) == {
        ("billing_account", "qbo", "create"): (1, None),
        ("billing_account", "qbo", "adopt"): (1, None),
        ("doctor_office", "qbo", "create"): (1, None),
        ("doctor_office", "qbo", "fail"): (1, None),
        ("product", "qbo", "create"): (1, None),
        ("special_item", "qbo", "create"): (2, None),
        ("invoice", "qbo", "create"): (1, Decimal("105.00")),
        ("invoice", "qbo", "adopt"): (1, Decimal("100.00")),
        ("invoice", "qbo", "wait"): (1, Decimal("100.00")),
        ("invoice", "qbo", "fail"): (2, Decimal("200.00")),
        ("invoice", "lms", "update"): (1, Decimal("100.00")),
        ("invoice", "lms", "create"): (1, Decimal("70.00")),
        ("invoice", "lms", "adopt"): (1, Decimal("100.00")),
        ("invoice", "lms", "fail"): (3, Decimal("310.00")),
        ("credit", "qbo", "wait"): (1, Decimal("20.00")),
        ("credit_application", "qbo", "wait"): (1, Decimal("20.00")),
        ("payment", "qbo", "create"): (1, Decimal("50.00")),
        ("payment", "qbo", "fail"): (1, Decimal("80.00")),
        ("payment", "lms", "create"): (2, Decimal("70.00")),
    }
    by_code = {one["error_code"]: one for one in records if one["error_code"]}
    assert len(by_code["ambiguous_match"]["candidates"]) >= 1
    taken = by_code["name_taken"]
    assert taken["number"] == "Dr. Ben" and "vendor" in taken["message"] and "Dr. Ben (vendor)" in taken["resolution"]
    assert by_code["qbo_6140"]["message"].endswith("the invoice of $130.00 for Southside Dental, dated 06/01/2026.")
    assert "no more than $70.00" in by_code["qbo_6000"]["message"] or "$70.00" in by_code["qbo_6000"]["message"]
    waiting = {one["entity"]: one["waits_for"] for one in records if one["step"] == "wait"}
    assert waiting["invoice"] == "Dr. Ben"
    since = moment(filled)
    filled.both()
    assert differences(predicted(records), actual(filled, since)) == []


def test_a_payment_that_was_linked_by_hand_to_a_void_one_is_sent_like_a_new_one(world: World) -> None:
    account = world.account()
    world.simple_invoice(account)
    world.both()
    payment = world.payment(account, "15.00")
    refunded = received(world, world.qbo.all("Customer")[0]["Id"], "15.00")
    void(world, refunded, "Payment")
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'payment', %s, %s)",
        world.qbo.realm,
        payment,
        refunded["Id"],
    )
    records, since = world.preview(), moment(world)
    world.both()
    assert differences(predicted(records), actual(world, since)) == []
    assert [one["TotalAmt"] for one in world.qbo.all("Payment")] == [0, 15]


@pytest.mark.parametrize("changed", ["voided", "taken off the invoice"])
def test_a_payment_is_not_the_same_money_as_one_that_quickbooks_has_changed(world: World, changed: str) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    bill = world.qbo_invoice(invoice)
    bounced = received(world, bill["CustomerRef"]["value"], "100.00", pays(bill, "100.00"), TxnDate="2026-06-17")
    world.both()
    if changed == "voided":
        void(world, bounced, "Payment")
    else:
        change(world, bounced, Line=[])
    payment = world.payment(account, "100.00", {invoice: "100.00"})
    records, since = world.preview(), moment(world)
    world.both()
    assert differences(predicted(records), actual(world, since)) == []
    assert world.link("payment", payment)


@pytest.mark.parametrize("ending", ["deleted in the LMS", "taken off on both sides", "found", "made smaller", "kept"])
def test_the_balances_that_follow_a_payment_are_previewed(world: World, ending: str) -> None:
    """QuickBooks' invoice was compared before the payment is settled, and changes no more (balances.sql)."""
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    if ending == "found":
        fault = {"kind": "fault_6000_after", "operation": "create", "entity": "Payment", "times": 1}
        world.qbo.control("POST", "faults", fault)
        world.run("payment_lms_to_qbo")
    else:
        world.both()
        made = world.qbo.call(f"payment/{(world.link('payment', payment) or {})['qbo_id']}")["Payment"]
        lines = [pays(world.qbo_invoice(invoice), "20.00")] if ending == "made smaller" else []
        change(world, made, TotalAmt=50, Line=lines)
        if ending == "made smaller":
            world.apply("payment", payment, {invoice: "30.00"})
        elif ending != "kept":
            world.apply("payment", payment, {})
        if ending == "deleted in the LMS":
            world.sql("delete from lms.payment where id = %s", payment)
    world.capture()
    world.run("invoice_qbo_to_lms")
    records, since = world.preview(), moment(world)
    world.both()
    assert differences(predicted(records), actual(world, since)) == []
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"]


def test_a_pair_that_moves_to_an_inactive_customer_is_previewed_as_refused(world: World) -> None:
    north, south = world.account("Northside Dental", "detailed"), world.account("Southside Dental")
    pair = world.pair(north)
    world.invoice(world.case(pair, [{"product": world.product()}]))
    paid = world.simple_invoice(south)
    world.payment(south, "100.00", {paid: "100.00"})
    world.both()
    [customer] = [one for one in world.qbo.all("Customer") if one["DisplayName"] == "Southside Dental"]
    assert "Customer" in world.qbo.call("customer", {**customer, "Active": False})
    world.sql("update lms.billing_account set accounting_structure = 'detailed' where id = %s", south)
    world.sql("update lms.doctor_office set billing_account_id = %s where id = %s", south, pair)
    records, since = world.preview(), moment(world)
    assert {(one["entity"], one["step"], one["error_code"]) for one in records} == {
        ("doctor_office", "fail", "inactive_reference")
    }
    world.both()
    assert differences(predicted(records), actual(world, since)) == []


def test_a_credit_that_is_applied_for_less_makes_room_for_another_on_the_same_invoice(world: World) -> None:
    account = world.account()
    invoice, leaves = world.simple_invoice(account), world.simple_invoice(account)
    first = world.credit(account, "100.00", {invoice: "100.00"})
    off = world.credit(account, "100.00", {leaves: "100.00"})
    world.both()
    world.apply("credit", first, {invoice: "60.00"})
    second = world.credit(account, "40.00", {invoice: "40.00"})
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", leaves)
    records, since = world.preview(), moment(world)
    world.both()
    assert differences(predicted(records), actual(world, since)) == []
    steps = {(one["lms_id"], one["step"]) for one in records if one["entity"] == "credit_application"}
    assert steps == {(str(first), "update"), (str(second), "create"), (str(off), "delete")}


@pytest.mark.setting("receives_qbo_transactions")
def test_what_no_lab_receives_any_more_rests_although_its_mark_names_a_lab(world: World) -> None:
    account = world.account()
    world.simple_invoice(account)
    world.both()
    received(world, world.qbo.all("Customer")[0]["Id"], "15.00")
    world.sql("update qbo_sync.connection set receives_qbo_transactions = false")
    world.capture()
    world.sql("update qbo_sync.change_mark set billing_lab_id = %s", world.lab)
    assert world.preview() == []
    world.both()
    assert world.sql("select * from qbo_sync.due_mark") == []
    world.sql("update qbo_sync.connection set receives_qbo_transactions = true")
    world.both()
    assert world.value("select amount from lms.payment") == 15


@pytest.mark.setting("started")
def test_a_lab_that_is_not_started_is_previewed_and_starts_when_somebody_says_so(world: World) -> None:
    lab, account = world.billing_lab("Harbor Ceramics"), world.account()
    pair, crown = world.pair(account), world.product()
    bill = world.invoice(world.case(pair, [{"product": crown}], lab=lab))
    grant = refresh(world.runtime.app, world.qbo.grant()["refresh_token"])
    realm = world.qbo.realm
    connect_with_grant(world.as_page(), lab_id=lab, lab_name="Harbor", realm_id=realm, grant=grant, start=False)
    world.both()
    assert world.link("invoice", bill) is None
    assert world.value("select count(*) from qbo_sync.change_mark where record_id = %s", str(bill)) == 1
    [difference] = world.prove().difference
    assert (difference["cause"], difference["fix"]) == ("waiting", None)
    assert difference["reason"] == "The lab is connected, but nobody has started its sync."
    assert world.preview(world.lab) == [], "another lab of the company has nothing to sync"
    assert [(one["entity"], one["step"]) for one in world.preview(lab)] == [
        ("billing_account", "create"),
        ("product", "create"),
        ("invoice", "create"),
    ]
    world.sql("update qbo_sync.connection set started_at = now() where billing_lab_id = %s", lab)
    world.both()
    assert world.link("invoice", bill)
    assert world.preview(lab) == []


def test_what_is_held_closed_or_left_alone_is_previewed_as_that(world: World) -> None:
    today = datetime.now(UTC).date()
    world.sql("update qbo_sync.connection set hold_invoices = 'days', hold_days = 3")
    account, crown = world.account("Northside Dental"), world.product("Crown")
    pair = world.pair(account)
    world.invoice(world.case(pair, [{"product": crown}]))
    world.both()
    closed, unwanted, held = (
        world.invoice(world.case(pair, [{"product": crown}]), on=day)
        for day in (date(2026, 6, 5), date(2026, 6, 12), today)
    )
    number = world.lms_invoice(held)["invoice_number"]
    world.payment(account, "60.00", {held: "60.00"}, on=today)
    realm = world.qbo.realm
    world.sql("select qbo_sync.leave_alone(%s, 'invoice', %s, null, 'Not wanted', 'ada', null)", realm, unwanted)
    world.prefer(AccountingInfoPrefs={"BookCloseDate": "2026-06-10"})
    for _ in range(2):
        world.preview()
    before = everything(world)
    records = world.preview()
    assert everything(world) == before
    by_id = {(one["entity"], int(one["lms_id"])): one for one in records}
    assert ("invoice", unwanted) not in by_id
    refused = by_id["invoice", closed]
    assert (refused["step"], refused["error_code"]) == ("fail", "books_closed")
    assert "closed there through 06/10/2026" in refused["message"] and refused["resolution"]
    waits = by_id["invoice", held]
    goes_out = datetime(today.year, today.month, today.day, 12, tzinfo=UTC) + timedelta(days=3)
    assert (waits["step"], waits["waits_until"], waits["amount"]) == ("wait", goes_out, 100)
    [paid] = [one for one in records if one["entity"] == "payment"]
    assert (paid["step"], paid["waits_for"]) == ("wait", f"invoice {number}")
    assert len(records) == 3
    since = moment(world)
    world.both()
    assert differences(predicted(records), actual(world, since)) == []
    assert world.preview(), "what is held, closed and left alone is as it was"


def test_a_dry_run_of_one_dag_keeps_a_preview_and_takes_no_mark(world: World) -> None:
    world.limit_deletes(MassDeleteLimit(share=Decimal("0.10"), minimum=2))
    account, crown = world.account(), world.product()
    pair = world.pair(account)
    old = [world.invoice(world.case(pair, [{"product": crown}])) for _ in range(3)]
    world.both()
    for one in old[:2]:
        world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", one)
    new = world.invoice(world.case(pair, [{"product": crown}]))
    late = world.simple_invoice()
    world.dry_run("invoice_lms_to_qbo")
    before = everything(world, *CURSORS)
    records = world.dry_run("invoice_lms_to_qbo")
    assert everything(world, *CURSORS) == before
    steps = {int(one["lms_id"]): (one["step"], one["waits_for"]) for one in records if one["lms_id"]}
    assert steps.pop(late)[0] == "wait", "one DAG alone does not make the customer"
    assert steps == {old[0]: ("wait", None), old[1]: ("wait", None), new: ("create", None)}
    released = world.dry_run("invoice_lms_to_qbo", release_held=True)
    assert {int(one["lms_id"]): one["step"] for one in released} == {
        old[0]: "delete",
        old[1]: "delete",
        new: "create",
        late: "wait",
    }
    world.both()
    assert everything(world)["lms.invoice"] == before["lms.invoice"]
    world.release_held("invoice_lms_to_qbo")
    assert world.dry_run("invoice_lms_to_qbo", resync=True) == []
    [kept] = world.sql("select unchanged from qbo_sync.preview order by id desc limit 1")
    assert kept["unchanged"] == 3
