"""What was left alone for a reason, or seen while it could not sync, comes as soon as the reason is over.

Each of these once stayed different on the two sides, or was there twice, without an error and with nothing due.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from include.model.settings import MassDeleteLimit
from include.qbo.client import QboClient
from include.qbo.errors import OutcomeUnknown, Unavailable
from include.sync.customer_link import ignore_customer
from tests.support.bookkeeper import change, fresh, in_quickbooks, pays, received, remove, sale, void
from tests.support.both_sides import customer_of, invoiced, known, memo_of, qbo_payment, quiet
from tests.support.quickbooks import Json
from tests.support.world import INVOICES, World


def settings(world: World, lab: int | None = None, **columns: Any) -> None:
    for column, value in columns.items():
        statement = f"update qbo_sync.connection set {column} = %s where billing_lab_id = %s"
        world.sql(statement, value, lab or world.lab)


def priced(world: World, invoice: int, amount: str, **more: Any) -> None:
    """The bookkeeper changes the price."""
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale(amount)], **more)


def total(world: World, invoice: int) -> Decimal:
    return world.lms_invoice(invoice)["total_amount"]


def found_done(world: World) -> tuple[int, Json, Json]:
    """A create that was answered with a fault and found done, with the bookkeeper's own credit of $30 on it, so that
    the link knows that version: invoice, what was made, the payment that applies the credit."""
    pair, product = known(world)
    world.invoice(world.case(pair, [{"product": product}]))
    world.both()
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    fault = {"kind": "fault_6000_after", "operation": "create", "entity": "Invoice", "times": 1}
    world.qbo.control("POST", "faults", fault)
    world.run(INVOICES)
    made = world.qbo.all("Invoice")[-1]
    customer = made["CustomerRef"]["value"]
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("30.00")])
    applies = received(world, customer, "0", pays(made, "30"), pays(memo, "30", "CreditMemo"))
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.run(INVOICES)
    assert world.qbo_invoice(invoice)["Id"] == made["Id"]
    return invoice, made, applies


@contextmanager
def refused_and_brought_back(world: World, statement: str) -> Iterator[None]:
    """Invoices are deleted in the LMS, the deletes are refused, and after what happens meanwhile the rows are back."""
    tables = ("invoice", "invoice_line_item")
    for table in tables:
        world.sql(f"create table kept_{table} as table lms.{table}")
    world.sql(statement)
    world.sync()
    world.refuse_held(INVOICES, world.lab)
    world.both()
    yield
    for table in tables:
        world.sql(f"insert into lms.{table} overriding system value table kept_{table}")
        world.sql(f"drop table kept_{table}")


@pytest.fixture
def later(world: World) -> Iterator[Callable[[int], None]]:
    """Sets QuickBooks' clock so many seconds ahead: what changed before is outside the next answer."""
    yield lambda seconds: world.qbo.control("POST", "clock", {"offset_seconds": seconds})
    world.qbo.control("POST", "clock", {"offset_seconds": 0})


