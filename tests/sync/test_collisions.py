"""Of two versions one loses, and is kept (rule 8.4)."""

from decimal import Decimal

import pytest

from tests.support.bookkeeper import change, discount, pays, received, remove, sale
from tests.support.both_sides import invoiced, memo_of, of_payment, qbo_payment, quiet
from tests.support.quickbooks import Json
from tests.support.world import World


def paid_with_a_credit_memo(world: World) -> tuple[int, Json, Json]:
    """An invoice over $100 of which a payment of the bookkeeper's pays $60 and a credit memo in it $30."""
    _, invoice, customer = invoiced(world)
    bill = world.qbo_invoice(invoice)
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("30.00")])
    made = received(world, customer, "60.00", pays(bill, "90.00"), pays(memo, "30.00", "CreditMemo"))
    world.fetch()
    assert of_payment(world, made)["applied"] == {invoice: 60}
    return invoice, made, memo


@pytest.mark.rule("7.h")
def test_a_payment_that_a_credit_memo_helped_to_pay_follows_the_lms_and_keeps_the_credit(world: World) -> None:
    invoice, made, memo = paid_with_a_credit_memo(world)
    payment = of_payment(world, made)["id"]
    world.sql("update lms.payment set amount = 70 where id = %s", payment)
    world.apply("payment", payment, {invoice: "70.00"})
    world.both()
    there = world.qbo.call(f"payment/{made['Id']}")["Payment"]
    assert (there["TotalAmt"], there["UnappliedAmt"]) == (70, 0)
    assert world.qbo.call(f"creditmemo/{memo['Id']}")["CreditMemo"]["RemainingCredit"] == 0
    assert world.qbo_invoice(invoice)["Balance"] == 0
    assert of_payment(world, made)["applied"] == {invoice: 70}
    assert world.lms_invoice(invoice)["balance"] == 0
    assert [error["error_code"] for error in world.errors()] == ["unsynced_application"]
    quiet(world)


@pytest.mark.rule("7.h")
def test_which_invoice_the_credit_memo_paid_stays_as_it_was_agreed(world: World) -> None:
    account, first, customer = invoiced(world)
    second = world.simple_invoice(account)
    world.both()
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("40.00")])
    bills = [world.qbo_invoice(invoice) for invoice in (second, first)]
    lines = [pays(bills[0], "50.00"), pays(bills[1], "50.00"), pays(memo, "40.00", "CreditMemo")]
    made = received(world, customer, "60.00", *lines)
    world.fetch()
    payment = of_payment(world, made)["id"]
    world.apply("payment", payment, {first: "35.00", second: "25.00"})
    world.both()
    assert of_payment(world, made)["applied"] == {first: 35, second: 25}
    change(world, made, PrivateNote="read again")
    world.both()
    assert of_payment(world, made)["applied"] == {first: 35, second: 25}
    assert "conflict_qbo_kept" not in {error["error_code"] for error in world.errors()}
    quiet(world)


@pytest.mark.rule("8.4.a")
@pytest.mark.parametrize("line", [sale("140.00"), sale("80.00")])
def test_uninvoiced_before_a_change_in_quickbooks_was_seen_deletes_it_and_keeps_the_change(
    world: World, line: Json
) -> None:
    case = world.case(world.pair(world.account()), [{"product": world.product()}])
    invoice = world.invoice(case)
    world.both()
    qbo_id = world.qbo_invoice(invoice)["Id"]
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[line, discount("5.00")])
    world.sql("select lms.uninvoice_case(%s)", case)
    world.both()
    assert world.qbo.all("Invoice") == []
    [error] = world.errors()
    assert (error["error_code"], error["lms_id"], error["qbo_id"]) == ("conflict_deleted", invoice, qbo_id)
    assert (error["detail"]["lost"], error["detail"]["qbo"]["discount"]) == ("qbo", 5)
    assert error["detail"]["qbo"]["total"] == line["Amount"] - 5
    world.both()
    assert [one["error_code"] for one in world.errors()] == ["conflict_deleted"], "only a person closes it"
    quiet(world)


@pytest.mark.rule("8.4.b")
def test_uninvoicing_what_was_only_paid_or_annotated_in_quickbooks_is_no_collision(world: World) -> None:
    account = world.account()
    case = world.case(world.pair(account), [{"product": world.product()}])
    invoice = world.invoice(case, shipping="3.00", tax="2.00")
    world.both()
    bill = world.qbo.update("Invoice", world.qbo_invoice(invoice), PrivateNote="called them")
    world.qbo.create("Payment", CustomerRef=bill["CustomerRef"], TotalAmt=10, Line=[pays(bill, "10.00")])
    world.sql("select lms.uninvoice_case(%s)", case)
    world.both()
    assert world.qbo.all("Invoice") == []
    assert world.errors() == []


