"""Many deletes at once are a question, not an order (rule 8.9)."""

from decimal import Decimal

import psycopg
import pytest

from include.model.settings import MassDeleteLimit
from include.orchestration import tasks
from include.sync import mass_delete, staging
from tests.support.bookkeeper import remove
from tests.support.both_sides import many_invoices, qbo_payment
from tests.support.quickbooks import Json
from tests.support.task_functions import pretend_airflow
from tests.support.world import World


@pytest.fixture
def careful(world: World) -> World:
    """Four deletes of a kind at once are many."""
    world.limit_deletes(MassDeleteLimit(share=Decimal("0.10"), minimum=4))
    return world


def invoices(world: World, count: int) -> list[int]:
    account = world.account()
    made = [world.simple_invoice(account) for _ in range(count)]
    world.both()
    return made


def held(world: World) -> list[Json]:
    return [error for error in world.errors() if error["error_code"] == "mass_delete_held"]


@pytest.mark.rule("8.9.a", "8.9.c")
def test_an_emptied_table_deletes_nothing_in_quickbooks_until_a_person_releases_it(careful: World) -> None:
    invoices(careful, 5)
    careful.sql("truncate lms.invoice cascade")
    careful.sync()
    assert len(careful.qbo.all("Invoice")) == 5
    [error] = held(careful)
    assert (error["entity"], error["direction"], error["operation"]) == ("invoice", "lms_to_qbo", "delete")
    assert error["billing_lab_id"] == careful.lab
    assert error["message"].startswith("In Pilot, 5 of 5 synced invoices were deleted.")
    assert careful.release_held("invoice_lms_to_qbo")["deleted"] == 5
    assert careful.qbo.all("Invoice") == []
    assert careful.errors() == []


@pytest.mark.rule("8.9.a", "8.9.c")
def test_a_reset_company_deletes_nothing_in_the_lms_until_a_person_releases_it(careful: World) -> None:
    made = invoices(careful, 5)
    for one in made:
        body = careful.qbo_invoice(one)
        careful.qbo.call("invoice", {"Id": body["Id"], "SyncToken": body["SyncToken"]}, operation="delete")
    careful.fetch()
    assert careful.value("select count(*) from lms.invoice") == 5
    [error] = held(careful)
    assert (error["direction"], error["billing_lab_id"]) == ("qbo_to_lms", careful.lab)
    assert careful.release_held("invoice_qbo_to_lms")["deleted"] == 5
    assert careful.value("select count(*) from lms.invoice") == 0
    assert careful.errors() == []


@pytest.mark.rule("8.9.a", "8.9.c")
@pytest.mark.parametrize("what", ["deletes", "voids"])
def test_a_run_beside_one_that_holds_many_does_not_close_the_question(careful: World, what: str) -> None:
    *many, other = invoices(careful, 6)
    for one in many:
        body = careful.qbo_invoice(one)
        options = {"operation": "delete"} if what == "deletes" else {"include": "void"}
        careful.qbo.call("invoice", {"Id": body["Id"], "SyncToken": body["SyncToken"]}, **options)
    careful.capture()
    in_hand = careful.prepared("invoice_qbo_to_lms")
    assert len(held(careful)) == 1
    careful.qbo.update("Invoice", careful.qbo_invoice(other), PrivateNote="seen meanwhile")
    careful.capture()
    careful.run("invoice_qbo_to_lms")
    careful.load(in_hand)
    assert len(held(careful)) == 1
    done = careful.release_held("invoice_qbo_to_lms")
    assert done["deleted" if what == "deletes" else "updated"] == 5
    assert careful.errors() == []