@pytest.fixture
def losing(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A run of a DAG whose first write of an operation loses its answer."""
    monkeypatch.setattr("include.qbo.client.TIMEOUT", (2, 2))
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)

    def run(dag_id: str, operation: str) -> None:
        world.qbo.control("POST", "faults", {"kind": "timeout_after", "operation": operation, "times": 1})
        with pytest.raises(OutcomeUnknown):
            world.run(dag_id)

    return run


# ---------------------------------------------------------------------------------- dates


@pytest.mark.setting("sync_start_date")
@pytest.mark.parametrize("deleted", [False, True])
def test_a_date_that_is_corrected_in_the_lms_brings_what_was_too_old(world: World, deleted: bool) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "10.00")
    world.both()
    settings(world, sync_start_date="2026-07-01")
    priced(world, invoice, "120.00")
    if deleted:
        remove(world, qbo_payment(world, payment), "Payment")
    else:
        change(world, qbo_payment(world, payment), TotalAmt=15, Line=[])
    world.both()
    assert total(world, invoice) == 100
    world.sql("update lms.invoice set invoice_date = '2026-07-02'")
    world.sql("update lms.payment set payment_date = '2026-07-02'")
    world.both()
    assert total(world, invoice) == 120
    assert [one["amount"] for one in world.sql("select amount from lms.payment")] == ([] if deleted else [15])
    assert world.errors() == []
    quiet(world)


@pytest.mark.setting("sync_start_date")
def test_an_invoice_with_another_date_in_quickbooks_goes_by_pilot_s(world: World) -> None:
    """Dates do not flow: a comparison that asks for QuickBooks' dates leaves it out."""
    _, invoice, _ = invoiced(world)
    settings(world, sync_start_date="2026-07-01")
    priced(world, invoice, "120.00", TxnDate="2026-05-15")
    world.both()
    assert total(world, invoice) == 100
    settings(world, sync_start_date="2026-06-01")
    world.both()
    assert total(world, invoice) == 120
    quiet(world)


@pytest.mark.setting("sync_start_date")
def test_what_changed_under_another_date_while_the_lab_was_away_comes(
    world: World, later: Callable[[int], None]
) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "10.00")
    settings(world, sync_start_date="2026-06-01")
    world.both()
    world.qbo.update("Invoice", world.qbo_invoice(invoice), TxnDate="2026-05-31")
    change(world, qbo_payment(world, payment), TxnDate="2026-05-30", TotalAmt=10, Line=[])
    world.both()
    priced(world, invoice, "120.00")
    change(world, qbo_payment(world, payment), TotalAmt=15, Line=[])
    world.disconnect()
    later(3600)
    world.connect(world.lab, world.qbo)
    world.both()
    assert total(world, invoice) == 120
    assert world.value("select amount from lms.payment") == 15
    assert world.errors() == []


@pytest.mark.setting("sync_start_date")
@pytest.mark.parametrize("then", ["stays", "is deleted"])
def test_what_a_link_learned_while_it_was_older_than_the_start_date_comes_when_the_date_moves(
    world: World, then: str
) -> None:
    """Our create was found done, with what the bookkeeper did to it since, so that the link knows that version."""
    invoice, made, applies = found_done(world)
    settings(world, sync_start_date="2026-07-01")
    world.both()
    assert world.lms_invoice(invoice)["balance"] == 100
    if then == "is deleted":
        remove(world, applies, "Payment")
        remove(world, made)
    world.both()
    settings(world, sync_start_date=None)
    world.both()
    balance = world.sql("select balance from lms.invoice where id = %s", invoice)
    assert balance == ([] if then == "is deleted" else [{"balance": 70}])
    assert world.errors() == []
    quiet(world)


@pytest.mark.setting("sync_start_date")
def test_a_start_date_that_moves_while_a_run_is_under_way_keeps_nothing_back(world: World) -> None:
    invoice, _, _ = found_done(world)
    settings(world, sync_start_date="2026-07-01")
    world.capture()
    run = world.prepared("invoice_qbo_to_lms")
    settings(world, sync_start_date=None)
    world.capture()
    world.load(run)
    world.both()
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"] == 70
    assert world.errors() == []


# ---------------------------------------------------------------------------------- other settings


@pytest.mark.setting("direction")
@pytest.mark.parametrize("what", ["linked", "new", "payment"])
@pytest.mark.parametrize("back", ["before the load", "after it"])
def test_a_direction_that_is_off_for_a_moment_keeps_nothing_back(world: World, what: str, back: str) -> None:
    account, invoice, customer = invoiced(world)
    payment = world.payment(account, "40.00")
    world.both()
    if what == "linked":
        priced(world, invoice, "120.00")
    elif what == "new":
        in_quickbooks(world, customer)
    else:
        change(world, qbo_payment(world, payment), TotalAmt=45, Line=[])
    world.capture()
    run = world.as_run("payment_qbo_to_lms" if what == "payment" else "invoice_qbo_to_lms")
    world.companies(run)
    world.step("extract", run)
    settings(world, direction="lms_to_qbo")
    world.step("transform", run)
    world.step("validate", run)
    if back == "after it":
        world.load(run)
    settings(world, direction="both")
    if back == "before the load":
        world.load(run)
    world.both()
    assert total(world, invoice) == (120 if what == "linked" else 100)
    assert world.value("select count(*) from lms.invoice") == (2 if what == "new" else 1)
    assert world.value("select amount from lms.payment where id = %s", payment) == (45 if what == "payment" else 40)
    assert world.errors() == []


