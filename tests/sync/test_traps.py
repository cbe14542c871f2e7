"""Traps of docs/reference/quickbooks.md that touch credits, payments, CDC or updates: the pipeline ends right.

The table of all traps, with the tests that prove each, is tests/sync/test_matrix.py.
"""

from typing import Any

import pytest

from include.qbo.client import QboClient
from tests.support.bookkeeper import an_hour_ago, change, fresh, in_quickbooks, pays, received, remove
from tests.support.both_sides import customer_of, invoiced, memo_of, of_payment, of_qbo, qbo_payment, quiet
from tests.support.world import World

MONEY = [("payment", "Payment"), ("credit", "CreditMemo"), ("credit_application", "Payment")]


def give(world: World, entity: str, account: int, invoice: int) -> int:
    """A payment of $40, or a credit of $40, applied to the invoice."""
    if entity == "payment":
        return world.payment(account, "40.00", {invoice: "40.00"})
    return world.credit(account, "40.00", {invoice: "40.00"})


def assert_given_once(world: World, invoice: int, entity: str) -> None:
    assert world.qbo_invoice(invoice)["Balance"] == 60
    assert [one["TotalAmt"] for one in world.qbo.all("Payment")] == [40 if entity == "payment" else 0]
    assert len(world.qbo.all("CreditMemo")) == (entity != "payment")
    assert world.lms_invoice(invoice)["balance"] == 60
    assert world.value("select count(*) from qbo_sync.write_intent") == 0
    assert world.value("select count(*) from lms.payment") == (entity == "payment")
    assert world.errors() == []


@pytest.mark.rule("8.1.b")
@pytest.mark.trap(1, 2, 6)
@pytest.mark.parametrize(("entity", "resource"), MONEY)
@pytest.mark.parametrize("kind", ["http_500_after", "http_503_after", "drop_connection"])
def test_a_payment_or_credit_that_was_done_and_then_failed_is_there_once(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, entity: str, resource: str
) -> None:
    """Traps 1 to 6: a create whose answer fails may have been done; asking again doubles nothing."""
    account, invoice, _ = invoiced(world)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    give(world, entity, account, invoice)
    fault = {"kind": kind, "entity": resource, "operation": "create", "times": 1, "realm": world.qbo.realm}
    world.qbo.control("POST", "faults", fault)
    world.both()
    [rule] = [one for one in world.qbo.control("GET", "faults") if one["realm"] == world.qbo.realm]
    assert rule["hits"] == 1, "or nothing was tested"
    assert_given_once(world, invoice, entity)
    quiet(world)


@pytest.mark.parametrize("captured", [True, False])
@pytest.mark.parametrize(("entity", "resource"), MONEY)
def test_a_payment_or_credit_that_was_done_and_answered_with_a_fault_is_there_once(
    world: World, entity: str, resource: str, captured: bool
) -> None:
    """Trap 6, the other half: QuickBooks says that it refuses what it has done. The next try looks first, whether
    change capture has seen the record meanwhile or not."""
    account, invoice, _ = invoiced(world)
    made = give(world, entity, account, invoice)
    fault = {"kind": "fault_6000_after", "entity": resource, "operation": "create", "times": 1}
    world.qbo.control("POST", "faults", {**fault, "realm": world.qbo.realm})
    world.sync()
    [error] = world.errors()
    assert (error["error_code"], error["lms_id"]) == ("qbo_6000", made)
    if captured:
        world.capture()
        counts = world.steps(world.as_run("payment_qbo_to_lms"))
        assert counts["created"] == 0, "it is ours"
    if not captured or entity != "payment":  # a payment that is seen there has ours tried again by itself
        world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.both()
    assert_given_once(world, invoice, entity)
    quiet(world)


@pytest.mark.rule("8.1.f")
@pytest.mark.trap(4, 7, 45)
@pytest.mark.parametrize(("entity", "resource"), MONEY)
def test_a_replay_after_a_refreshed_token_keeps_its_requestid(
    world: World, monkeypatch: pytest.MonkeyPatch, entity: str, resource: str
) -> None:
    """Trap 7: the same request after a 401 is the same request."""
    account, invoice, _ = invoiced(world)
    give(world, entity, account, invoice)
    sent: list[str] = []
    attempt = QboClient._attempt

    def listening(self: QboClient, call: Any, url: str, query: Any, content: Any, headers: Any) -> Any:
        if call.operation == "create" and call.resource == resource:
            sent.append(query["requestid"])
        return attempt(self, call, url, query, content, headers)

    monkeypatch.setattr(QboClient, "_attempt", listening)
    fault = {"kind": "http_401", "entity": resource, "operation": "create", "times": 1, "realm": world.qbo.realm}
    world.qbo.control("POST", "faults", fault)
    world.both()
    assert (len(sent) > 1, sent[0]) == (True, sent[1])
    assert_given_once(world, invoice, entity)