@pytest.mark.rule("8.9.a", "8.9.c")
@pytest.mark.parametrize("cleared", [0, 1])
def test_a_release_is_for_what_was_held_when_it_was_given(
    careful: World, monkeypatch: pytest.MonkeyPatch, cleared: int
) -> None:
    """Not for what goes while the run waits, nor for what is held when somebody clears the run, weeks later."""
    first, second = invoices(careful, 5), invoices(careful, 5)
    careful.sql("update lms.invoice set memo = 'kept' where id = any(%s)", second)
    careful.sql("delete from lms.invoice where id = any(%s)", first)
    careful.sync()
    assert len(held(careful)) == 1
    pretend_airflow(careful, monkeypatch, "invoice_lms_to_qbo", clear_number=cleared, release_held=True)
    found = tasks.companies.function()
    assert bool(found) is not bool(cleared)
    careful.sql("delete from lms.invoice where id = any(%s)", second)
    for shard in found:
        for task in (tasks.extract, tasks.transform, tasks.validate, tasks.load):
            shard = task.function(shard)
    careful.sync()
    assert len(careful.qbo.all("Invoice")) == (10 if cleared else 5)
    assert len(held(careful)) == 1


@pytest.mark.rule("8.9.c")
def test_a_payment_that_goes_with_released_invoices_asks_nothing_again(careful: World) -> None:
    account = careful.account()
    made = [careful.simple_invoice(account) for _ in range(5)]
    paid = careful.payment(account, "50.00", dict.fromkeys(made, "10.00"))
    careful.both()
    remove(careful, qbo_payment(careful, paid), "Payment")
    for one in made:
        remove(careful, careful.qbo_invoice(one))
    careful.capture()
    careful.bring("invoice_qbo_to_lms")
    assert len(held(careful)) == 1
    pretended = careful.as_run("invoice_qbo_to_lms")
    with psycopg.connect(careful.database_url) as connection:
        asked = mass_delete.held_records(connection, careful.qbo.realm, "qbo_to_lms", ["invoice"])
        mass_delete.release(connection, "qbo_to_lms", asked)
    careful.bring("payment_qbo_to_lms")
    careful.steps(pretended)
    assert careful.value("select count(*) from lms.invoice") == 0
    careful.both()
    assert careful.errors() == []


@pytest.mark.rule("8.9.a")
def test_a_question_that_was_ignored_is_asked_again_with_the_next_deletes(careful: World) -> None:
    first, second = invoices(careful, 5), invoices(careful, 5)
    careful.sql("delete from lms.invoice where id = any(%s)", first)
    careful.sync()
    careful.sql("update qbo_sync.sync_error set status = 'ignored'")
    careful.sql("delete from lms.invoice where id = any(%s)", second)
    careful.sync()
    [error] = held(careful)
    assert error["message"].startswith("In Pilot, 10 of 10 synced invoices were deleted.")


@pytest.mark.rule("8.9.a")
@pytest.mark.parametrize("resync", [False, True])
def test_voids_count_too(careful: World, resync: bool) -> None:
    made = invoices(careful, 4)
    for one in made:
        body = careful.qbo_invoice(one)
        careful.qbo.call("invoice", {"Id": body["Id"], "SyncToken": body["SyncToken"]}, include="void")
    careful.fetch()
    assert {careful.lms_invoice(one)["total_amount"] for one in made} == {100}
    assert len(held(careful)) == 1
    assert careful.release_held("invoice_qbo_to_lms", resync=resync)["updated"] == 4
    assert {careful.lms_invoice(one)["total_amount"] for one in made} == {0}


@pytest.mark.rule("8.9.b")
def test_everything_else_goes_on(careful: World) -> None:
    made = invoices(careful, 5)
    other_lab = careful.billing_lab("Second Lab")
    careful.connect(other_lab, careful.qbo)
    account = careful.account()
    theirs = careful.invoice(careful.case(careful.pair(account), [{"product": careful.product()}], lab=other_lab))
    careful.both()
    for one in made[:4]:
        careful.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", one)
    careful.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", theirs)
    new = careful.simple_invoice(careful.account())
    careful.sync()
    assert careful.link("invoice", new)
    assert careful.link("invoice", theirs) is None, "one invoice of another lab is not many"
    assert len(careful.qbo.all("Invoice")) == 6


