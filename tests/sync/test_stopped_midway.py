"""A lab or a company that is refused when it connects, or disconnected or refused while a run is under way."""

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowSkipException

from include.company import connect
from include.company.company import UnknownCompany
from include.company.connect import CannotConnect
from include.orchestration import capture, company_check, tasks
from include.orchestration import connect as command
from include.orchestration.retries import POLICY, RETRIES
from include.qbo import client
from include.qbo.errors import NotConnected, Unavailable
from include.qbo.faults import fault_of_status
from tests.support.bookkeeper import sale, without_accounts
from tests.support.both_sides import known, linked_account
from tests.support.quickbooks import make_company
from tests.support.task_functions import pretend_airflow
from tests.support.world import INVOICES, World


def marked(world: World) -> list[str]:
    rows = world.sql("select record_id from qbo_sync.change_mark where entity = 'invoice' order by 1")
    return [row["record_id"] for row in rows]


def test_a_mistyped_lab_and_a_lab_of_another_company_cost_no_refresh_token(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "refresh", lambda app, token: pytest.fail("the token was exchanged"))
    with pytest.raises(CannotConnect, match="no billing lab"):
        connect.connect_lab(world.as_page(), billing_lab="Brihgt", realm_id=world.qbo.realm, refresh_token="t")
    with pytest.raises(CannotConnect, match="Disconnect it"):
        connect.connect_lab(world.as_page(), billing_lab=str(world.lab), realm_id="999", refresh_token="t")


def test_connecting_by_command_stands_among_the_changes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_LAB", str(world.lab))
    monkeypatch.setenv("REALM", world.qbo.realm)
    monkeypatch.setenv("REFRESH_TOKEN", world.qbo.grant()["refresh_token"])
    monkeypatch.setenv("LOGNAME", "olga")
    monkeypatch.setattr(command, "runtime", lambda run, connection_id: world.as_page())
    assert command.main() == 0
    changes = world.sql("select user_name, action, billing_lab_id, realm_id from qbo_sync.page_change order by id")
    assert [tuple(change.values()) for change in changes] == [
        ("make connect", "connect", world.lab, world.qbo.realm),
        ("olga (make connect)", "reconnect", world.lab, world.qbo.realm),
    ]


def test_a_refused_connect_leaves_no_company_that_says_connected(world: World) -> None:
    other = make_company(world.qbo.url)
    without_accounts(other, "Other Current Asset")
    lab = world.billing_lab("Second Lab")
    with pytest.raises(CannotConnect, match="Undeposited Funds"):
        world.connect(lab, other)
    assert [row["realm_id"] for row in world.sql("select realm_id from qbo_sync.company")] == [world.qbo.realm]
    world.connect(lab, world.qbo)


def test_a_refused_connect_leaves_the_company_s_other_labs_as_they_are(world: World) -> None:
    without_accounts(world.qbo, "Other Current Asset")
    grant = world.value("select refresh_token_encrypted from qbo_sync.company")
    with pytest.raises(CannotConnect):
        world.connect(world.billing_lab("Second Lab"), world.qbo)
    (company,) = world.sql("select * from qbo_sync.company")
    assert (company["status"], company["refresh_token_encrypted"]) == ("connected", grant)
    assert world.value("select count(*) from qbo_sync.connection") == 1


def test_a_lab_that_has_its_accounts_connects_again_whatever_the_chart_has(world: World) -> None:
    without_accounts(world.qbo, "Other Current Asset")
    world.sql("update qbo_sync.company set status = 'reconnect_required'")
    world.connect(world.lab, world.qbo)
    assert world.value("select status from qbo_sync.company") == "connected"


@pytest.mark.setting("connected")
def test_disconnected_between_two_steps_the_run_ends_and_the_marks_stay(world: World) -> None:
    pair, product = known(world)
    invoice = world.invoice(world.case(pair, [{"product": product}]))
    in_hand = world.prepared(INVOICES)
    world.disconnect()
    with pytest.raises(NotConnected):
        world.load(in_hand)
    assert marked(world) == [str(invoice)]
    assert world.value("select status from qbo_sync.company") == "disconnected"
    world.connect(world.lab, world.qbo)
    world.sync()
    assert world.qbo_invoice(invoice)


