"""The ledger proof: equal to the cent, or the records that explain each gap, each with its cause."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from include.expectations.errors import BrokenExpectation
from include.model.settings import MassDeleteLimit
from tests.support.bookkeeper import pays, received, sale
from tests.support.both_sides import invoiced
from tests.support.planting import behind, unseen
from tests.support.quickbooks import Json
from tests.support.world import RECONCILIATION, STEPS, Proof, World


def gaps(proof: Proof) -> dict[str, Decimal]:
    """Customer → QuickBooks' balance less the LMS's, where they differ."""
    found = {}
    for one in proof.customer:
        lms, qbo = (
            one[f"{side}_invoices_open"] - one[f"{side}_credits_open"] - one[f"{side}_payments_open"]
            for side in ("lms", "qbo")
        )
        if qbo + one["qbo_other"] != lms:
            found[one["name"]] = qbo + one["qbo_other"] - lms
    return found


def test_equal_books_and_what_they_cost_to_read(world: World) -> None:
    account = world.account("Cedar Grove", "detailed")
    pair = world.pair(account, "Dr. Raman")
    first, second = (world.simple_invoice(pair=pair) for _ in range(2))
    world.payment(account, "60.00", {first: "50.00"}, pair=pair)
    world.credit(account, "30.00", {second: "20.00"}, pair=pair)
    world.both()
    proof = world.prove()
    assert (proof.state, proof.difference, proof.read_fully) == ("equal", [], True)
    [row] = proof.customer
    assert (row["parent"], row["name"]) == ("Cedar Grove", "Dr. Raman")
    for side in ("lms", "qbo"):
        figures = [row[f"{side}_{name}"] for name in ("invoices", "invoices_open", "credits", "credits_open")]
        assert figures == [200, 130, 30, 10]
        assert [row[f"{side}_{name}"] for name in ("payments", "payments_open")] == [60, 10]
    assert {one["bucket"]: (one["lms"], one["qbo"]) for one in proof.aging if one["lms"]} == {"over-90": (110, 110)}

    world.simple_invoice(pair=pair)
    world.both()
    again = world.prove()
    assert (again.state, again.read_fully, again.reads) == ("equal", False, 2)
    assert again.customer[0]["qbo_invoices"] == 300
    world.qbo.call("payment", world.qbo.all("Payment")[0], operation="delete")
    missed = world.prove()
    assert not missed.read_fully
    assert set(missed.causes().values()) == {"waiting"}


def test_each_planted_difference_is_named_with_its_cause_and_nothing_else(world: World) -> None:
    account = world.account("Cedar Grove")
    invoices = [world.simple_invoice(account) for _ in range(12)]
    paid = [world.payment(account, "40.00", {one: "30.00"}) for one in invoices[:3]]
    given, gone = world.credit(account, "30.00"), world.credit(account, "12.00")
    other = world.simple_invoice(world.account("Park Ave."))
    world.both()
    qbo = {one: world.qbo_invoice(one) for one in [*invoices, other]}
    expected: dict[tuple[str, str | None, str | None], str] = {}

    def expect(entity: str, lms_id: int | None, cause: str, qbo_id: str | None = None) -> None:
        link = world.link(entity, lms_id) if lms_id else None
        there = qbo_id or (link["qbo_id"] if link else None)
        expected[entity, str(lms_id) if lms_id else None, there] = cause

    # In the LMS, behind the sync's back.
    behind(world, "update lms.invoice set total_amount = 110, balance = balance + 10 where id = %s", invoices[3])
    expect("invoice", invoices[3], "drift")
    behind(world, "update lms.invoice set balance = 99.99 where id = %s", invoices[4])
    expect("invoice", invoices[4], "drift")
    behind(world, "update lms.payment_application set invoice_id = %s where payment_id = %s", invoices[5], paid[0])
    expect("payment", paid[0], "drift")
    # In QuickBooks, unseen by the change capture.
    world.qbo.update(
        "Invoice", qbo[invoices[6]], CustomerRef=qbo[invoices[6]]["CustomerRef"], Line=[sale(Decimal(150))]
    )
    expect("invoice", invoices[6], "drift")
    world.qbo.update("Invoice", qbo[invoices[7]], CustomerRef=qbo[other]["CustomerRef"])
    expect("invoice", invoices[7], "other_customer")
    body = world.qbo.call(f"payment/{world.link('payment', paid[1])['qbo_id']}")["Payment"]  # type: ignore[index]
    world.qbo.update("Payment", body, CustomerRef=body["CustomerRef"], TotalAmt=body["TotalAmt"], Line=[])
    expect("payment", paid[1], "drift")
    expect("invoice", invoices[1], "drift")
    world.qbo.call("invoice", world.qbo_invoice(invoices[8]), operation="delete")
    expect("invoice", invoices[8], "missing")
    memo = world.qbo.call(f"creditmemo/{world.link('credit', given)['qbo_id']}")["CreditMemo"]  # type: ignore[index]
    world.qbo.update("CreditMemo", memo, CustomerRef=memo["CustomerRef"], Line=[sale(Decimal(45))])
    expect("credit", given, "edited")
    memo = world.qbo.call(f"creditmemo/{world.link('credit', gone)['qbo_id']}")["CreditMemo"]  # type: ignore[index]
    world.qbo.call("creditmemo", memo, operation="delete")
    expect("credit", gone, "edited")
    own = world.qbo.create("CreditMemo", CustomerRef=qbo[other]["CustomerRef"], Line=[sale(Decimal(5))])
    expect("credit", None, "quickbooks_only", own["Id"])
    world.capture()
    world.sql("delete from qbo_sync.change_mark")
    unseen(world)
    # A link that is lost: both sides have the invoice, and nobody knows.
    expect("invoice", invoices[9], "missing")
    world.sql("delete from qbo_sync.entity_link where entity = 'invoice' and lms_id = %s", invoices[9])
    # What people do all day: an edit that is not pushed, and what has not synced yet.
    world.sql("update lms.invoice set total_amount = 70, balance = 70 where id = %s", invoices[10])
    world.run("invoice_lms_to_qbo")
    expect("invoice", invoices[10], "edited")
    late = world.simple_invoice(account)
    expect("invoice", late, "waiting")

    proof = world.prove()
    assert proof.causes() == expected
    assert proof.state == "differs"
    assert all(one["reason"] and one["what_to_do"] for one in proof.difference)
    [lost] = [one for one in proof.difference if one["lms_id"] == invoices[9]]
    assert lost["fix"] == "link"
    # The button of the page: everything is compared again. What can be brought in step is; the rest is told.
    world.compare_proof_again(proof)
    told = world.prove()
    assert told.state == "explained"
    assert {(entity, lms_id): cause for (entity, lms_id, _), cause in told.causes().items()} == {
        ("invoice", str(invoices[3])): "edited",
        ("invoice", str(invoices[7])): "other_customer",
        ("invoice", str(invoices[10])): "edited",
        ("credit", str(given)): "edited",
        ("credit", str(gone)): "edited",
        ("credit", None): "quickbooks_only",
    }


def test_what_the_settings_leave_alone_and_what_an_error_holds_up_is_told_with_all_that_follows_from_it(
    world: World,
) -> None:
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-10', sync_credits = false")
    account = world.account("Cedar Grove")
    old, new = world.simple_invoice(account, on=date(2026, 6, 1)), world.simple_invoice(account, on=date(2026, 6, 12))
    # Paid in the LMS, and in QuickBooks money without an invoice to pay.
    payment = world.payment(account, "100.00", {old: "100.00"})
    credit = world.credit(account, "30.00", {new: "30.00"})
    world.both()
    # More than is open in QuickBooks: refused, and the invoice is open for more there.
    bill = world.qbo_invoice(new)
    world.qbo.create(
        "Payment",
        CustomerRef=bill["CustomerRef"],
        TotalAmt=80,
        Line=[{"Amount": 80, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]}],
    )
    world.both()
    refused = world.payment(account, "50.00", {new: "50.00"})
    world.both()
    proof = world.prove()
    causes = {(entity, lms_id): cause for (entity, lms_id, _), cause in proof.causes().items()}
    assert causes == {
        ("invoice", str(old)): "before_start_date",
        ("payment", str(payment)): "before_start_date",
        ("credit", str(credit)): "switched_off",
        ("payment", str(refused)): "error",
        ("invoice", str(new)): "switched_off",
    }
    assert proof.state == "explained"
    reasons = {one["lms_id"]: one["reason"] for one in proof.difference if one["entity"] == "invoice"}
    assert "dated 06/01/2026, before the lab’s start date (06/10/2026)" in reasons[old]
    assert "differs because of credit of $30.00" in reasons[new]


def test_what_a_lab_holds_and_what_is_left_alone_is_told_as_that(world: World) -> None:
    account = world.account("Cedar Grove")
    kept, unwanted = world.simple_invoice(account), world.simple_invoice(account)
    world.both()
    world.sql("update qbo_sync.connection set hold_invoices = 'days', hold_days = 2")
    held = world.simple_invoice(account, on=datetime.now(UTC).date())
    only_here, only_there = (world.qbo_invoice(one)["Id"] for one in (kept, unwanted))
    for one, qbo_id in ((kept, only_here), (unwanted, only_there)):
        world.sql(
            "select qbo_sync.leave_alone(%s, 'invoice', %s, %s, 'Its delete was refused.', 'ada', null)",
            *(world.qbo.realm, one, qbo_id),
        )
    world.sql("delete from lms.invoice where id = %s", unwanted)
    world.qbo.call("invoice", world.qbo_invoice(kept), operation="delete")
    world.both()
    proof = world.prove()
    assert proof.causes() == {
        ("invoice", str(held), None): "held",
        ("invoice", str(kept), only_here): "left_alone",
        ("invoice", None, only_there): "left_alone",
    }
    assert proof.state == "explained"
    [reason] = [one["reason"] for one in proof.difference if one["lms_id"] == held]
    goes_out = datetime.now(UTC).date() + timedelta(days=2)
    assert reason == f"This lab holds new invoices: it goes to QuickBooks on {goes_out:%m/%d/%Y}."


def test_what_the_bookkeeper_has_in_quickbooks_alone_is_no_drift(world: World) -> None:
    """Entries of other kinds show in QuickBooks' own balance only, and do not make each proof read everything again."""
    account = world.account("Cedar Grove")
    world.simple_invoice(account)
    world.both()
    customer = world.link("billing_account", account)["qbo_id"]  # type: ignore[index]
    accounts = {one["Name"]: one["Id"] for one in world.qbo.all("Account")}

    def line(side: str, name: str, **more: Json) -> Json:
        detail = {"PostingType": side, "AccountRef": {"value": accounts[name]}, **more}
        return {"Amount": 25, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}

    whose = {"Type": "Customer", "EntityRef": {"value": customer}}
    lines = [line("Debit", "Accounts Receivable (A/R)", Entity=whose), line("Credit", "Services")]
    world.qbo.create("JournalEntry", Line=lines)
    proof = world.prove()
    assert proof.state == "explained"
    assert gaps(proof) == {"Cedar Grove": Decimal(25)}
    [entry] = proof.difference
    assert (entry["entity"], entry["cause"], entry["qbo_open"]) == ("other", "quickbooks_only", 25)
    assert "journal entries" in entry["reason"]
    again = world.prove()
    assert (again.state, again.read_fully) == ("explained", False)
    # One more: what is known no longer fits, so everything is read, and the new sum is the known one.
    world.qbo.create("JournalEntry", Line=lines)
    third = world.prove()
    assert third.read_fully
    assert gaps(third) == {"Cedar Grove": Decimal(50)}
    assert third.read_reason == "QuickBooks’ own customer balances did not match what had been read."
    assert not world.prove().read_fully