@pytest.mark.setting("each_lab_its_own")
def test_a_change_that_was_seen_before_its_record_was_linked_goes_by_its_own_lab(
    world: World, losing: Callable[[str, str], None]
) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    settings(world, second, direction="lms_to_qbo")
    pair, product = known(world)
    world.both()
    invoice = world.invoice(world.case(pair, [{"product": product}], lab=second))
    losing(INVOICES, "create")
    world.capture()  # and nobody knows whose it is
    world.sql("update qbo_sync.change_mark set extracted_at = null")
    world.run(INVOICES)
    priced(world, invoice, "120.00")
    world.sql("delete from qbo_sync.captured_object")  # as after two minutes
    world.bring()
    assert total(world, invoice) == 100
    settings(world, second, direction="both")
    world.both()
    assert total(world, invoice) == 120
    assert world.errors() == []


@pytest.mark.parametrize("what", ["invoice", "payment"])
def test_what_moves_to_another_lab_of_the_company_goes_by_that_lab(world: World, what: str) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    settings(world, second, **{f"sync_{what}s": False})
    pair, product = known(world)
    world.both()
    account = world.value("select billing_account_id from lms.doctor_office where id = %s", pair)
    if what == "invoice":
        record = world.invoice(world.case(pair, [{"product": product}], lab=second))
    else:
        record = world.payment(account, "10.00", lab=second)
    world.both()
    assert world.link(what, record) is None
    world.sql(f"update lms.{what} set billing_lab_id = %s where id = %s", world.lab, record)
    world.both()
    assert world.link(what, record)
    quiet(world)


@pytest.mark.setting("each_lab_its_own")
def test_a_change_in_quickbooks_that_waits_for_one_lab_comes_with_the_invoice_to_another(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    settings(world, second, direction="lms_to_qbo")
    pair, product = known(world)
    invoice = world.invoice(world.case(pair, [{"product": product}], lab=second))
    world.both()
    priced(world, invoice, "120.00")
    world.both()
    assert total(world, invoice) == 100
    world.sql("update lms.invoice set billing_lab_id = %s where id = %s", world.lab, invoice)
    world.both()
    assert total(world, invoice) == 120
    assert world.errors() == []


@pytest.mark.setting("direction")
@pytest.mark.parametrize("off", [{"direction": "qbo_to_lms"}, {"sync_credits": False}])
def test_a_voided_invoice_that_comes_to_life_again_is_open_for_what_quickbooks_says(
    world: World, off: dict[str, Any]
) -> None:
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "20.00", {invoice: "20.00"})
    world.both()
    settings(world, **off)
    void(world, world.qbo_invoice(invoice))
    world.both()
    priced(world, invoice, "100.00")
    world.both()
    assert world.lms_invoice(invoice)["balance"] == 100
    settings(world, direction="both", sync_credits=True)
    world.both()
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"] == 100
    assert memo_of(world, credit)["RemainingCredit"] == 20
    assert world.errors() == []
    quiet(world)


# ---------------------------------------------------------------------------------- comparisons


def test_a_deleted_application_of_a_credit_is_told_after_a_gap(world: World, later: Callable[[int], None]) -> None:
    account, invoice, _ = invoiced(world)
    world.credit(account, "20.00", {invoice: "20.00"})
    world.both()
    [link] = world.sql("select * from qbo_sync.credit_application_link")
    remove(world, {"Id": link["qbo_id"]}, "Payment")
    later(600)
    world.connect(world.billing_lab("Second Lab"), world.qbo)  # everything is compared
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["applied_otherwise"]


def hide(patch: pytest.MonkeyPatch, invoice: str) -> None:
    """Queries do not show this invoice of QuickBooks'."""
    pages, page = QboClient._pages, QboClient.page

    def without(kind: str, found: list[Json]) -> tuple[str, list[Json]]:
        return kind, [one for one in found if kind != "Invoice" or one["Id"] != invoice]

    patch.setattr(QboClient, "page", lambda self, statement: without(*page(self, statement)))
    patch.setattr(QboClient, "_pages", lambda self, many: [without(*one) for one in pages(self, many)])