@pytest.mark.rule("8.9.b")
def test_one_more_delete_joins_those_that_are_held(careful: World) -> None:
    made = invoices(careful, 6)
    for one in made[:4]:
        careful.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", one)
    careful.sync()
    careful.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", made[4])
    careful.sync()
    assert len(careful.qbo.all("Invoice")) == 6
    [error] = held(careful)
    assert error["message"].startswith("In Pilot, 5 of 6 ")


@pytest.mark.rule("8.9.a")
def test_few_deletes_are_carried_out(careful: World) -> None:
    made = invoices(careful, 5)
    for one in made[:3]:
        careful.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", one)
    careful.sync()
    assert len(careful.qbo.all("Invoice")) == 2
    assert careful.errors() == []


@pytest.mark.rule("8.9.d")
def test_a_restored_table_closes_the_question(careful: World) -> None:
    """What was deleted by mistake comes back: nothing is held, and nothing was lost in QuickBooks."""
    invoices(careful, 5)
    careful.sql("create table kept as table lms.invoice")
    careful.sql("create table kept_lines as table lms.invoice_line_item")
    careful.sql("truncate lms.invoice cascade")
    careful.sync()
    assert len(held(careful)) == 1
    careful.sql("insert into lms.invoice overriding system value table kept")
    careful.sql("insert into lms.invoice_line_item overriding system value table kept_lines")
    careful.both()
    assert careful.errors() == []
    assert len(careful.qbo.all("Invoice")) == 5
    assert careful.value("select count(*) from qbo_sync.entity_link where entity = 'invoice'") == 5


def test_the_error_of_what_is_held_is_no_record_to_sync(careful: World) -> None:
    """A retry of it, from the page or by the settings, marks nothing that a run could stumble over."""
    invoices(careful, 5)
    careful.sql("truncate lms.invoice cascade")
    careful.sync()
    [error] = held(careful)
    careful.sql(
        "select qbo_sync.mark(realm_id, direction, record_entity, record_id, billing_lab_id)"
        " from qbo_sync.sync_error where id = %s",
        error["id"],
    )
    careful.sql("update qbo_sync.connection set sync_payments = false")
    careful.sync()
    assert len(held(careful)) == 1


def test_payments_keep_invoices_that_are_held(careful: World) -> None:
    """What would be unapplied by the deletes must not be unapplied before somebody has released them."""
    account = careful.account()
    made = [careful.simple_invoice(account) for _ in range(5)]
    for one in made:
        careful.payment(account, "100.00", {one: "100.00"})
    careful.both()
    careful.sql("truncate lms.invoice cascade")
    careful.sync()
    assert [len(payment["Line"]) for payment in careful.qbo.all("Payment")] == [1] * 5
    assert careful.release_held("invoice_lms_to_qbo")["deleted"] == 5
    careful.both()
    assert [payment["UnappliedAmt"] for payment in careful.qbo.all("Payment")] == [100] * 5
    assert careful.errors() == []


def test_a_credit_keeps_invoices_that_are_held_also_if_its_run_comes_first(careful: World) -> None:
    """Before the invoices' run has held them, and after something has marked them again."""
    account = careful.account()
    made = [careful.simple_invoice(account) for _ in range(5)]
    credit = careful.credit(account, "10.00", {made[0]: "10.00"})
    careful.both()
    body = careful.qbo_invoice(made[0])
    careful.sql("truncate lms.invoice cascade")
    careful.run("credit_lms_to_qbo", "invoice_lms_to_qbo")
    careful.compare_again("invoice_lms_to_qbo")
    careful.sql("update lms.credit set note = 'Remake' where id = %s", credit)
    careful.run("credit_lms_to_qbo")
    assert careful.qbo.call(f"invoice/{body['Id']}")["Invoice"]["Balance"] == 90
    careful.run("invoice_lms_to_qbo")  # which holds them again, and asks
    assert careful.release_held("invoice_lms_to_qbo")["deleted"] == 5
    careful.both()
    assert [memo["Balance"] for memo in careful.qbo.all("CreditMemo")] == [10]
    assert (careful.errors(), careful.qbo.all("Payment")) == ([], [])