@pytest.mark.trap(9)
@pytest.mark.parametrize(("entity", "resource"), MONEY)
def test_a_stale_object_at_a_create_is_tried_again(world: World, entity: str, resource: str) -> None:
    """Trap 9: 5010 comes on inserts too, when what they link to has changed."""
    account, invoice, _ = invoiced(world)
    give(world, entity, account, invoice)
    stale = {"kind": "fault", "code": "5010", "message": "Stale Object Error", "detail": "Stale Object Error : You …"}
    where = {"entity": resource, "operation": "create", "times": 1, "realm": world.qbo.realm}
    world.qbo.control("POST", "faults", {**stale, **where})
    world.both()
    assert_given_once(world, invoice, entity)


@pytest.mark.rule("4.j")
@pytest.mark.trap(10)
def test_uninvoicing_what_was_paid_meanwhile_meets_a_new_version_and_ends(world: World) -> None:
    """Trap 10: paying an invoice makes its SyncToken another one."""
    account = world.account()
    case = world.case(world.pair(account), [{"product": world.product()}])
    invoice = world.invoice(case)
    world.both()
    bill = world.qbo_invoice(invoice)
    made = received(world, customer_of(world, account), "30.00", pays(bill, "30.00"))
    assert world.qbo_invoice(invoice)["SyncToken"] != bill["SyncToken"]
    world.sql("select lms.uninvoice_case(%s)", case)
    world.both()
    assert world.qbo.all("Invoice") == []
    assert (of_payment(world, made)["amount"], of_payment(world, made)["applied"]) == (30, {})
    assert world.errors() == []
    quiet(world)


@pytest.mark.trap(17)
def test_an_unapplied_payment_that_quickbooks_applies_by_itself_ends_alike_on_both_sides(world: World) -> None:
    """Trap 17's sister (fact 9.8): with AutoApplyPayments on, a new invoice takes what lies unapplied."""
    account, _, _ = invoiced(world)
    payment = world.payment(account, "30.00")
    world.both()
    preferences = {"SalesFormsPrefs": {"AutoApplyPayments": True}}
    world.qbo.control("POST", f"companies/{world.qbo.realm}/preferences", preferences)
    later = world.simple_invoice(account)
    world.both()
    assert qbo_payment(world, payment)["UnappliedAmt"] == 0, "or nothing was tested"
    assert world.sql("select invoice_id, amount from lms.payment_application") == [{"invoice_id": later, "amount": 30}]
    assert world.lms_invoice(later)["balance"] == world.qbo_invoice(later)["Balance"] == 70
    assert world.errors() == []
    quiet(world)


@pytest.mark.trap(17)
def test_a_credit_that_quickbooks_applies_by_itself_and_that_changes_ends_as_the_lms_says(world: World) -> None:
    """Trap 17: with AutoApplyCredit on, QuickBooks consumes a new credit memo with a payment of its own."""
    preferences = {"SalesFormsPrefs": {"AutoApplyCredit": True}}
    world.qbo.control("POST", f"companies/{world.qbo.realm}/preferences", preferences)
    account = world.account()
    invoices = [world.simple_invoice(account) for _ in range(2)]
    world.both()
    credit = world.credit(account, "60.00", {invoices[1]: "60.00"})
    world.both()
    world.sql("update lms.credit set amount = 70 where id = %s", credit)
    world.apply("credit", credit, {invoices[1]: "70.00"})
    world.both()
    assert [world.qbo_invoice(one)["Balance"] for one in invoices] == [100, 30]
    assert [world.lms_invoice(one)["balance"] for one in invoices] == [100, 30]
    assert memo_of(world, credit)["RemainingCredit"] == 0
    assert world.value("select count(*) from lms.payment") == 0
    assert world.errors() == []
    quiet(world)