def test_what_a_query_does_not_show_is_not_deleted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, invoice, _ = invoiced(world)
    hidden = world.qbo_invoice(invoice)["Id"]
    with monkeypatch.context() as patch:
        hide(patch, hidden)
        world.sql("update qbo_sync.qbo_cursor set compare_asked_at = now()")
        world.both()
    world.both()
    assert world.sql("select id from lms.invoice") == [{"id": invoice}]
    assert world.errors() == []


def test_an_invoice_that_a_query_hides_keeps_what_only_quickbooks_took_off_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, invoice, customer = invoiced(world)
    payment = world.payment(account, "50.00", {invoice: "50.00"})
    world.both()
    there = world.qbo_invoice(invoice)
    memo = world.qbo.create("CreditMemo", CustomerRef={"value": customer}, Line=[sale("30.00")])
    received(world, customer, "0.00", pays(there, "30.00"), pays(memo, "30.00", "CreditMemo"))
    world.both()
    assert world.lms_invoice(invoice)["balance"] == 20
    change(world, qbo_payment(world, payment), TotalAmt=40, Line=[pays(there, "40.00")])
    world.capture_long_ago()
    world.bring("invoice_qbo_to_lms")
    assert world.lms_invoice(invoice)["balance"] == 30
    with monkeypatch.context() as patch:
        hide(patch, there["Id"])
        world.bring("payment_qbo_to_lms")
    world.both()
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"] == 30