def test_credits_that_are_held_keep_what_they_are_applied_to(careful: World) -> None:
    account = careful.account()
    invoice = careful.simple_invoice(account)
    for _ in range(4):
        careful.credit(account, "10.00")
    careful.credit(account, "10.00", {invoice: "10.00"})
    careful.both()
    for table in ("credit", "credit_application"):
        careful.sql(f"create table kept_{table} as table lms.{table}")
    careful.sql("delete from lms.credit")
    careful.sync()
    assert len(careful.qbo.all("CreditMemo")) == 5
    assert careful.qbo_invoice(invoice)["Balance"] == 90
    careful.refuse_held("credit_lms_to_qbo")
    careful.resync()
    careful.both()
    assert len(careful.qbo.all("CreditMemo")) == 5
    assert careful.qbo_invoice(invoice)["Balance"] == 90
    assert careful.errors() == []
    for table in ("credit", "credit_application"):
        careful.sql(f"insert into lms.{table} overriding system value table kept_{table}")
    careful.both()
    assert careful.value("select count(*) from qbo_sync.left_alone") == 0
    careful.sql("delete from lms.credit_application")
    careful.sync()
    assert careful.qbo_invoice(invoice)["Balance"] == 100, "they sync like any other again"


def test_a_run_of_the_other_direction_asks_no_second_question(careful: World) -> None:
    invoices(careful, 5)
    careful.sql("truncate lms.invoice cascade")
    careful.sync()
    run = careful.as_run("invoice_qbo_to_lms")
    for realm in careful.companies(run, resync=True):
        careful.steps(run, realm)
    assert [error["direction"] for error in careful.errors()] == ["lms_to_qbo"]


def test_a_comparison_of_everything_asks_quickbooks_for_records_only(careful: World) -> None:
    for one in invoices(careful, 5):
        body = careful.qbo_invoice(one)
        careful.qbo.call("invoice", {"Id": body["Id"], "SyncToken": body["SyncToken"]}, operation="delete")
    careful.fetch()
    careful.sql("update qbo_sync.qbo_cursor set compare_asked_at = now()")
    careful.capture()
    assert careful.sql("select * from qbo_sync.qbo_seen where starts_with(qbo_id, 'mass')") == []


def test_another_run_in_between_does_not_swallow_a_release(careful: World) -> None:
    invoices(careful, 5)
    careful.sql("truncate lms.invoice cascade")
    careful.sync()
    careful.release_held("invoice_lms_to_qbo", meanwhile="invoice_lms_to_qbo")
    # Which of the two has deleted them does not matter.
    assert careful.qbo.all("Invoice") == []
    assert careful.errors() == []


