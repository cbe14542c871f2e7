"""All companies are polled together; one that is slow, throttled or refused delays no other (decision 0028)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from airflow.sdk import RetryAction

from include.model.problem import PREFERENCES
from include.orchestration import capture as tasks
from include.orchestration.retries import BY_A_LATER_RUN, RETRIES
from include.qbo.errors import ReconnectRequired, ThrottleExceeded
from include.sync.quota import count_on, read_quota
from tests.support.interruptions import after_the_answers, own_tasks_in_a_run
from tests.support.quickbooks import QuickBooks, make_company
from tests.support.task_functions import pretend_airflow
from tests.support.waiting import eventually
from tests.support.world import CAPTURE, World

NAMES = ("Bright", "Quiet", "Throttled", "Slow", "Revoked")


@pytest.fixture
def companies(world: World) -> dict[str, QuickBooks]:
    """Five companies with a lab and a customer each, of which everything has been captured."""
    found = {"Bright": world.qbo}
    for name in NAMES[1:]:
        found[name] = make_company(world.qbo.url, name)
        world.connect(world.billing_lab(name), found[name])
    for company in found.values():
        company.create("Customer", DisplayName="Lakeside Dental")
    first = world.poll_all()
    assert (first.asked, len(first.apart)) == (0, 5), "compared as a whole, each by itself"
    assert world.poll_all().apart == [], "no second time while the first is under way"
    for company in found.values():
        world.capture_apart(company.realm)
    return found


def pay(company: QuickBooks) -> str:
    """Money comes in there; its id."""
    customer = company.all("Customer")[0]["Id"]
    return str(company.create("Payment", CustomerRef={"value": customer}, TotalAmt=7)["Id"])


def later(world: World) -> None:
    """As if all pauses were over."""
    world.sql("update qbo_sync.poll set poll_after = now(), rests_until = null")


def marked(world: World) -> set[tuple[str, str]]:
    rows = world.sql("select realm_id, record_id from qbo_sync.change_mark where direction = 'qbo_to_lms'")
    return {(one["realm_id"], one["record_id"]) for one in rows}


def names(world: World) -> set[str]:
    """The companies that are due."""
    due = world.captured_companies()
    found = world.sql("select name from qbo_sync.company where realm_id = any(%s)", due)
    return {one["name"].removesuffix(" Dental Lab") for one in found}


def test_a_poll_costs_one_call_for_each_company_and_captures_what_is_new(
    world: World, companies: dict[str, QuickBooks]
) -> None:
    later(world)
    paid = {(companies[name].realm, pay(companies[name])) for name in ("Bright", "Slow")}
    world.qbo.control("POST", "stats/reset")
    polled = world.poll_all()
    assert (polled.asked, polled.changed, polled.apart) == (5, 2, [])
    assert marked(world) == paid
    requests = world.qbo.control("GET", "stats")["requests"]
    assert (requests["cdc"], requests["total"]) == (5, 5)
    logged = world.sql("select realm_id, status from qbo_sync.api_call where run_id = (select max(run_id)"
                       "  from qbo_sync.api_call where operation = 'cdc') order by realm_id")  # fmt: skip
    assert logged == [{"realm_id": realm, "status": 200} for realm in sorted(one.realm for one in companies.values())]
    assert world.poll_all().asked == 0, "nobody is due"
    assert world.poll_all(by_hand=True).asked == 5, "but for a person"
    assert world.poll_all(companies["Quiet"].realm, by_hand=True).asked == 1
    later(world)
    again = world.poll_all()
    assert (again.asked, again.changed) == (5, 0), "what was seen is not marked twice"
    assert marked(world) == paid
    # A token that ends is refreshed first, and preferences that an error waits for are read.
    world.sql("update qbo_sync.company set access_token_expires_at = now()")
    world.sql(
        "insert into qbo_sync.sync_error (realm_id, entity, direction, operation, error_code, message, resolution,"
        "  causes, record_entity, record_id)"
        " values (%s, 'invoice', 'lms_to_qbo', 'create', 'books_closed', '', '', %s, 'invoice', '1')",
        world.qbo.realm,
        [PREFERENCES],
    )
    later(world)
    world.qbo.control("POST", "stats/reset")
    assert world.poll_all().asked == 5
    requests = world.qbo.control("GET", "stats")["requests"]
    assert (requests["cdc"], requests["read"], requests["token"]) == (5, 1, 5)
    # A lab that is connected later: nothing of the question is asked together.
    world.connect(world.billing_lab("Second Lab"), companies["Quiet"])
    polled = world.poll_all()
    assert (polled.asked, [one["realm_id"] for one in polled.apart]) == (0, [companies["Quiet"].realm])


def test_a_company_that_does_not_answer_well_delays_no_other_and_has_its_own_task(
    world: World, companies: dict[str, QuickBooks], monkeypatch: pytest.MonkeyPatch
) -> None:
    later(world)
    for name, kind in {"Throttled": "http_429", "Slow": "slow"}.items():
        fault = {"kind": kind, "seconds": 30, "realm": companies[name].realm, "operation": "cdc"}
        world.qbo.control("POST", "faults", fault)
    world.qbo.control("POST", f"companies/{companies['Revoked'].realm}/disconnect")
    paid = {name: (companies[name].realm, pay(companies[name])) for name in ("Bright", "Slow", "Throttled")}
    polled = world.poll_all(deadline=1.0)
    apart = {one["name"]: one for one in polled.apart}
    assert sorted(apart) == ["Revoked", "Slow", "Throttled"]
    assert (polled.asked, polled.changed) == (5, 1)
    assert marked(world) == {paid["Bright"]}
    assert world.poll_all(deadline=1.0).asked == 0, "the others are not due, and they have their tasks"

    pretend_airflow(world, monkeypatch, CAPTURE)
    for name, error in {"Revoked": ReconnectRequired, "Throttled": ThrottleExceeded}.items():
        with pytest.raises(error) as failed:
            tasks.capture.function(apart[name])
        assert BY_A_LATER_RUN.evaluate(failed.value, 1, RETRIES).action is RetryAction.FAIL
    world.qbo.control("DELETE", "faults")
    tasks.capture.function(apart["Slow"])
    assert marked(world) == {paid["Bright"], paid["Slow"]}

    world.sql("update qbo_sync.poll set poll_after = now()")
    assert names(world) == {"Bright", "Quiet", "Slow"}, "one rests, one needs a person"
    polled = world.poll_all()
    assert (polled.asked, [one["name"] for one in polled.apart]) == (2, ["Slow"]), "by itself for a while"
    later(world)
    assert {one["name"] for one in tasks.poll.function()} == {"Slow", "Throttled"}
    for name in ("Slow", "Throttled"):
        tasks.capture.function(apart[name])
    assert marked(world) == {paid[name] for name in ("Bright", "Slow", "Throttled")}
    later(world)
    world.sql("update qbo_sync.poll set apart_until = now()")
    assert world.poll_all().asked == 4, "and then with the others again"


def test_quickbooks_itself_is_down_and_all_are_asked_together_again_when_it_is_back(
    world: World, companies: dict[str, QuickBooks]
) -> None:
    later(world)
    world.qbo.control("POST", "faults", {"kind": "http_503", "operation": "cdc"})
    with own_tasks_in_a_run(2):
        polled = world.poll_all()
    assert (polled.asked, len(polled.apart)) == (5, 2), "some fail where everybody sees it"
    assert names(world) == set(), "all rest"
    world.qbo.control("DELETE", "faults")
    later(world)
    polled = world.poll_all()
    assert (polled.asked, len(polled.apart)) == (3, 2)
    assert world.value("select max(failures) from qbo_sync.poll where poll_after > now()") == 0


def test_what_a_webhook_reports_after_the_answer_wakes_another_poll(
    world: World, companies: dict[str, QuickBooks]
) -> None:
    later(world)
    bright, quiet = companies["Bright"], companies["Quiet"]
    pay(bright)

    def reported_meanwhile() -> None:
        pay(bright)
        world.sql("select qbo_sync.record_webhook_event(array[%s, %s])", bright.realm, quiet.realm)

    with after_the_answers(reported_meanwhile):
        world.poll_all()
    assert len(marked(world)) == 1
    assert sorted(world.captured_companies()) == sorted([bright.realm, quiet.realm]), "due, although just asked"
    assert world.poll_all(reported_only=True).changed == 1
    assert len(marked(world)) == 2
    assert world.captured_companies() == []


def test_two_polls_at_once_count_each_call_once(world: World) -> None:
    world.sql(
        "insert into qbo_sync.api_call (at, realm_id, dag_id, operation, metered, duration_ms)"
        " select now() - interval '11 seconds', %s, 'ledger_reconciliation', 'query', n > 2, 1"
        "   from generate_series(1, 5) n",
        world.qbo.realm,
    )
    now = datetime.now(UTC)
    with world.runtime.connect() as first, world.runtime.connect() as second, ThreadPoolExecutor(1) as other:
        count_on(first, now)
        counting = other.submit(count_on, second, now)
        eventually(lambda: world.value("select count(*) from pg_locks where not granted"))
        first.commit()
        counting.result()
        second.commit()
    assert read_quota(world.connection, 500_000, now).proofs == 3


@contextmanager
def refused() -> Iterator[psycopg.Connection]:
    """A database that is down."""
    yield psycopg.connect("postgresql://127.0.0.1:1/none", connect_timeout=2)


def test_a_database_that_is_down_fails_the_poll(world: World) -> None:
    world.runtime = replace(world.runtime, connect=refused)
    with pytest.raises(psycopg.OperationalError):
        world.poll_all()


def test_a_poll_that_died_before_it_named_them_names_them_when_it_is_tried_again(
    world: World, companies: dict[str, QuickBooks], monkeypatch: pytest.MonkeyPatch
) -> None:
    later(world)
    world.sql("update qbo_sync.qbo_cursor set compare_asked_at = now() where realm_id = %s", companies["Quiet"].realm)
    pretend_airflow(world, monkeypatch, CAPTURE, run_type="scheduled")
    apart = [{"realm_id": companies["Quiet"].realm, "name": "Quiet"}]
    for attempt in ("the worker was killed", "Airflow's database was away", "it was told"):
        assert tasks.poll.function() == apart, attempt
    assert companies["Quiet"].realm not in world.captured_companies(), "other runs leave it alone"
    tasks.capture.function(apart[0])
    assert apart[0] not in world.poll_all(by_hand=True).apart


def test_an_own_task_that_lost_the_database_is_tried_again_soon(
    world: World, companies: dict[str, QuickBooks], monkeypatch: pytest.MonkeyPatch
) -> None:
    later(world)
    slow = companies["Slow"]
    world.qbo.control(
        "POST", "faults", {"kind": "slow", "seconds": 30, "realm": slow.realm, "operation": "cdc", "times": 1}
    )
    paid = (slow.realm, pay(slow))
    [apart] = world.poll_all(deadline=1.0).apart
    up = world.runtime
    world.runtime = replace(up, connect=refused)
    pretend_airflow(world, monkeypatch, CAPTURE)
    with pytest.raises(Exception, match="LMS database could not be reached") as failed:
        tasks.capture.function(apart)
    # Nothing could be noted: no poll asks the company for as long as its task might take.
    again = BY_A_LATER_RUN.evaluate(failed.value, 1, RETRIES)
    assert (again.action, again.retry_delay) == (RetryAction.RETRY, timedelta(seconds=30))
    world.runtime = up
    world.sql("update qbo_sync.poll set poll_after = now()")
    assert names(world) == {"Bright", "Quiet", "Revoked", "Throttled"}
    pretend_airflow(world, monkeypatch, CAPTURE)
    tasks.capture.function(apart)
    assert marked(world) == {paid}
    world.sql("update qbo_sync.poll set poll_after = now()")
    assert "Slow" in names(world)


def test_a_quiet_company_is_asked_less_often_and_one_with_webhooks_rarely(
    world: World, companies: dict[str, QuickBooks]
) -> None:
    bright, quiet = companies["Bright"].realm, companies["Quiet"].realm

    def pause(realm: str) -> int:
        """Minutes until the next poll."""
        [one] = world.sql("select poll_after - polled_at as pause from qbo_sync.poll where realm_id = %s", realm)
        return round(one["pause"] / timedelta(minutes=1))

    later(world)
    pay(companies["Bright"])
    world.poll_all()
    assert pause(bright) == 5
    assert pause(quiet) == 30
    # A webhook reports the next change, and a poll that it wakes reads it.
    pay(companies["Bright"])
    world.sql("select qbo_sync.record_webhook_event(array[%s])", bright)
    assert world.poll_all(reported_only=True).asked == 1
    later(world)
    world.poll_all()
    assert pause(bright) == 60
    # A change that none has reported: they are not relied on until one reports something again.
    pay(companies["Bright"])
    later(world)
    world.poll_all()
    assert pause(bright) == 5


def test_polls_are_spread_over_what_is_left_of_the_month(world: World, companies: dict[str, QuickBooks]) -> None:
    later(world)
    world.sql(
        "insert into qbo_sync.api_call (at, realm_id, dag_id, operation, metered, duration_ms)"
        " select now() - interval '11 seconds', %s, 'qbo_change_capture', 'cdc', true, 1"
        "   from generate_series(1, 499000)",
        world.qbo.realm,
    )
    for company in companies.values():
        pay(company)
    world.poll_all()
    assert world.value("select min(poll_after - polled_at) from qbo_sync.poll") > timedelta(hours=23)
    counted = world.sql("select calls, polls from qbo_sync.metered_month")
    assert len(counted) == 1
    assert min(counted[0]["calls"] - 499_000, counted[0]["polls"] - 499_000) >= 0
    pay(companies["Bright"])
    world.sql("select qbo_sync.record_webhook_event(array[%s])", companies["Bright"].realm)
    assert world.poll_all(reported_only=True).changed == 1, "a webhook's question is always put"