def test_a_record_that_quickbooks_breaks_at_stops_no_comparison(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account, invoice, customer = invoiced(world)
    gone = world.simple_invoice(account)
    world.both()
    broken = world.qbo_invoice(gone)
    remove(world, broken)
    theirs = in_quickbooks(world, customer)
    read = QboClient.read

    def breaking(self: QboClient, resource: str, record_id: str) -> Any:
        if resource == "Invoice" and record_id == broken["Id"]:
            raise Unavailable("QuickBooks keeps breaking at it")
        return read(self, resource, record_id)

    with monkeypatch.context() as patch:
        patch.setattr(QboClient, "read", breaking)
        world.sql("update qbo_sync.qbo_cursor set compare_asked_at = now()")
        world.capture()
        assert world.value("select compare_asked_at from qbo_sync.qbo_cursor") is None
        world.bring()
        assert [error["error_code"] for error in world.errors()] == ["unreadable"]
        assert world.value("select count(*) from lms.invoice where origin = 'qbo'") == 1, theirs["Id"]
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.both()
    assert {one["id"] for one in world.sql("select id from lms.invoice where origin = 'lms'")} == {invoice}


def test_what_changed_in_quickbooks_while_its_delete_was_refused_comes_once_it_is_back(world: World) -> None:
    world.limit_deletes(MassDeleteLimit(share=Decimal("0.10"), minimum=4))
    account = world.account()
    made = [world.simple_invoice(account) for _ in range(5)]
    world.both()
    there = [world.qbo_invoice(one) for one in made]
    with refused_and_brought_back(world, "truncate lms.invoice cascade"):
        world.qbo.update("Invoice", fresh(world, there[0]), Line=[sale("120.00")])
        remove(world, there[2])
        world.both()
    world.both()
    assert total(world, made[0]) == 120
    balances = {one["invoice_number"]: one["balance"] for one in world.sql("select * from lms.invoice")}
    assert balances == {one["DocNumber"]: one["Balance"] for one in world.qbo.all("Invoice")}
    assert world.errors() == []


def test_a_payment_that_waits_for_its_new_customer_goes_once_quickbooks_has_it(world: World) -> None:
    account, _, customer = invoiced(world)
    payment = world.payment(account, "70.00")
    world.both()
    newcomer = world.account("Newcomer")
    stranger = world.qbo.create("Customer", DisplayName="Walk-in Repairs")["Id"]
    change(world, qbo_payment(world, payment), CustomerRef={"value": stranger})
    world.both()
    world.sql("update lms.payment set billing_account_id = %s where id = %s", newcomer, payment)
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["customer_not_linked"]
    change(world, qbo_payment(world, payment), CustomerRef={"value": customer})
    world.both()
    world.simple_invoice(newcomer)
    world.both()
    assert qbo_payment(world, payment)["CustomerRef"]["value"] == customer_of(world, newcomer)
    assert world.errors() == []


# ---------------------------------------------------------------------------------- answers that were lost


@pytest.mark.trap(6)
@pytest.mark.parametrize("what", ["invoice", "payment"])
@pytest.mark.parametrize("off", ["direction", "lab"])
def test_what_was_made_in_spite_of_a_fault_is_not_taken_for_the_bookkeeper_s_while_the_lab_is_off(
    world: World, what: str, off: str
) -> None:
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": False})
    pair, product = known(world)
    lab = world.billing_lab("Second Lab")
    world.connect(lab, world.qbo)
    world.both()
    fault = {"kind": "fault_6000_after", "operation": "create", "entity": what.capitalize(), "times": 1}
    world.qbo.control("POST", "faults", fault)
    if what == "invoice":
        world.invoice(world.case(pair, [{"product": product, "price": "55.00"}], lab=lab))
    else:
        account = world.value("select billing_account_id from lms.doctor_office where id = %s", pair)
        world.payment(account, "55.00", lab=lab)
    world.run(f"{what}_lms_to_qbo")
    assert [error["error_code"] for error in world.errors()] == ["qbo_6000"]
    if off == "lab":
        world.disconnect(lab)
    else:
        settings(world, lab, direction="qbo_to_lms")
    world.capture()
    world.steps(world.as_run(f"{what}_qbo_to_lms"))
    if off == "lab":
        world.connect(lab, world.qbo)
    else:
        settings(world, lab, direction="both")
    world.both()
    amount = "total_amount" if what == "invoice" else "amount"
    assert [one["TotalAmt"] for one in world.qbo.all(what.capitalize()) if one["TotalAmt"] == 55] == [55]
    assert world.value(f"select count(*) from lms.{what} where {amount} = 55") == 1
    assert world.errors() == []


@pytest.mark.trap(6)
@pytest.mark.parametrize("what", ["invoice", "payment"])
def test_what_the_bookkeeper_enters_long_after_a_fault_comes_although_the_lab_is_off(world: World, what: str) -> None:
    """The same customer, day and amount: but it is not what was made in spite of the fault."""
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": False})
    pair, product = known(world)
    lab = world.billing_lab("Second Lab")
    world.connect(lab, world.qbo)
    world.both()
    account = world.value("select billing_account_id from lms.doctor_office where id = %s", pair)
    fault = {"kind": "fault", "code": "6000", "operation": "create", "entity": what.capitalize(), "times": 1}
    world.qbo.control("POST", "faults", fault)
    if what == "invoice":
        world.invoice(world.case(pair, [{"product": product, "price": "55.00"}], lab=lab))
    else:
        world.payment(account, "55.00", lab=lab)
    world.run(f"{what}_lms_to_qbo")
    assert [error["error_code"] for error in world.errors()] == ["qbo_6000"]
    world.disconnect(lab)
    world.sql("update qbo_sync.sync_error set last_seen_at = last_seen_at - interval '1 hour'")
    world.sql("update qbo_sync.unconfirmed_create set sent_after = sent_after - interval '1 hour'")
    if what == "invoice":
        in_quickbooks(world, customer_of(world, account), sale("55.00"), TxnDate="2026-06-01")
    else:
        received(world, customer_of(world, account), "55.00", TxnDate="2026-06-15")
    world.both()
    assert world.value(f"select count(*) from lms.{what} where origin = 'qbo'") == 1


@pytest.mark.parametrize("captured", [True, False])
@pytest.mark.parametrize("what", ["invoice", "payment", "credit_application"])
def test_what_the_bookkeeper_deletes_before_its_answer_is_replayed_is_known_as_deleted(
    world: World, losing: Callable[[str, str], None], what: str, captured: bool
) -> None:
    account, first, _ = invoiced(world)
    credit = world.credit(account, "20.00")
    world.both()
    pair, product = known(world)
    world.both()
    if what == "invoice":
        record = world.invoice(world.case(pair, [{"product": product}]))
    elif what == "payment":
        record = world.payment(account, "55.00")
    else:
        world.apply("credit", credit, {first: "20.00"})
    losing("credit_lms_to_qbo" if what == "credit_application" else f"{what}_lms_to_qbo", "create")
    resource = "Invoice" if what == "invoice" else "Payment"
    remove(world, world.qbo.all(resource)[-1], resource)
    if captured:
        world.capture()
    world.both()
    if what == "credit_application":
        assert [error["error_code"] for error in world.errors()] == ["applied_otherwise"]
    else:
        assert world.sql(f"select id from lms.{what} where id = %s", record) == []
        assert world.link(what, record) is None
        assert world.errors() == []
    quiet(world)


def test_a_payment_given_to_another_customer_before_it_had_an_answer_is_there_once(
    world: World, losing: Callable[[str, str], None]
) -> None:
    account, _, _ = invoiced(world)
    other, _, other_customer = invoiced(world)
    payment = world.payment(account, "55.00")
    losing("payment_lms_to_qbo", "create")
    change(world, world.qbo.all("Payment")[-1], CustomerRef={"value": other_customer})
    world.sql("update qbo_sync.write_request set created_at = created_at - interval '1 minute'")
    world.capture()
    world.steps(world.as_run("payment_qbo_to_lms"))
    world.both()
    assert len(world.qbo.all("Payment")) == 1
    assert world.sql("select id, billing_account_id from lms.payment") == [{"id": payment, "billing_account_id": other}]
    assert world.errors() == []


def test_an_update_that_the_bookkeeper_takes_back_before_it_is_replayed(
    world: World, losing: Callable[[str, str], None]
) -> None:
    account, _, _ = invoiced(world)
    payment = world.payment(account, "40.00")
    world.both()
    world.sql("update lms.payment set amount = 50 where id = %s", payment)
    losing("payment_lms_to_qbo", "update")
    change(world, qbo_payment(world, payment), TotalAmt=40, Line=[])
    world.capture()
    world.steps(world.as_run("payment_qbo_to_lms"))
    world.both()
    assert world.value("select amount from lms.payment") == qbo_payment(world, payment)["TotalAmt"]
    assert world.errors() == []


@pytest.mark.parametrize("what", ["credit_application", "credit"])
def test_a_credit_that_the_bookkeeper_changed_is_told_also_if_lab_staff_take_theirs_back(
    world: World, what: str
) -> None:
    account, invoice, _ = invoiced(world)
    credit = world.credit(account, "40.00", {invoice: "40.00"} if what == "credit_application" else {})
    world.both()
    if what == "credit_application":
        world.apply("credit", credit, {invoice: "30.00"})
    else:
        world.sql("update lms.credit set amount = 45 where id = %s", credit)
    run = world.prepared("credit_lms_to_qbo")
    memo = memo_of(world, credit)
    if what == "credit_application":
        [link] = world.sql("select * from qbo_sync.credit_application_link")
        lines = [pays(world.qbo_invoice(invoice), "10"), pays(memo, "10", "CreditMemo")]
        change(world, {"Id": link["qbo_id"]}, TotalAmt=0, Line=lines)
    else:
        stranger = world.qbo.create("Customer", DisplayName="Walk-in Repairs")["Id"]
        world.qbo.update("CreditMemo", memo, CustomerRef={"value": stranger})
    world.load(run)
    if what == "credit_application":
        world.apply("credit", credit, {invoice: "40.00"})
    else:
        world.sql("update lms.credit set amount = 40 where id = %s", credit)
    world.capture()
    world.both()
    told = "applied_otherwise" if what == "credit_application" else "customer_changed"
    assert [error["error_code"] for error in world.errors()] == [told]


# ---------------------------------------------------------------------------------- left alone, ignored, held


def test_the_bookkeeper_s_own_entry_comes_in_place_of_a_payment_that_was_undone(world: World) -> None:
    account, invoice, customer = invoiced(world)
    world.payment(account, "100.00", {invoice: "100.00"})
    world.sync()
    world.undo(world.last_run("payment_lms_to_qbo"))
    world.both()
    received(world, customer, "100.00", pays(world.qbo_invoice(invoice), "100"), TxnDate="2026-06-15")
    world.both()
    assert [one["origin"] for one in world.sql("select origin from lms.payment order by id")] == ["lms", "qbo"]


@pytest.mark.parametrize("what", ["change", "delete", "void"])
def test_what_waits_for_an_invoice_keeps_its_balance_when_the_payment_changes_in_quickbooks(
    world: World, what: str
) -> None:
    account, _, _ = invoiced(world)
    payment = world.payment(account, "100.00")
    world.both()
    late = world.simple_invoice(account)
    number = world.lms_invoice(late)["invoice_number"]
    world.sql("update lms.invoice set invoice_number = repeat('9', 22) where id = %s", late)  # too long: it waits
    world.apply("payment", payment, {late: "40.00"})
    world.both()
    made = qbo_payment(world, payment)
    if what == "change":
        change(world, made, TotalAmt=90, Line=[])
    else:
        (remove if what == "delete" else void)(world, made, "Payment")
    world.both()
    world.sql("update lms.invoice set invoice_number = %s where id = %s", number, late)
    world.both()
    assert world.lms_invoice(late)["balance"] == world.qbo_invoice(late)["Balance"]


def test_deleted_invoices_that_are_kept_are_open_for_what_is_not_applied_to_them(world: World) -> None:
    world.limit_deletes(MassDeleteLimit(share=Decimal("0.10"), minimum=2))
    account = world.account()
    made = [world.simple_invoice(account) for _ in range(3)]
    for one in made:
        world.payment(account, "40.00", {one: "40.00"})
    world.both()
    for one in made:
        remove(world, world.qbo_invoice(one))
    world.both()
    world.refuse_held("invoice_qbo_to_lms", world.lab)
    world.both()
    assert world.sql("select * from lms.payment_application") == []
    assert [one["balance"] for one in world.sql("select balance from lms.invoice")] == [100] * 3


@pytest.mark.parametrize("first", ["ignored", "moved"])
def test_a_payment_that_moves_to_an_ignored_customer_is_told(world: World, first: str) -> None:
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "40.00", {invoice: "40.00"})
    world.both()
    stranger = world.qbo.create("Customer", DisplayName="Walk-in Repairs")["Id"]
    if first == "moved":
        change(world, qbo_payment(world, payment), CustomerRef={"value": stranger}, Line=[])
        world.both()
    with world.connection.transaction():
        ignore_customer(world.connection, world.qbo.realm, stranger, "Walk-in Repairs", reason="sold", user="ada")
    if first == "ignored":
        change(world, qbo_payment(world, payment), CustomerRef={"value": stranger}, Line=[])
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["customer_not_linked"]