@pytest.mark.trap(19)
@pytest.mark.parametrize("what", ["amount", "applications", "credit", "credit's applications"])
def test_a_change_in_a_closed_year_that_quickbooks_answers_and_does_not_do_is_told_until_it_is_done(
    world: World, what: str
) -> None:
    """Trap 19: 200, and nothing has changed."""
    account, first, _ = invoiced(world)
    second = world.simple_invoice(account)
    give_it, table = (world.credit, "credit") if "credit" in what else (world.payment, "payment")
    given = give_it(account, "40.00", {first: "40.00"})
    world.both()
    company = f"companies/{world.qbo.realm}"
    world.qbo.control("POST", f"{company}/preferences", {"AccountingInfoPrefs": {"BookCloseDate": "2026-06-30"}})
    world.qbo.control("POST", f"{company}/switches", {"closed_period": "ignore"})
    if what in ("amount", "credit"):
        world.sql(f"update lms.{table} set amount = 50 where id = %s", given)
    else:
        world.apply(table, given, {second: "40.00"})
    world.sync()
    [error] = world.errors()
    assert (error["error_code"], error["lms_id"]) == ("not_taken_over", given)
    world.both()
    assert {one["error_code"] for one in world.errors()} == {"books_closed"}, "the closing date is known by now"
    world.qbo.control("POST", f"{company}/preferences", {"AccountingInfoPrefs": {"BookCloseDate": None}})
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.both()
    assert world.errors() == []
    kind = "CreditMemo" if table == "credit" else "Payment"
    assert world.qbo.call(f"{kind.lower()}/{(world.link(table, given) or {})['qbo_id']}")[kind]["TotalAmt"] == (
        50 if what in ("amount", "credit") else 40
    )
    balances = [60, 100] if what in ("amount", "credit") else [100, 60]
    assert [world.qbo_invoice(one)["Balance"] for one in (first, second)] == balances
    quiet(world)


@pytest.mark.trap(20, 21, 22, 23)
def test_deletions_move_the_cursor_on_and_come_once(world: World) -> None:
    """Traps 20 to 23: deleted records show in no query, and only `status` tells them apart."""
    _, _, customer = invoiced(world)
    made = [in_quickbooks(world, customer) for _ in range(3)]
    world.both()
    gone, kept = of_qbo(world, made[0])["id"], of_qbo(world, made[1])["id"]
    before = world.value("select changed_since from qbo_sync.qbo_cursor")
    remove(world, made[0])
    assert world.capture()["marked"] == 1
    world.bring()
    assert world.sql("select id from lms.invoice where id = any(%s)", [gone, kept]) == [{"id": kept}]
    assert world.capture() == {"seen": 0, "marked": 0}
    assert world.value("select changed_since from qbo_sync.qbo_cursor") > before


@pytest.mark.trap(26)
def test_a_payment_deleted_in_quickbooks_is_gone_although_no_stub_came(world: World) -> None:
    """Trap 26: read back, it is a 400 with 610, not a 404."""
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "40.00", {invoice: "40.00"})
    world.both()
    remove(world, qbo_payment(world, payment), "Payment")
    world.sql("update qbo_sync.qbo_cursor set changed_since = changed_since - interval '40 days'")
    world.both()
    assert world.value("select count(*) from lms.payment") == 0
    assert world.lms_invoice(invoice)["balance"] == 100
    assert world.errors() == []


@pytest.mark.trap(29)
def test_automated_sales_tax_gets_no_total_tax_from_us(world: World) -> None:
    """Trap 29: a TotalTax of 0 is refused there."""
    preferences = {"TaxPrefs": {"PartnerTaxEnabled": True}}
    world.qbo.control("POST", f"companies/{world.qbo.realm}/preferences", preferences)
    untaxed, taxed = world.simple_invoice(), world.simple_invoice(tax="5.00")
    world.both()
    assert [world.qbo_invoice(one)["TotalAmt"] for one in (untaxed, taxed)] == [100, 105]
    assert world.errors() == []
    quiet(world)