def test_what_change_data_capture_hides_is_found_by_quickbooks_own_balances(world: World) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    assert world.prove().state == "equal"
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"cdc_lag_seconds": 600})
    hidden = world.qbo.create(
        "Invoice", CustomerRef=world.qbo_invoice(invoice)["CustomerRef"], Line=[sale(Decimal(80))]
    )
    proof = world.prove()
    assert proof.read_fully
    assert proof.read_reason == "QuickBooks’ own customer balances did not match what had been read."
    assert proof.causes() == {("invoice", None, hidden["Id"]): "waiting"}


def test_a_proof_that_does_not_add_up_says_nothing_about_the_books(world: World) -> None:
    world.simple_invoice()
    world.both()
    world.simple_invoice()
    with pytest.raises(BrokenExpectation, match="the records explain each customer's gap to the cent"):
        world.prove(meanwhile="delete from qbo_sync.reconciliation_difference")
    [proof] = world.sql("select state, validation from qbo_sync.reconciliation where state is not null")
    assert proof["state"] == "failed"
    assert not proof["validation"]["success"]


def test_a_step_of_a_closed_proof_is_not_made_again_without_its_records(world: World) -> None:
    world.simple_invoice()
    world.both()
    run = world.as_run(RECONCILIATION)
    for step in STEPS:
        world.proof_step(step, run)
    kept = world.sql("select * from qbo_sync.reconciliation_customer")
    with pytest.raises(RuntimeError, match="clear its task extract too"):
        world.proof_step("transform", run)
    world.proof_step("load", run)
    assert world.sql("select * from qbo_sync.reconciliation_customer") == kept
    for step in STEPS:
        world.proof_step(step, run)
    assert world.sql("select state from qbo_sync.reconciliation") == [{"state": "equal"}]


