"""The one route without a login: what is signed is believed, and of that only that a company changed.

It is tried where the api-server serves it, and where a process of its own does.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.page import webhook
from include.page.address import WEBHOOK
from include.sandbox.webhooks import signature
from include.webhook import receiver
from tests.support.page.site import Site
from tests.support.quickbooks import QuickBooks
from tests.support.waiting import eventually
from tests.support.webhook_receiver import receiver_alone
from tests.support.world import World

FORMS: dict[str, Callable[[str], Any]] = {
    "cloudevents": lambda realm: [{"specversion": "1.0", "type": "qbo.invoice.created.v1", "intuitaccountid": realm}],
    "legacy": lambda realm: {"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": []}}]},
}


@pytest.fixture
def realm(lms: World, lab: int, company: QuickBooks) -> str:
    """A connected company."""
    lms.connect(lab, company)
    return company.realm


@dataclass(frozen=True)
class Door:
    """Where webhooks go in."""

    url: str
    token: str

    def deliver(self, body: bytes, said: str | None = None) -> requests.Response:
        """POST as Intuit does, without a login; signed unless another signature is given."""
        sent = {"intuit-signature": signature(self.token, body) if said is None else said}
        return requests.post(self.url, data=body, headers=sent, timeout=30)


@pytest.fixture(scope="module")
def alone(site: Site) -> Iterator[str]:
    """The address of a receiver that is a process of its own."""
    with receiver_alone(site.environment) as url:
        yield url


@pytest.fixture(params=["with the page", "alone"])
def door(request: pytest.FixtureRequest, site: Site) -> Door:
    """Each of the two."""
    url = f"{site.page}/webhook" if request.param == "with the page" else request.getfixturevalue("alone")
    return Door(url, site.environment["SANDBOX_WEBHOOK_VERIFIER_TOKEN"])


def told(lms: World, realm: str) -> list[Any]:
    return lms.sql("select received_at from qbo_sync.webhook_event where realm_id = %s", realm)


@pytest.mark.parametrize("form", FORMS)
def test_both_forms_are_taken_and_repeats_do_no_harm(door: Door, lms: World, realm: str, form: str) -> None:
    body = json.dumps(FORMS[form](realm)).encode()
    for _ in range(3):
        answer = door.deliver(body)
        assert (answer.status_code, answer.content) == (200, b"")
        assert not answer.cookies
    assert len(told(lms, realm)) == 1


def test_what_is_not_signed_is_refused(door: Door, lms: World, realm: str) -> None:
    body = json.dumps(FORMS["cloudevents"](realm)).encode()
    true = signature(door.token, body)
    for case, sent, said in (
        ("forged", body, signature("guessed", body)),
        ("an empty token's", body, signature("", body)),
        ("of another body", body.replace(b"created", b"deleted"), true),
        ("empty", body, ""),
        ("cut", body, true[:-4]),
        ("the token itself", body, door.token),
    ):
        answer = door.deliver(sent, said)
        assert (answer.status_code, answer.content) == (401, b""), case
    assert requests.post(door.url, data=body, timeout=30).status_code == 401, "no signature at all"
    assert not told(lms, realm)


def test_a_login_is_no_signature_and_the_page_s_headers_are_there(site: Site) -> None:
    body = json.dumps(FORMS["legacy"]("1")).encode()
    answer = site.visitor("ada").session.post(f"{site.page}/webhook", data=body, timeout=30)
    assert answer.status_code == 401
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_receiver_alone_serves_nothing_else(alone: str) -> None:
    base = alone.removesuffix("/quickbooks/webhook")
    for path in ("/", "/quickbooks/", "/quickbooks/labs/1", "/docs", "/openapi.json", "/api/v2/version"):
        assert requests.get(f"{base}{path}", timeout=30).status_code == 404, path
    assert requests.get(alone, timeout=30).status_code == 405
    assert "server" not in requests.get(f"{base}/health", timeout=30).headers


@pytest.mark.parametrize(
    "extra", [{}, {"webhook_verifier_token": ""}, {"webhook_verifier_token": " "}, {"webhook_verifier_token": 7}]
)
def test_without_a_verifier_token_everything_is_refused(monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any]) -> None:
    """Also what is signed with the empty token, which everybody knows."""
    monkeypatch.setattr(receiver, "verifier", receiver.Verifier())
    monkeypatch.setenv("AIRFLOW_CONN_QUICKBOOKS", json.dumps({"conn_type": "http", "extra": extra}))
    body = json.dumps(FORMS["legacy"]("1")).encode()
    with TestClient(only_the_webhook()) as client:
        for token in ("", " ", "7"):
            answer = client.post(WEBHOOK, content=body, headers={"intuit-signature": signature(token, body)})
            assert answer.status_code == 401, token


def test_a_new_verifier_token_holds_within_seconds_and_the_old_one_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """No restart: whoever changes it in Airflow's connection has changed it."""
    monkeypatch.setattr(receiver, "verifier", receiver.Verifier())
    body = b"signed, yet nothing that Intuit would send"

    def answer(client: TestClient, token: str) -> int:
        return client.post(WEBHOOK, content=body, headers={"intuit-signature": signature(token, body)}).status_code

    def is_now(token: str) -> None:
        own = {"conn_type": "quickbooks_online", "extra": {"webhook_verifier_token": token}}
        monkeypatch.setenv("AIRFLOW_CONN_QUICKBOOKS", json.dumps(own))

    with TestClient(only_the_webhook()) as client:
        is_now("old")
        assert (answer(client, "old"), answer(client, "new")) == (200, 401)
        is_now("new")
        eventually(lambda: answer(client, "new") == 200, 10)
        assert answer(client, "old") == 401