@pytest.mark.trap(38)
def test_where_numbers_may_repeat_another_invoice_of_the_number_is_not_taken_for_ours(world: World) -> None:
    """Trap 38: without the company's warning a number is accepted twice, silently."""
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"duplicate_number_warning": False})
    stranger = world.qbo.create("Customer", DisplayName="Walk-in")
    invoice = world.simple_invoice()
    number = world.lms_invoice(invoice)["invoice_number"]
    other = in_quickbooks(world, stranger["Id"], DocNumber=number, TxnDate="2026-05-05")
    world.sync()
    made = world.qbo_invoice(invoice)
    assert (made["DocNumber"], made["TotalAmt"]) == (number, 100)
    assert made["Id"] != other["Id"]
    world.resync()
    assert len(world.qbo.all("Invoice")) == 2


@pytest.mark.trap(47)
@pytest.mark.parametrize("kind", ["auth_120", "http_500"])
def test_a_passing_failure_of_quickbooks_is_tried_again_unseen(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Trap 47: 120 comes with good tokens, now and then."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "40.00", {invoice: "40.00"})
    world.qbo.control("POST", "faults", {"kind": kind, "times": 2, "realm": world.qbo.realm})
    world.both()
    assert qbo_payment(world, payment)["TotalAmt"] == 40
    assert world.value("select status from qbo_sync.company") == "connected"
    assert world.errors() == []


@pytest.mark.trap(48, 49)
def test_each_rotated_refresh_token_is_kept(world: World) -> None:
    """Traps 48 and 49: the value changes about once a day, and the old one is refused."""
    world.qbo.control("POST", "switches", {"rotation_hours": 0})
    seen = set()
    try:
        for _ in range(3):
            world.sql("update qbo_sync.company set access_token_expires_at = now()")
            world.capture()
            sealed = world.value("select refresh_token_encrypted from qbo_sync.company")
            seen.add(world.runtime.vault.open(bytes(sealed)))
    finally:
        world.qbo.control("POST", "switches", {"rotation_hours": None})
    assert len(seen) == 3, "or nothing was tested"


@pytest.mark.parametrize("table", ["payment", "credit"])
def test_a_payment_or_credit_before_a_closed_period_opens_is_told_and_heals(world: World, table: str) -> None:
    """6210 (fact 8.4)."""
    account, invoice, _ = invoiced(world)
    company = f"companies/{world.qbo.realm}"
    world.qbo.control("POST", f"{company}/preferences", {"AccountingInfoPrefs": {"BookCloseDate": "2026-06-30"}})
    given = (world.payment if table == "payment" else world.credit)(account, "10.00", {invoice: "10.00"})
    world.sync()
    assert {error["error_code"] for error in world.errors()} == {"qbo_6210"}
    world.both()
    assert {error["error_code"] for error in world.errors()} == {"books_closed"}, "the closing date is known by now"
    world.qbo.control("POST", f"{company}/preferences", {"AccountingInfoPrefs": {"BookCloseDate": None}})
    world.poll()
    assert world.link(table, given)
    assert world.qbo_invoice(invoice)["Balance"] == 90
    assert world.errors() == []


@pytest.mark.rule("7.f")
@pytest.mark.trap(18)
def test_a_payment_of_quickbooks_in_a_bank_deposit_follows_nothing_and_is_told(world: World) -> None:
    """Trap 18: swept into a deposit it cannot be changed, also when it came from QuickBooks."""
    _, invoice, customer = invoiced(world)
    made = received(world, customer, "50.00", pays(world.qbo_invoice(invoice), "50.00"))
    world.both()
    bank = next(a for a in world.qbo.all("Account") if a["AccountType"] == "Bank")
    linked = [{"TxnId": made["Id"], "TxnType": "Payment", "TxnLineId": "0"}]
    world.qbo.create("Deposit", DepositToAccountRef={"value": bank["Id"]}, Line=[{"Amount": 50, "LinkedTxn": linked}])
    world.both()
    assert world.errors() == []
    payment = of_payment(world, made)["id"]
    world.sql("delete from lms.payment where id = %s", payment)
    world.both()
    [error] = world.errors()
    assert (error["error_code"], error["operation"], error["lms_id"]) == ("qbo_6540", "delete", payment)
    assert fresh(world, made, "Payment")["TotalAmt"] == 50
    assert world.link("payment", payment)


@pytest.mark.trap(53)
def test_a_payment_is_not_taken_for_ours_by_the_bookkeeper_s_change_of_its_note(world: World) -> None:
    """Trap 53: our own write, seen again by CDC, is no change; hers is looked at, and changes nothing."""
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.run()
    assert world.capture()["marked"] <= 1, "the invoice that it pays, at most"
    world.bring()
    change(world, qbo_payment(world, payment), PrivateNote="hers")
    assert world.capture()["marked"] == 1
    before = world.sql("select updated_at from lms.payment")
    world.bring()
    assert world.sql("select updated_at from lms.payment") == before
    quiet(world)


@pytest.mark.trap(40)
def test_an_inactive_customer_stops_a_payment_with_words(world: World) -> None:
    """Traps 40 and 41: the fault names no field, and a customer with a balance cannot be made inactive."""
    account = world.account()
    case = world.case(world.pair(account), [{"product": world.product()}])
    world.invoice(case)
    world.both()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.both()
    customer = world.qbo.call(f"customer/{customer_of(world, account)}")["Customer"]
    world.qbo.deactivate("Customer", customer)
    world.payment(account, "10.00")
    world.both()
    [error] = world.errors()
    assert error["error_code"] == "inactive_reference"
    assert "inactive" in error["message"]
    assert world.qbo.all("Payment") == []


@pytest.mark.parametrize("code", ["6210", "6000"])
def test_an_older_payment_of_the_bookkeepers_is_not_the_one_that_was_refused(world: World, code: str) -> None:
    """Trap 6 has its limits: what was there before ours was sent, and what was cleanly refused, is not ours."""
    account, _, customer = invoiced(world)
    world.sql("update qbo_sync.connection set direction = 'lms_to_qbo'")
    with an_hour_ago(world):
        theirs = received(world, customer, "70.00", TxnDate="2026-06-15")
    body = {"kind": "fault", "entity": "Payment", "operation": "create", "code": code, "times": 1}
    world.qbo.control("POST", "faults", {**body, "realm": world.qbo.realm})
    ours = world.payment(account, "70.00")
    world.sync()
    world.sql("update qbo_sync.sync_error set retry_at = now() where status = 'open'")
    world.sync()
    link = world.link("payment", ours)
    assert link and link["qbo_id"] != theirs["Id"]
    assert len(world.qbo.all("Payment")) == 2
    assert world.value("select count(*) from qbo_sync.unconfirmed_create") == 0


def test_a_payment_from_quickbooks_does_not_wait_for_one_that_may_not_go_out(world: World) -> None:
    """A lab that no longer sends: what was refused an hour before holds nobody up. (What QuickBooks made while it was
    tried may be ours: tests/sync/test_nothing_is_left_behind.py.)"""
    account, _, customer = invoiced(world)
    fault = {"kind": "fault", "entity": "Payment", "operation": "create", "code": "6000", "times": 1}
    world.qbo.control("POST", "faults", {**fault, "realm": world.qbo.realm})
    world.payment(account, "70.00")
    world.sync()
    world.sql("update qbo_sync.connection set direction = 'qbo_to_lms'")
    world.sql("update qbo_sync.sync_error set last_seen_at = last_seen_at - interval '1 hour'")
    world.sql("update qbo_sync.unconfirmed_create set sent_after = sent_after - interval '1 hour'")
    received(world, customer, "70.00", TxnDate="2026-06-15")
    world.both()
    assert world.sql("select origin from lms.payment order by id") == [{"origin": "lms"}, {"origin": "qbo"}]


@pytest.mark.trap(6)
@pytest.mark.parametrize("corrected", [50, 80])
def test_an_update_that_was_done_in_spite_of_its_fault_is_ours(world: World, corrected: int) -> None:
    """Trap 6: what lab staff correct after it goes to QuickBooks; what we wrote there does not come back."""
    account, _, _ = invoiced(world)
    payment = world.payment(account, "50.00")
    world.both()
    world.sql("update lms.payment set amount = 70 where id = %s", payment)
    world.qbo.control(
        "POST", "faults", {"kind": "fault_6000_after", "entity": "Payment", "operation": "update", "times": 1}
    )
    world.run("payment_lms_to_qbo")
    world.sql("update lms.payment set amount = %s where id = %s", corrected, payment)
    world.both()
    assert world.value("select amount from lms.payment where id = %s", payment) == corrected
    link = world.link("payment", payment) or {}
    assert world.qbo.call(f"payment/{link['qbo_id']}")["Payment"]["TotalAmt"] == corrected
    assert world.errors() == []