def test_what_the_lms_has_deleted_and_quickbooks_still_has_is_told_by_what_keeps_it_there(world: World) -> None:
    """Waiting, parked by closed books, or held because it is one of many: never missing."""
    world.limit_deletes(MassDeleteLimit(share=Decimal("0.10"), minimum=3))
    account = world.account("Cedar Grove")
    closed, later = world.simple_invoice(account), world.simple_invoice(account, on=date(2026, 6, 12))
    paid = world.payment(account, "60.00", {closed: "60.00"})
    many = [world.payment(account, "5.00") for _ in range(3)]
    given = world.credit(account, "9.00")
    world.both()

    def there(entity: str, *records: int) -> list[str]:
        return [link["qbo_id"] for one in records if (link := world.link(entity, one))]

    [closed_there, later_there], [given_there] = there("invoice", closed, later), there("credit", given)
    [paid_there, *held] = there("payment", paid, *many)
    world.prefer(AccountingInfoPrefs={"BookCloseDate": "2026-06-10"})
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", closed)
    world.sql("delete from lms.payment where id = any(%s)", many)
    world.both()
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", later)
    world.sql("delete from lms.credit where id = %s", given)
    unseen(world)
    proof = world.prove()
    expected: dict[tuple[str, str | None, str | None], str] = {("payment", None, one): "held" for one in held}
    expected["invoice", None, closed_there] = expected["payment", str(paid), paid_there] = "error"
    expected["invoice", None, later_there] = expected["credit", None, given_there] = "waiting"
    assert proof.causes() == expected
    assert proof.state == "explained"