@pytest.mark.rule("8.2.a")
def test_what_quickbooks_takes_off_a_payment_because_we_deleted_its_invoice_is_no_change_of_hers(world: World) -> None:
    account, product = world.account(), world.product()
    pair = world.pair(account)
    case = world.case(pair, [{"product": product}])
    gone, kept = world.invoice(case), world.invoice(world.case(pair, [{"product": product}]))
    payment = world.payment(account, "100.00", {kept: "60.00", gone: "40.00"})
    world.both()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.sql("update lms.payment set amount = 90 where id = %s", payment)
    world.both()
    made = world.qbo.call(f"payment/{(world.link('payment', payment) or {})['qbo_id']}")["Payment"]
    assert (made["TotalAmt"], made["UnappliedAmt"]) == (90, 30)
    assert of_payment(world, made)["amount"] == 90
    assert of_payment(world, made)["applied"] == {kept: 60}
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("8.4.a")
def test_a_payment_deleted_in_the_lms_while_it_was_changed_in_quickbooks_goes_and_the_change_is_kept(
    world: World,
) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    qbo_id = (world.link("payment", payment) or {})["qbo_id"]
    change(world, {"Id": qbo_id}, TotalAmt=60, Line=[pays(world.qbo_invoice(invoice), "60.00")])
    world.sql("delete from lms.payment")
    world.sql("update lms.invoice set balance = 100")
    world.both()
    assert world.qbo.all("Payment") == []
    [error] = world.errors()
    assert (error["error_code"], error["detail"]["lost"]) == ("conflict_deleted", "qbo")
    assert Decimal(error["detail"]["qbo"]["amount"]) == 60
    assert world.lms_invoice(invoice)["balance"] == 100


def changed_by_both(world: World) -> tuple[Json, Json]:
    """A payment that is $60 in QuickBooks and $70 in the LMS, synced; and the invoice there that it pays."""
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    made = {"Id": (world.link("payment", payment) or {})["qbo_id"]}
    bill = world.qbo_invoice(invoice)
    change(world, made, TotalAmt=60, Line=[pays(bill, "60.00")])
    world.sql("update lms.payment set amount = 70 where id = %s", payment)
    world.both()
    return made, bill


def settled_with_an_unknown_credit(world: World, made: Json, bill: Json) -> None:
    """The bookkeeper pays $5 more of the invoice, by a credit memo in the payment."""
    memo = world.qbo.create("CreditMemo", CustomerRef=bill["CustomerRef"], Line=[sale("5.00")])
    change(world, made, TotalAmt=60, Line=[pays(bill, "65.00"), pays(memo, "5.00", "CreditMemo")])
    world.both()


@pytest.mark.rule("8.4.c")
def test_the_version_that_lost_outlives_a_later_error_of_the_same_record(world: World) -> None:
    made, bill = changed_by_both(world)
    assert [error["error_code"] for error in world.errors()] == ["conflict_qbo_kept"]
    settled_with_an_unknown_credit(world, made, bill)
    [error] = world.errors()
    assert error["error_code"] == "unsynced_application"
    assert error["detail"]["earlier"]["code"] == "conflict_qbo_kept"
    assert error["detail"]["earlier"]["detail"]["lms"]["amount"] == 70
    change(world, made, TotalAmt=60, Line=[pays(bill, "60.00")])
    world.both()
    [error] = world.errors()
    assert (error["error_code"], error["detail"]["lms"]["amount"]) == ("conflict_qbo_kept", 70)
    assert "was changed in Pilot and in QuickBooks" in error["message"]


@pytest.mark.rule("8.4.c")
def test_a_conflict_that_a_person_closed_hides_no_later_error(world: World) -> None:
    made, bill = changed_by_both(world)
    world.sql("update qbo_sync.sync_error set status = 'ignored'")
    settled_with_an_unknown_credit(world, made, bill)
    [error] = world.errors()
    assert error["error_code"] == "unsynced_application"
    assert "earlier" not in error["detail"]
    assert of_payment(world, made)["amount"] == 60


def paid_and_shown_without_lines(world: World) -> tuple[int, Json]:
    """An invoice, and a payment of $50 on it that changed in QuickBooks and has no lines in queries."""
    _, invoice, customer = invoiced(world)
    made = received(world, customer, "50.00", pays(world.qbo_invoice(invoice), "50.00"))
    world.both()
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"query_lines_vanish": True})
    change(world, made, PrivateNote="seen again", TotalAmt=50, Line=[pays(world.qbo_invoice(invoice), "50.00")])
    world.capture_long_ago()
    return invoice, made