@pytest.mark.setting("connected")
@pytest.mark.parametrize("step", ["extract", "transform", "load"])
def test_a_task_of_a_disconnected_company_is_skipped_and_not_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    pretend_airflow(world, monkeypatch, INVOICES)
    world.disconnect()
    with pytest.raises(AirflowSkipException, match="connected"):
        getattr(tasks, step).function(
            {"name": "Bright", "companies": [{"realm_id": world.qbo.realm, "name": "Bright"}]}
        )


def test_the_capture_of_a_disconnected_company_is_skipped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_airflow(world, monkeypatch, "qbo_change_capture")
    world.disconnect()
    with pytest.raises(AirflowSkipException):
        capture.capture.function({"realm_id": world.qbo.realm, "name": "Bright"})


@pytest.mark.parametrize("dag_id", ["invoice_lms_to_qbo", "invoice_qbo_to_lms", "qbo_change_capture", "company_check"])
def test_a_mistyped_company_fails_at_once_and_a_disconnected_one_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch, dag_id: str
) -> None:
    companies = {
        "qbo_change_capture": capture.poll,
        "company_check": company_check.connected_companies,
    }.get(dag_id, tasks.companies)
    pretend_airflow(world, monkeypatch, dag_id, realm_id="999", resync=True)
    with pytest.raises(
        UnknownCompany, match=rf"“999”.* Known companies: {world.qbo.realm} \(Bright Dental Lab\)"
    ) as failed:
        companies.function()
    assert POLICY.evaluate(failed.value, 1, RETRIES).action is RetryAction.FAIL
    world.disconnect()
    pretend_airflow(world, monkeypatch, dag_id, realm_id=world.qbo.realm, resync=False)
    assert companies.function() == []


@pytest.mark.setting("each_lab_its_own")
def test_of_two_labs_the_one_that_leaves_midway_keeps_its_marks_and_the_other_goes_on(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    pair, product = known(world)
    staying = world.invoice(world.case(pair, [{"product": product}]))
    leaving = world.invoice(world.case(pair, [{"product": product}], lab=second))
    in_hand = world.prepared(INVOICES)
    world.disconnect(second)
    counts = world.load(in_hand)
    assert (counts["created"], counts["waiting"]) == (1, 1)
    assert world.qbo_invoice(staying)
    assert world.link("invoice", leaving) is None
    assert marked(world) == [str(leaving)]


def test_what_came_from_quickbooks_for_a_lab_that_leaves_midway_stays_marked(world: World) -> None:
    second = world.billing_lab("Second Lab")
    world.connect(second, world.qbo)
    account, _ = linked_account(world)
    pair = world.pair(account)
    invoice = world.invoice(world.case(pair, [{"product": world.product()}], lab=second))
    world.both()
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[sale("120.00")])
    world.capture()
    run = world.as_run("invoice_qbo_to_lms")
    world.step("extract", run)
    world.step("transform", run)
    world.disconnect(second)
    assert world.load(run)["waiting"] == 1
    assert world.lms_invoice(invoice)["total_amount"] == 100
    assert len(marked(world)) == 1


@pytest.mark.trap(55)
def test_a_403_that_does_not_name_the_grant_pauses_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only 3100 says that the grant is at fault; a gateway may say 403 for reasons of its own (facts 8.2, 8.3)."""
    monkeypatch.setattr(client, "ATTEMPTS", 1)
    invoice = world.simple_invoice()
    with monkeypatch.context() as patched:
        patched.setattr(client, "_parse", lambda answer, tid: fault_of_status(403, intuit_tid=tid))
        with pytest.raises(Unavailable):
            world.capture()
    assert world.value("select status from qbo_sync.company") == "connected"
    world.sync()
    assert world.qbo_invoice(invoice)