def test_money_that_may_be_on_both_sides_twice_is_told_by_its_question(world: World) -> None:
    """The invoice is settled by both in the LMS, whose balance is QuickBooks' less what has not reached it."""
    account, invoice, customer = invoiced(world)
    there = received(world, customer, "100.00", pays(world.qbo_invoice(invoice), "100.00"), TxnDate="2026-06-17")
    ours = world.payment(account, "100.00", {invoice: "100.00"})
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["possible_duplicate"]
    proof = world.prove()
    assert (proof.state, proof.causes()) == (
        "explained",
        {
            ("invoice", str(invoice), world.qbo_invoice(invoice)["Id"]): "error",
            ("payment", str(ours), None): "error",
            ("payment", None, there["Id"]): "waiting",
        },
    )


def test_what_syncs_while_the_books_are_compared_is_no_difference_of_the_books(world: World) -> None:
    account = world.account("Cedar Grove")
    invoices = [world.simple_invoice(account) for _ in range(3)]
    paid = world.payment(account, "60.00", {invoices[0]: "50.00"})
    given = world.credit(account, "30.00", {invoices[1]: "10.00"})
    world.both()
    assert world.prove().state == "equal"
    body = world.qbo_invoice(invoices[1])
    world.qbo.update("Invoice", body, CustomerRef=body["CustomerRef"], Line=[sale(Decimal(150))])
    world.qbo.create("Payment", CustomerRef=body["CustomerRef"], TotalAmt=7)
    world.capture()
    world.simple_invoice(account)
    world.sql("update lms.payment set amount = 70 where id = %s", paid)
    world.apply("credit", given, {invoices[1]: "5.00"})
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoices[2])
    run = world.as_run(RECONCILIATION)
    world.proof_step("extract", run)
    world.both()  # after both sides were set side by side, before anybody asks why they differ
    unseen(world)
    for step in STEPS[1:]:
        world.proof_step(step, run)
    found = world.sql("select entity, cause from qbo_sync.reconciliation_difference")
    assert {one["cause"] for one in found} == {"waiting"}
    assert {one["entity"] for one in found} == {"invoice", "payment", "credit"}
    assert world.prove().state == "equal"