@pytest.mark.trap(50)
def test_a_paid_invoice_that_loses_its_lines_in_queries_keeps_its_payment(world: World) -> None:
    """Trap 50, for payments: queries have been seen to show records without their lines."""
    invoice, made = paid_and_shown_without_lines(world)
    world.both()
    assert of_payment(world, made)["applied"] == {invoice: 50}
    assert world.errors() == []


@pytest.mark.trap(50)
@pytest.mark.parametrize("fault", [{"kind": "fault", "code": "6000"}, {"kind": "garbage"}])
def test_a_payment_without_lines_is_not_believed_where_quickbooks_does_not_show_it_by_itself(
    world: World, fault: Json
) -> None:
    invoice, made = paid_and_shown_without_lines(world)
    world.qbo.control("POST", "faults", {**fault, "operation": "read", "entity": "Payment", "times": 9})
    world.bring("payment_qbo_to_lms")
    assert of_payment(world, made)["applied"] == {invoice: 50}
    world.qbo.control("DELETE", "faults")
    world.sql("update qbo_sync.sync_error set retry_at = now() where status = 'open'")
    world.both()
    assert of_payment(world, made)["applied"] == {invoice: 50}
    assert world.errors() == []


@pytest.mark.trap(8)
def test_an_older_version_in_queries_stops_no_change_of_the_lms(world: World) -> None:
    """Trap 8: queries have been seen to show a SyncToken that is not the present one."""
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    made = {"Id": (world.link("payment", payment) or {})["qbo_id"]}
    change(world, made, PrivateNote="one version more")
    world.both()
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"query_stale_tokens": True})
    world.sql("update lms.payment set amount = 55 where id = %s", payment)
    world.both()
    assert world.qbo.call(f"payment/{made['Id']}")["Payment"]["TotalAmt"] == 55
    assert world.errors() == []