@pytest.mark.rule("8.9.d")
def test_refused_deletes_of_the_lms_keep_quickbooks_as_it_is_until_the_records_are_back(careful: World) -> None:
    account = careful.account()
    made = [careful.simple_invoice(account) for _ in range(5)]
    careful.payment(account, "100.00", {made[0]: "100.00"})
    careful.credit(account, "10.00", {made[1]: "10.00"})
    careful.both()
    bodies = [careful.qbo_invoice(one) for one in made]
    tables = ("invoice", "invoice_line_item", "payment_application", "credit_application")
    for table in tables:
        careful.sql(f"create table kept_{table} as table lms.{table}")
    careful.sql("truncate lms.invoice cascade")
    careful.sync()
    [error] = held(careful)
    asked = sorted(one["Balance"] for one in careful.qbo.all("Invoice"))
    assert asked == [0, 90, 100, 100, 100], "what is applied to them stays while they are held"
    careful.refuse_held("invoice_lms_to_qbo", careful.lab)
    careful.both()
    assert careful.value("select status from qbo_sync.sync_error where id = %s", error["id"]) == "resolved"

    # It holds after a resync, and after edits on the side that has the records.
    money = {"Amount": 40, "LinkedTxn": [{"TxnId": bodies[2]["Id"], "TxnType": "Invoice"}]}
    careful.qbo.create("Payment", CustomerRef=bodies[2]["CustomerRef"], TotalAmt=40, Line=[money])
    careful.qbo.call("invoice", {**careful.qbo.call(f"invoice/{bodies[3]['Id']}")["Invoice"], "PrivateNote": "Kept"})
    careful.resync()
    careful.companies(careful.as_run("invoice_qbo_to_lms"), resync=True)
    careful.both()
    there = careful.qbo.all("Invoice")
    assert sorted(one["Balance"] for one in there) == [0, 60, 90, 100, 100], "with all that is applied to them"
    assert careful.value("select count(*) from lms.invoice") == 0
    assert [error["error_code"] for error in careful.errors()] == ["unsynced_application"], "the new payment's part"

    # A second mass delete asks about what is new, and only that.
    more = [careful.simple_invoice(account) for _ in range(4)]
    careful.both()
    for one in more:
        careful.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", one)
    careful.sync()
    assert [error["message"].split(" synced ")[0] for error in held(careful)] == ["In Pilot, 4 of 9"]
    assert careful.release_held("invoice_lms_to_qbo")["deleted"] == 4
    assert len(careful.qbo.all("Invoice")) == 5

    # The LMS is restored from its backup: the same ids, so that everything goes on, deletes included.
    for table in tables:
        careful.sql(f"insert into lms.{table} overriding system value table kept_{table}")
    careful.both()
    assert careful.value("select count(*) from qbo_sync.left_alone") == 0
    assert careful.errors() == []
    assert careful.lms_invoice(made[2])["balance"] == 60
    careful.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", made[4])
    careful.sync()
    assert len(careful.qbo.all("Invoice")) == 4


@pytest.mark.rule("8.9.d")
def test_refused_deletes_and_voids_of_quickbooks_keep_the_lms_as_it_is_until_somebody_asks(careful: World) -> None:
    made = invoices(careful, 5)
    bodies = [careful.qbo_invoice(one) for one in made]
    for body in bodies[:4]:
        careful.qbo.call("invoice", {"Id": body["Id"], "SyncToken": body["SyncToken"]}, operation="delete")
    careful.qbo.call("invoice", {"Id": bodies[4]["Id"], "SyncToken": bodies[4]["SyncToken"]}, include="void")
    careful.fetch()
    other_lab = careful.billing_lab("Second Lab")
    careful.connect(other_lab, careful.qbo)
    careful.refuse_held("invoice_qbo_to_lms", other_lab)
    assert len(held(careful)) == 1, "nothing of that lab is held"
    careful.refuse_held("invoice_qbo_to_lms", careful.lab)
    careful.sql("update lms.invoice set memo = 'Shade A2', due_date = '2026-12-01'")
    careful.sql("update qbo_sync.qbo_cursor set compare_asked_at = now()")
    careful.companies(careful.as_run("invoice_qbo_to_lms"), resync=True)
    careful.resync()
    careful.both()
    assert {careful.lms_invoice(one)["total_amount"] for one in made} == {100}
    assert careful.errors() == []
    assert len(careful.qbo.all("Invoice")) == 1, "nothing is created anew either"

    # Entered again: the invoice that was voided is as good as new.
    voided = careful.qbo_invoice(made[4])
    careful.qbo.call("invoice", {**voided, "Line": bodies[4]["Line"]})
    careful.both()
    assert careful.qbo_invoice(made[4])["TotalAmt"] == 100
    assert careful.value("select count(*) from qbo_sync.left_alone") == 4

    # Somebody asks for one of them after all: what QuickBooks says is done.
    gone = bodies[0]["Id"]
    careful.compare_again("invoice_qbo_to_lms", qbo_ids=[gone])
    careful.both()
    assert careful.value("select count(*) from lms.invoice") == 4
    assert careful.errors() == []


# ------------------------------------------------------------------ a lab that has more than one run takes in hand


def _runs(world: World, dag_id: str) -> None:
    """So many that everything has had its turn."""
    for _ in range(25):
        world.sql("update qbo_sync.change_mark set extracted_at = null")
        world.run(dag_id)