def only_the_webhook() -> FastAPI:
    """Its route in this process."""
    app = FastAPI()
    app.include_router(webhook.router)
    return app


@pytest.mark.parametrize(
    "connection",
    [{}, {"conn_type": "postgres", "host": "127.0.0.1", "port": 9, "schema": "lms", "login": "a", "password": "b"}],
    ids=["is not there", "leads nowhere"],
)
def test_what_cannot_be_kept_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any]) -> None:
    """By any answer but 200, Intuit sends it again."""
    monkeypatch.setattr(receiver, "verifier", receiver.Verifier())
    own = {"conn_type": "quickbooks_online", "extra": {"webhook_verifier_token": "known"}}
    monkeypatch.setenv("AIRFLOW_CONN_QUICKBOOKS", json.dumps(own))
    monkeypatch.setenv("AIRFLOW_CONN_LMS_DB_PAGE", json.dumps(connection) if connection else "")
    body = json.dumps(FORMS["cloudevents"]("1")).encode()
    with TestClient(receiver.make_app()) as client:
        answer = client.post(receiver.PATH, content=body, headers={"intuit-signature": signature("known", body)})
    assert answer.status_code == 503


def test_many_at_once_are_kept_together(door: Door, lms: World, realm: str) -> None:
    """A storm costs some transactions a second, not one for each notification; what is wrong is refused as ever."""
    body = json.dumps(FORMS["cloudevents"](realm)).encode()

    def written() -> int:
        return int(
            lms.value("select n_tup_ins + n_tup_upd from pg_stat_user_tables where relname = 'webhook_event'") or 0
        )

    before = written()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda nth: door.deliver(body, None if nth % 4 else "guessed"), range(400)))
    assert Counter(answer.status_code for answer in answers) == {200: 300, 401: 100}
    assert len(told(lms, realm)) == 1
    eventually(lambda: written() > before)
    assert written() - before <= 150


def test_too_much_is_refused_and_nonsense_or_strangers_change_nothing(door: Door, lms: World, realm: str) -> None:
    assert door.deliver(b" " * 1_000_001).status_code == 413
    before = lms.sql("select count(*) as notices from qbo_sync.webhook_event")
    strangers = json.dumps([{"intuitaccountid": one} for one in ("404", "' or 1=1 --", realm + "0")]).encode()
    for body in (strangers, b"", b"nonsense", b"[" * 100_000, b'{"eventNotifications": {}}'):
        assert door.deliver(body).status_code == 200, "Intuit would repeat it for ever"
    assert lms.sql("select count(*) as notices from qbo_sync.webhook_event") == before


def test_a_change_in_quickbooks_wakes_the_capture_by_webhook(
    site: Site, lms: World, realm: str, company: QuickBooks
) -> None:
    """The sandbox signs and delivers as Intuit does, the trigger fires, a run looks at the company. A poll that is due
    just then may be quicker than the trigger, which fires for a company at most every ten seconds: so more than one
    change is tried.
    """
    begun = lms.value("select clock_timestamp()")
    # Its start may be before this test's: a run that was woken for another company and is listing them looks at ours.
    woken = {"run_type": "asset_triggered", "end_date_gte": begun.isoformat(), "state": "success"}
    ada = site.visitor("ada").session
    runs = f"{site.base}/api/v2/dags/qbo_change_capture/dagRuns"

    def change(name: str) -> None:
        """A change that is captured."""
        before = lms.value("select clock_timestamp()")
        company.create("Customer", DisplayName=name)
        assert eventually(
            lambda: lms.sql(
                "select 1 from qbo_sync.webhook_event w join qbo_sync.qbo_cursor c using (realm_id)"
                " where w.realm_id = %s and w.received_at > %s"
                " and w.captured_at = w.received_at and c.captured_at > w.received_at",
                realm,
                before,
            )
        )

    def run_was_woken(seconds: float = 15) -> bool:
        deadline = time.monotonic() + seconds
        while not ada.get(runs, params=woken, timeout=30).json()["dag_runs"]:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True

    for nth in range(5):
        change(f"Walk-in {nth} by webhook")
        if run_was_woken():
            return
    pytest.fail("five changes were captured, and no run was woken for any of them")