@pytest.mark.parametrize("deleted", [True, False])
def test_a_credit_that_the_bookkeeper_has_changed(world: World, deleted: bool) -> None:
    """Credits flow to QuickBooks only; the rules of collisions hold for them too (rule 8.4)."""
    account = world.account()
    world.simple_invoice(account)
    credit = world.credit(account, "60.00")
    world.both()
    memo = memo_of(world, credit)
    lines = [line for line in memo["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    world.qbo.update("CreditMemo", memo, Line=[*lines, sale("15.00")])
    if deleted:
        world.sql("delete from lms.credit where id = %s", credit)
    else:
        world.sql("update lms.credit set amount = 70 where id = %s", credit)
    world.both()
    [error] = world.errors()
    assert error["error_code"] == ("conflict_deleted" if deleted else "conflict_qbo_kept")
    assert error["detail"]["qbo"]["amount"] == 75, "the version that lost, or won, can be read"
    assert [one["TotalAmt"] for one in world.qbo.all("CreditMemo")] == ([] if deleted else [75])


def test_a_credit_changed_alike_on_both_sides_is_in_step(world: World) -> None:
    account = world.account()
    world.simple_invoice(account)
    credit = world.credit(account, "60.00")
    world.both()
    world.qbo.update("CreditMemo", memo_of(world, credit), Line=[sale("75.00")])
    world.sql("update lms.credit set amount = 75 where id = %s", credit)
    world.both()
    assert world.errors() == []
    assert memo_of(world, credit)["TotalAmt"] == 75
    world.sql("update lms.credit set amount = 80 where id = %s", credit)
    world.both()
    assert memo_of(world, credit)["TotalAmt"] == 80


def test_a_credit_s_conflict_that_was_closed_stays_closed(world: World) -> None:
    account = world.account()
    invoice = world.simple_invoice(account)
    credit = world.credit(account, "60.00")
    world.both()
    world.qbo.update("CreditMemo", memo_of(world, credit), Line=[sale("75.00")])
    world.sql("update lms.credit set amount = 70 where id = %s", credit)
    world.both()
    world.sql("update qbo_sync.sync_error set status = 'ignored' where error_code = 'conflict_qbo_kept'")
    world.apply("credit", credit, {invoice: "20.00"})  # moves the memo's version, and marks the credit
    world.both()
    assert world.errors() == []
    assert world.value("select status from qbo_sync.sync_error where error_code = 'conflict_qbo_kept'") == "ignored"
    assert (memo_of(world, credit)["TotalAmt"], world.qbo_invoice(invoice)["Balance"]) == (75, 80)


def balances_first(world: World) -> None:
    """The invoices of QuickBooks are compared, and only then whatever else there is to do."""
    world.capture()
    world.run("invoice_qbo_to_lms")
    world.both()


@pytest.mark.rule("5.i")
@pytest.mark.parametrize("ending", ["deleted in the LMS", "deleted on both sides", "taken off on both sides"])
def test_a_payment_taken_off_its_invoice_in_quickbooks_leaves_no_balance_behind(world: World, ending: str) -> None:
    """What it was applied to counts as agreed until the payment is written: balances told before that are told again,
    though nothing of the invoice changes in QuickBooks any more."""
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    made = qbo_payment(world, payment)
    if ending == "deleted on both sides":
        remove(world, made, "Payment")
    else:
        change(world, made, TotalAmt=50, Line=[])
    world.apply("payment", payment, {})
    if ending != "taken off on both sides":
        world.sql("delete from lms.payment where id = %s", payment)
    balances_first(world)
    assert world.qbo_invoice(invoice)["Balance"] == 100
    assert world.lms_invoice(invoice)["balance"] == 100
    quiet(world)


@pytest.mark.rule("5.i")
@pytest.mark.parametrize("then", [{}, {"second": "40.00"}, {"first": "15.00", "second": "25.00"}])
def test_a_credit_taken_off_its_invoice_in_quickbooks_leaves_no_balance_behind(
    world: World, then: dict[str, str]
) -> None:
    account, first, _ = invoiced(world)
    second = world.simple_invoice(account)
    credit = world.credit(account, "40.00", {first: "40.00"})
    world.both()
    [zero] = world.qbo.all("Payment")
    remove(world, zero, "Payment")
    world.apply("credit", credit, {{"first": first, "second": second}[which]: amount for which, amount in then.items()})
    balances_first(world)
    for invoice in (first, second):
        assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"]
    quiet(world)


@pytest.mark.rule("5.i")
@pytest.mark.parametrize("money", ["payment", "credit"])
def test_money_whose_answer_was_a_fault_leaves_no_balance_behind(world: World, money: str) -> None:
    """QuickBooks has it, though it answered that it failed: until it is found there, the invoice's balance is told
    without it."""
    account, invoice, _ = invoiced(world)
    if money == "payment":
        world.payment(account, "50.00", {invoice: "50.00"})
    else:
        credit = world.credit(account, "50.00")
        world.both()
        world.apply("credit", credit, {invoice: "50.00"})
    fault = {"kind": "fault_6000_after", "operation": "create", "entity": "Payment", "times": 1}
    world.qbo.control("POST", "faults", fault)
    world.run(f"{money}_lms_to_qbo")
    assert world.qbo_invoice(invoice)["Balance"] == 50
    assert world.sql("select 1 from qbo_sync.write_intent") == []
    balances_first(world)
    assert world.lms_invoice(invoice)["balance"] == 50
    quiet(world)


@pytest.mark.rule("5.i")
@pytest.mark.parametrize("away", [False, True])
def test_a_balance_is_told_for_the_lab_of_the_invoice(world: World, away: bool) -> None:
    """Somebody pays an invoice of one lab with money that another one received, which takes nothing from QuickBooks.
    If the invoice's lab is disconnected when the payment goes, its balance is told when the lab comes back."""
    account, invoice, _ = invoiced(world)
    other = world.billing_lab("Westlight")
    world.connect(other, world.qbo)
    world.sql("update qbo_sync.connection set direction = 'lms_to_qbo' where billing_lab_id = %s", other)
    world.both()
    payment = world.payment(account, "50.00", {invoice: "50.00"}, lab=other)
    world.both()
    change(world, qbo_payment(world, payment), TotalAmt=50, Line=[])
    world.apply("payment", payment, {})
    world.sql("delete from lms.payment where id = %s", payment)
    world.capture()
    world.run("invoice_qbo_to_lms")
    if away:
        world.disconnect(world.lab)
        world.both()
        assert world.link("payment", payment) is None
        world.connect(world.lab, world.qbo)
    world.both()
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"] == 100
    quiet(world)


def test_a_change_in_quickbooks_that_came_before_ours_is_seen_although_the_lms_takes_its_own_back(world: World) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    theirs = qbo_payment(world, payment)
    world.sql("update lms.payment set amount = 70 where id = %s", payment)
    run = world.prepared("payment_lms_to_qbo")
    # Between the run's reading and its writing: what was to be written is stale (5010).
    change(world, theirs, TotalAmt=60, Line=[pays(world.qbo_invoice(invoice), "60.00")])
    world.load(run)
    world.sql("update lms.payment set amount = 50 where id = %s", payment)
    world.both()
    assert (qbo_payment(world, payment)["TotalAmt"], world.errors()) == (60, [])
    assert world.value("select amount from lms.payment where id = %s", payment) == 60