@pytest.fixture
def large(careful: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Forty invoices, of which a run takes two: in real figures 40,000, of which it takes 2,000."""
    many_invoices(careful, 40)
    careful.both()
    monkeypatch.setattr(staging, "RUN_LIMIT", 2)
    return careful


@pytest.mark.rule("8.9.a")
def test_an_emptied_table_of_a_large_lab_deletes_nothing_before_a_person_releases_it(large: World) -> None:
    large.sql("truncate lms.invoice cascade")
    _runs(large, "invoice_lms_to_qbo")
    assert len(large.qbo.all("Invoice")) == 40
    [error] = held(large)
    assert error["message"].startswith("In Pilot, 40 of 40 synced invoices were deleted.")
    # More than the run that releases them takes in hand: the others are not asked about again.
    large.release_held("invoice_lms_to_qbo")
    _runs(large, "invoice_lms_to_qbo")
    assert large.qbo.all("Invoice") == []
    assert large.errors() == []


@pytest.mark.rule("8.9.a")
def test_a_restored_table_that_lacks_some_of_many_deletes_nothing_before_a_person_releases_it(
    large: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is compared again: a run in which most is still there has few that are gone."""
    monkeypatch.setattr(staging, "RUN_LIMIT", 10)
    large.sql("delete from lms.invoice where mod(id, 4) = 0")
    large.sql("delete from qbo_sync.lms_change")
    large.companies(large.as_run("invoice_lms_to_qbo"), resync=True)
    _runs(large, "invoice_lms_to_qbo")
    assert len(large.qbo.all("Invoice")) == 40
    assert held(large)


@pytest.mark.rule("8.9.a")
def test_a_reset_company_of_a_large_lab_deletes_nothing_in_the_lms_before_a_person_releases_it(large: World) -> None:
    for body in large.qbo.all("Invoice"):
        large.qbo.call("invoice", {"Id": body["Id"], "SyncToken": body["SyncToken"]}, operation="delete")
    large.capture()
    _runs(large, "invoice_qbo_to_lms")
    assert large.value("select count(*) from lms.invoice") == 40
    large.release_held("invoice_qbo_to_lms")
    _runs(large, "invoice_qbo_to_lms")
    assert large.value("select count(*) from lms.invoice") == 0
    assert large.errors() == []


@pytest.mark.rule("8.9.d")
def test_an_answer_is_for_all_that_the_question_counts(large: World) -> None:
    """Also for what the run that asked has not had in hand."""
    large.sql("delete from lms.invoice where mod(id, 4) = 0")
    large.run("invoice_lms_to_qbo")
    [error] = held(large)
    assert error["message"].startswith("In Pilot, 10 of 40 synced invoices were deleted.")
    large.refuse_held("invoice_lms_to_qbo", large.lab)
    # One more, before what was refused has had its turn, is no new question.
    large.sql("delete from lms.invoice where id = (select max(id) from lms.invoice)")
    _runs(large, "invoice_lms_to_qbo")
    assert held(large) == []
    assert len(large.qbo.all("Invoice")) == 39


def test_what_was_released_and_is_back_again_is_asked_about_when_it_is_lost_once_more(careful: World) -> None:
    invoices(careful, 5)
    for table in ("invoice", "invoice_line_item"):
        careful.sql(f"create table kept_{table} as table lms.{table}")
    careful.sql("truncate lms.invoice cascade")
    careful.sync()
    with psycopg.connect(careful.database_url) as connection:
        asked = mass_delete.held_records(connection, careful.qbo.realm, "lms_to_qbo", ["invoice"])
        mass_delete.release(connection, "lms_to_qbo", asked)
    # Before a run has carried it out.
    careful.sql("update qbo_sync.connection set sync_invoices = false")
    for table in ("invoice", "invoice_line_item"):
        careful.sql(f"insert into lms.{table} overriding system value table kept_{table}")
    careful.sync()
    careful.sql("truncate lms.invoice cascade")
    careful.sql("update qbo_sync.connection set sync_invoices = true")
    careful.sync()
    assert held(careful)
    assert len(careful.qbo.all("Invoice")) == 5
