"""Each alert, caused for real and received by a mail server and a web server: once, and once more when it is over."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
import requests

from include.alerts.delivery import NotTold, send_test
from include.expectations.errors import BrokenExpectation
from include.migrations import roles
from include.model.settings import MassDeleteLimit
from include.orchestration import alerts, housekeeping, tasks
from include.orchestration.notify import BadAddresses, services
from include.qbo.errors import QboError, ReconnectRequired
from tests.support.alerting import BASE_URL, tell
from tests.support.bookkeeper import sale
from tests.support.connections import as_role
from tests.support.planting import unseen
from tests.support.receivers import TOKEN, Message, Receiver, connection_to, mail_server, web_server
from tests.support.task_functions import pretend_airflow
from tests.support.world import INVOICES, World

CONNECTION = "AIRFLOW_CONN_PILOT_ALERTS"


@dataclass
class Receivers:
    """Both, and what came since somebody looked."""

    mail: Receiver
    web: Receiver

    def new(self) -> list[Message]:
        """What the web server received; the mail server received the same."""
        came, mailed = list(self.web.received), list(self.mail.received)
        self.web.received.clear()
        self.mail.received.clear()
        assert [one.title for one in mailed] == [one.title for one in came]
        for mail, hook in zip(mailed, came, strict=True):
            assert all(line in mail.text for line in hook.text.splitlines()[-1:]), mail.text
        return came


@pytest.fixture
def receivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receivers]:
    with mail_server() as mail, web_server() as web:
        monkeypatch.setenv(CONNECTION, connection_to([mail, web]))
        yield Receivers(mail, web)


def told_once(world: World, receivers: Receivers, monthly_calls: int = 500_000) -> Message:
    """What the next run tells; the one after it tells nothing."""
    tell(world, monthly_calls)
    [came] = receivers.new()
    assert tell(world, monthly_calls) == 0 and receivers.new() == []
    return came


def lose_grant(world: World) -> None:
    """The bookkeeper disconnects the app in QuickBooks, and a run finds out."""
    world.qbo.control("POST", f"companies/{world.qbo.realm}/disconnect")
    with pytest.raises(ReconnectRequired):
        world.capture()


def test_a_company_that_must_be_reconnected(world: World, receivers: Receivers) -> None:
    lose_grant(world)
    came = told_once(world, receivers)
    name = world.value("select name from qbo_sync.company")
    assert came.title == f"Reconnect {name} to QuickBooks"
    assert "nothing syncs" in came.text and "(for Bright Dental Lab)" in came.text
    assert came.text.splitlines()[-1] == f"{BASE_URL}/quickbooks/labs/{world.lab}/connect"
    world.connect(world.lab, world.qbo)
    over = told_once(world, receivers)
    assert over == Message(f"Over: {came.title}", f"{name} is no longer waiting to be reconnected.")


def test_errors_open_for_more_than_a_day_are_one_message_however_many(world: World, receivers: Receivers) -> None:
    bad = [world.account(f"Bad: {number}") for number in range(3)]
    for account in bad:
        world.simple_invoice(account)
    world.sync()
    found = world.value("select count(*) from qbo_sync.sync_error where error_code = 'validation_failed'")
    assert found == 3
    assert tell(world) == 0, "a day is what a bookkeeper has"
    world.sql("update qbo_sync.sync_error set first_seen_at = first_seen_at - interval '25 hours'")
    came = told_once(world, receivers)
    assert came.title.startswith(f"{found} records of ") and came.title.endswith("more than a day (validation_failed)")
    assert f"{BASE_URL}/quickbooks/errors" in came.text
    world.sql("update lms.billing_account set name = replace(name, ':', ' ')")
    world.both()
    assert world.errors() == []
    assert told_once(world, receivers).title.startswith("Over: ")


def test_books_that_do_not_agree(world: World, receivers: Receivers) -> None:
    invoice = world.simple_invoice()
    world.both()
    assert world.prove().state == "equal"
    assert tell(world) == 0
    body = world.qbo_invoice(invoice)
    world.qbo.update("Invoice", body, CustomerRef=body["CustomerRef"], Line=[sale(Decimal(150))])
    unseen(world)
    assert world.prove().state == "differs"
    came = told_once(world, receivers)
    assert came.title.endswith("do not agree") and "differ in 1 record " in came.text
    assert came.text.splitlines()[-1] == f"{BASE_URL}/quickbooks/labs/{world.lab}/books"
    body = world.qbo_invoice(invoice)
    world.qbo.update("Invoice", body, CustomerRef=body["CustomerRef"], Line=[sale(Decimal(100))])
    assert world.prove(full=True).state == "equal"
    assert told_once(world, receivers).title == f"Over: {came.title}"


def test_a_comparison_that_does_not_add_up(world: World, receivers: Receivers) -> None:
    world.simple_invoice()
    world.both()
    with pytest.raises(BrokenExpectation):
        world.prove(meanwhile="update qbo_sync.reconciliation_customer set lms_invoices = lms_invoices + 1")
    assert told_once(world, receivers).title.endswith("could not be compared")


def test_many_deletes_that_are_held(world: World, receivers: Receivers) -> None:
    world.limit_deletes(MassDeleteLimit(share=Decimal("0.10"), minimum=4))
    account = world.account()
    for _ in range(5):
        world.simple_invoice(account)
    world.both()
    world.sql("truncate lms.invoice cascade")
    world.sync()
    came = told_once(world, receivers)
    assert came.title == "Unusually many deletes wait for your decision at Bright Dental Lab"
    assert "In Pilot, 5 of 5 synced invoices were deleted." in came.text
    [error] = world.errors()
    assert came.text.splitlines()[-1] == f"{BASE_URL}/quickbooks/errors/{error['id']}"
    world.release_held(INVOICES)
    assert told_once(world, receivers).title == f"Over: {came.title}"


def test_a_month_s_calls_that_are_nearly_used_up(world: World, receivers: Receivers) -> None:
    world.simple_invoice()
    world.both()
    used = world.value("select count(*) from qbo_sync.api_call where metered")
    assert tell(world, monthly_calls=used * 2) == 0
    came = told_once(world, receivers, monthly_calls=used)
    assert came.title == "100% of the month’s QuickBooks calls are used"
    assert f"{used:,} of {used:,} metered calls" in came.text
    assert told_once(world, receivers, monthly_calls=used * 2).title == f"Over: {came.title}"


def test_changes_that_no_run_works_on(world: World, receivers: Receivers) -> None:
    invoice = world.simple_invoice()
    world.sql("select qbo_sync.dispatch_lms_changes()")
    assert tell(world) == 0
    world.sql("update qbo_sync.change_mark set marked_at = marked_at - interval '31 minutes'")
    assert tell(world) == 0, "they may have become due this very moment"
    world.sql("update qbo_sync.alert set found_at = found_at - interval '6 minutes'")
    tell(world)
    [came] = receivers.new()
    assert "billing_account_lms_to_qbo is late" in came.text or "is late" in came.title
    assert f"{BASE_URL}/dags/" in came.text
    late = world.sql("select subject from qbo_sync.alert where kind = 'late' order by subject")
    assert {one["subject"] for one in late} >= {INVOICES, "billing_account_lms_to_qbo"}
    world.sync()
    assert world.link("invoice", invoice)
    [over] = [told_once(world, receivers)]
    assert over.title.startswith("Over: ")


def test_changes_in_pilot_that_nobody_picks_up(world: World, receivers: Receivers) -> None:
    world.simple_invoice()
    world.sql("update qbo_sync.lms_change set changed_at = changed_at - interval '31 minutes'")
    tell(world)
    world.sql("update qbo_sync.alert set found_at = found_at - interval '6 minutes'")
    assert told_once(world, receivers).title == "Changes in Pilot are not being picked up"


@pytest.mark.parametrize("why", ["nobody asks it", "it never answers"])
def test_a_company_that_was_never_asked(world: World, receivers: Receivers, why: str) -> None:
    assert world.value("select count(*) from qbo_sync.poll") == 0
    if why == "it never answers":
        world.sql("insert into qbo_sync.poll (realm_id, failures, rests_until) values (%s, 9, now())", world.qbo.realm)
    assert tell(world) == 0
    world.sql("update qbo_sync.connection set created_at = now() - interval '3 hours'")
    tell(world)
    world.sql("update qbo_sync.alert set found_at = found_at - interval '6 minutes'")
    came = told_once(world, receivers)
    assert ("is late" if why == "nobody asks it" else "has not been able to sync since") in came.title


def test_a_mark_that_waits_or_is_in_hand_is_not_late(world: World, receivers: Receivers) -> None:
    world.simple_invoice()
    world.sql("select qbo_sync.dispatch_lms_changes()")
    world.sql(
        "update qbo_sync.change_mark set marked_at = marked_at - interval '2 hours', extracted_at = now(),"
        " extracted_by = 'somebody'"
    )
    tell(world)
    world.sql("update qbo_sync.change_mark set extracted_at = null, attempt_after = now() + interval '1 hour'")
    tell(world)
    assert world.value("select count(*) from qbo_sync.alert") == 0


def run_through_its_tasks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of the company, as Airflow's tasks do it."""
    pretend_airflow(world, monkeypatch, INVOICES, realm_id=world.qbo.realm)
    [shard] = tasks.companies.function()
    for task in (tasks.extract, tasks.transform, tasks.validate, tasks.load):
        shard = task.function(shard)