@pytest.mark.parametrize("why", ["left alone", "ignored"])
def test_a_payment_goes_without_what_it_applies_to_an_invoice_that_stays_here(world: World, why: str) -> None:
    account, invoice, _ = invoiced(world)
    other = world.simple_invoice(account)
    if why == "left alone":
        world.sync()
        world.undo(world.last_run(INVOICES))
        world.both()
    else:
        world.sql("update lms.invoice set invoice_number = repeat('9', 22) where id = %s", other)
        world.sync()
        world.sql("update qbo_sync.sync_error set status = 'ignored' where status = 'open'")
    world.payment(account, "100.00", {other: "60.00", invoice: "40.00"})
    world.both()
    [there] = world.qbo.all("Payment")
    assert (there["TotalAmt"], there["UnappliedAmt"]) == (100, 60)


@pytest.mark.parametrize("what", ["credit", "payment"])
def test_invoices_that_come_back_without_what_was_applied_to_them_are_open_on_both_sides(
    world: World, what: str
) -> None:
    world.limit_deletes(MassDeleteLimit(share=Decimal("0.10"), minimum=4))
    account = world.account()
    made = [world.simple_invoice(account) for _ in range(5)]
    getattr(world, what)(account, "20.00", {made[0]: "20.00"})
    world.both()
    with refused_and_brought_back(world, "delete from lms.invoice"):
        pass
    world.sql("update lms.invoice set balance = total_amount")
    world.both()
    assert world.qbo_invoice(made[0])["Balance"] == world.lms_invoice(made[0])["balance"] == 100
    assert world.errors() == []