def test_a_company_that_keeps_failing(world: World, receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    pair, product = world.pair(world.account()), world.product()
    world.invoice(world.case(pair, [{"product": product}]))
    world.sync()
    world.invoice(world.case(pair, [{"product": product}]))
    world.qbo.control("POST", "faults", {"kind": "http_503", "realm": world.qbo.realm})
    world.runtime = world.runtime.hurried(1.0)
    with pytest.raises(QboError):
        run_through_its_tasks(world, monkeypatch)
    assert tell(world) == 0
    world.sql("update qbo_sync.company_trouble set since = since - interval '61 minutes'")
    came = told_once(world, receivers)
    assert "has not been able to sync since" in came.title and "at least every 15 minutes" in came.text
    world.qbo.control("DELETE", "faults")
    world.sql("update qbo_sync.change_mark set extracted_at = null")
    run_through_its_tasks(world, monkeypatch)
    assert told_once(world, receivers).title == f"Over: {came.title}"


# ------------------------------------------------------------------ telling


def reconnect_needed(world: World) -> None:
    world.sql("update qbo_sync.company set status = 'reconnect_required'")


def test_who_could_not_be_reached_is_told_later_and_nobody_hears_it_twice(
    world: World, receivers: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reconnect_needed(world)
    receivers.web.refuses = True
    with pytest.raises(NotTold, match="1 of 2 addresses"):
        tell(world)
    assert (len(receivers.mail.received), len(receivers.web.received)) == (1, 0)
    with pytest.raises(NotTold):
        tell(world)
    assert (len(receivers.mail.received), receivers.web.asked) == (1, 2)
    receivers.web.refuses = False
    assert tell(world) == 1
    assert len(receivers.new()) == 1
    assert tell(world) == 0
    ours = [one.getMessage() for one in caplog.records if one.name.startswith(("include", "airflow"))]
    assert any("address 2 of the connection pilot_alerts could not be reached" in one for one in ours)
    loud = [one.getMessage() for one in caplog.records if one.levelno >= logging.INFO]
    assert not [one for one in loud if TOKEN in one]


def test_what_was_over_before_anybody_could_be_told_is_told_to_nobody(world: World, receivers: Receivers) -> None:
    receivers.web.refuses = True
    reconnect_needed(world)
    with pytest.raises(NotTold):
        tell(world)
    world.sql("update qbo_sync.company set status = 'connected'")
    receivers.web.refuses = False
    tell(world)
    assert receivers.web.received == [], "it was never told, so nothing is over for it"
    first, second = receivers.mail.titles()
    assert second == f"Over: {first}"


def test_an_outage_that_hits_many_companies_is_one_message(world: World, receivers: Receivers) -> None:
    for number in range(4):
        realm, lab = f"93414500000009{number}", world.billing_lab(f"Lab {number}")
        world.sql("insert into qbo_sync.company (realm_id, name) values (%s, %s)", realm, f"Company {number}")
        world.sql(
            "insert into qbo_sync.connection (billing_lab_id, realm_id, income_account_id, deposit_account_id)"
            " values (%s, %s, '1', '2')",
            lab,
            realm,
        )
    reconnect_needed(world)
    came = told_once(world, receivers)
    assert came.title.endswith("and 4 more")
    assert all(f"Reconnect Company {number} to QuickBooks" in came.text for number in range(4))


def test_nothing_configured_sends_nothing_and_keeps_what_is_open(
    world: World, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconnect_needed(world)
    connection = connection_to([receivers.mail, receivers.web])
    monkeypatch.delenv(CONNECTION)
    assert tell(world) == 0
    [row] = world.sql("select kind, notified_at, over_at from qbo_sync.alert")
    assert row == {"kind": "reconnect", "notified_at": None, "over_at": None}
    monkeypatch.setenv(CONNECTION, connection)
    assert len([told_once(world, receivers)]) == 1, "somebody is there now: it is still true"


def test_the_alerts_need_neither_the_keys_of_quickbooks_nor_the_key_of_the_tokens(
    world: World, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While these cannot be used every run fails: just then people have to be told."""
    reconnect_needed(world)
    for name in ("PILOT_TOKEN_KEY", "PILOT_TOKEN_KEY_FILE", "AIRFLOW_CONN_QUICKBOOKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_LMS_DB", as_role(world.database_url, roles.PIPELINE))
    for module in (alerts, housekeeping):
        monkeypatch.setattr(module, "get_current_context", lambda: {"params": {"test_message": False, "dry_run": True}})
    alerts.tell.function()
    assert [one.title.split()[0] for one in receivers.new()] == ["Reconnect"]
    assert sum(housekeeping.prune.function().values()) == 0


@pytest.mark.parametrize(
    ("connection", "error"),
    [
        ('{"conn_type": "apprise", "extra": {"config": "{not json: t0ken-of-the-webhook"}}', BadAddresses),
        ('{"conn_type": "apprise", "extra": {"hook": "t0ken-of-the-webhook"}}', BadAddresses),
        ('{"conn_type": "apprise", "extra": {"config": [{"path": "nosuch://t0ken-of-the-webhook"}]}}', NotTold),
    ],
)
def test_a_connection_that_leads_nowhere_says_so_without_its_address(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, connection: str, error: type
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(CONNECTION, connection)
    reconnect_needed(world)
    with pytest.raises(error) as raised:
        tell(world)
    assert TOKEN not in str(raised.value) and raised.value.__cause__ is None
    assert TOKEN not in caplog.text


def test_a_test_message_goes_to_every_address(receivers: Receivers) -> None:
    assert send_test(services) == 2
    assert receivers.new()[0].title == "Test of the alerts"
    receivers.web.refuses = True
    with pytest.raises(NotTold, match="1 of 2"):
        send_test(services)


def test_two_runs_at_once_tell_nobody_twice(world: World, receivers: Receivers) -> None:
    reconnect_needed(world)
    with world.runtime.connect() as other:
        other.execute("select pg_advisory_lock(hashtextextended('qbo_sync.alert', 0))")
        assert tell(world) == 0, "the other run tells it"
        other.execute("select pg_advisory_unlock(hashtextextended('qbo_sync.alert', 0))")
    assert told_once(world, receivers)


def test_a_slow_run_is_over_when_it_has_ended(world: World, receivers: Receivers) -> None:
    from include.alerts.alerts import keep
    from include.alerts.causes import Fact, alert

    with world.runtime.connect() as connection:
        since = world.value("select now()")
        keep(connection, [alert(Fact(kind="slow_run", since=since, subject="invoice_lms_to_qbo/r1"), BASE_URL)])
    came = told_once(world, receivers)
    assert came.text.splitlines()[-1] == f"{BASE_URL}/dags/invoice_lms_to_qbo/runs/r1"
    asked: list[tuple[str, str]] = []

    def is_running(dag_id: str, run_id: str) -> bool:
        asked.append((dag_id, run_id))
        return False

    tell(world, is_running=is_running)
    assert asked == [("invoice_lms_to_qbo", "r1")]
    assert [one.title for one in receivers.new()] == [f"Over: {came.title}"]


def test_the_receivers_are_real() -> None:
    with web_server() as web:
        address = web.address.replace("json://", "http://")
        requests.post(address, json={"title": "a", "message": "b"}, timeout=5).raise_for_status()
        assert web.received == [Message("a", "b")]
