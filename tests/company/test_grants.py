"""The grant of a company: refreshed once however many need it, kept when answers get lost, and missed by no change."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
import requests

from include.company.connect import CannotConnect
from include.lms.database import prepare
from include.model.company import Account
from include.qbo.account import fetch_accounts
from include.qbo.client import QboClient
from include.qbo.errors import ReconnectRequired, Unavailable
from tests.support.bookkeeper import in_quickbooks, received, without_accounts
from tests.support.both_sides import invoiced, of_payment, of_qbo, qbo_payment
from tests.support.quickbooks import Json, make_company
from tests.support.world import World

WORKERS = 50


def _status(world: World) -> str:
    return str(world.value("select status from qbo_sync.company where realm_id = %s", world.qbo.realm))


def _refreshes(world: World) -> int:
    return int(world.qbo.control("GET", "stats")["requests"]["token"])


@contextmanager
def _rotating(world: World, **switches: object) -> Iterator[None]:
    """Each refresh replaces the refresh token."""
    changed = {"rotation_hours": 0, **switches}
    world.qbo.control("POST", "switches", changed)
    try:
        yield
    finally:
        world.qbo.control("POST", "switches", dict.fromkeys(changed))


def _all_at_once(world: World) -> None:
    """So many workers, each with connections of its own, ask QuickBooks something at the same moment."""

    @contextmanager
    def own_connection() -> Iterator[psycopg.Connection]:
        with prepare(psycopg.connect(world.database_url)) as connection:
            yield connection

    runtime, start = replace(world.runtime, connect=own_connection), threading.Barrier(WORKERS)

    def ask(_: int) -> str:
        with runtime.client(world.qbo.realm) as client:
            start.wait()
            return str(client.company_info()["CompanyName"])

    with ThreadPoolExecutor(WORKERS) as pool:
        assert set(pool.map(ask, range(WORKERS))) == {"Bright Dental Lab"}


@pytest.mark.parametrize("how", ["expired", "refused"])
def test_fifty_workers_refresh_once(world: World, how: str) -> None:
    """Of a token that has run out, and of one that QuickBooks refuses before its time. A second refresh with the same
    value would end the grant (fact 1.4)."""
    if how == "expired":
        world.sql("update qbo_sync.company set access_token_expires_at = now()")
    else:
        world.qbo.control("POST", "expire-access-tokens", {"realm_id": world.qbo.realm})
        world.qbo = replace(world.qbo, session=requests.Session())
    world.qbo.control("POST", "stats/reset")
    with _rotating(world, reuse_kills_grant=True):
        _all_at_once(world)
        assert _refreshes(world) == 1
        world.sql("update qbo_sync.company set access_token_expires_at = now()")
        world.capture()
    assert _status(world) == "connected"


@pytest.mark.parametrize("kind", ["timeout_after", "drop_connection", "garbage", "http_500_after", "http_503"])
def test_an_answer_lost_during_a_refresh_does_not_lose_the_connection(world: World, kind: str) -> None:
    """Intuit has replaced the refresh token, and nobody was told its new value; the former one works for a moment."""
    world.sql("update qbo_sync.company set access_token_expires_at = now()")
    fault = {"kind": kind, "operation": "token", "times": 1, "seconds": 0.05}
    with _rotating(world, refresh_overlap_seconds=60):
        world.qbo.control("POST", "faults", fault)
        invoice = world.simple_invoice()
        world.sync()
        assert world.qbo.control("GET", "faults")[0]["hits"] == 1
        assert world.qbo_invoice(invoice)
        # What was stored is the new value: the next refresh comes when the former one is long dead.
        world.qbo.control("POST", "switches", {"refresh_overlap_seconds": 0})
        world.sql("update qbo_sync.company set access_token_expires_at = now()")
        world.capture()
    assert _status(world) == "connected"
    assert world.errors() == []


def test_as_long_as_intuit_gives_no_token_the_grant_is_kept(world: World) -> None:
    world.sql("update qbo_sync.company set access_token_expires_at = now()")
    world.qbo.control("POST", "faults", {"kind": "http_503", "operation": "token"})
    invoice = world.simple_invoice()
    for _ in range(3):
        with pytest.raises(Unavailable):
            world.capture()
    assert _status(world) == "connected"
    world.qbo.control("DELETE", "faults")
    world.sync()
    assert world.qbo_invoice(invoice)


def test_a_revoked_grant_pauses_the_company_with_one_error_and_loses_no_change(world: World) -> None:
    account, invoice, customer = invoiced(world)
    world.qbo.control("POST", f"companies/{world.qbo.realm}/disconnect")
    payment = world.payment(account, "40.00", {invoice: "40.00"})
    with pytest.raises(ReconnectRequired, match="refuses our grant"):
        world.run()
    assert _status(world) == "reconnect_required"
    world.qbo = replace(world.qbo, session=requests.Session())
    world.qbo.control("POST", "stats/reset")
    # From now on nothing fails: no company is due, and nobody is asked.
    bill, other = in_quickbooks(world, customer), received(world, customer, "7.00")
    another = world.simple_invoice(account)
    requests_before = world.qbo.control("GET", "stats")["requests"]
    for _ in range(3):
        assert world.run() == world.bring() == {}
        assert world.captured_companies() == []
    assert world.qbo.control("GET", "stats")["requests"] == requests_before
    assert world.errors() == [], "no record is at fault"
    world.connect(world.lab, world.qbo)
    world.both()
    assert qbo_payment(world, payment)["TotalAmt"] == 40
    assert world.qbo_invoice(another)
    assert of_qbo(world, bill)
    assert of_payment(world, other)
    assert (len(world.qbo.all("Invoice")), len(world.qbo.all("Payment"))) == (3, 2)
    assert world.errors() == []


def _is_alive(world: World, grant: Json) -> bool:
    answer = requests.post(
        f"{world.qbo.url}/oauth2/v1/tokens/bearer",
        data={"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]},
        auth=("sandbox-client", "sandbox-secret"),
        timeout=10,
    )
    return answer.status_code == 200


@pytest.mark.parametrize("refused", ["no account", "another company"])
def test_the_grant_of_a_refused_connect_is_revoked(world: World, monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    """Nobody uses it, and nobody would know that it is there."""
    world.sql("delete from qbo_sync.connection")
    company, other = make_company(world.qbo.url), make_company(world.qbo.url)
    without_accounts(company, "Other Current Asset")
    grant = company.grant()
    monkeypatch.setattr(company, "grant", lambda: grant)
    wanted = company if refused == "no account" else replace(company, realm=other.realm)
    monkeypatch.setattr(wanted, "grant", lambda: grant)
    with pytest.raises((CannotConnect, ReconnectRequired)):
        world.connect(world.billing_lab("Second Lab"), wanted)
    assert not _is_alive(world, grant)


@pytest.mark.parametrize("refused", ["no account", "another company"])
def test_a_refused_connect_does_not_cost_other_labs_their_grant(
    world: World, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    """To revoke one token takes the app's permission for the whole company (fact 1.4)."""
    grant, other = world.qbo.grant(), make_company(world.qbo.url)
    without_accounts(world.qbo, "Other Current Asset")
    wanted = world.qbo if refused == "no account" else replace(world.qbo, realm=other.realm)
    monkeypatch.setattr(wanted, "grant", lambda: grant)
    with pytest.raises((CannotConnect, ReconnectRequired)):
        world.connect(world.billing_lab("Second Lab"), wanted)
    assert _is_alive(world, grant)


def test_an_old_token_that_is_refused_late_ends_no_newer_grant(world: World) -> None:
    """A long task goes on with the token that it has, while somebody reconnects the company."""
    with pytest.raises(ReconnectRequired), world.runtime.client(world.qbo.realm) as client:
        client.company_info()
        world.qbo.control("POST", f"companies/{world.qbo.realm}/disconnect")
        world.connect(world.lab, world.qbo)
        client.company_info()
    assert _status(world) == "connected"
    world.both()


def test_a_lab_that_two_people_connect_at_once_is_of_one_company_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, here, there = world.billing_lab("Second Lab"), make_company(world.qbo.url), make_company(world.qbo.url)
    grant = there.grant()
    monkeypatch.setattr(there, "grant", lambda: grant)
    accounts = "include.company.connect.fetch_accounts"

    def meanwhile(client: QboClient) -> list[Account]:
        monkeypatch.setattr(accounts, fetch_accounts)
        world.connect(lab, here)
        return fetch_accounts(client)

    monkeypatch.setattr(accounts, meanwhile)
    with pytest.raises(CannotConnect, match="already connected"):
        world.connect(lab, there)
    assert world.value("select realm_id from qbo_sync.connection where billing_lab_id = %s", lab) == here.realm
    assert world.value("select count(*) from qbo_sync.company where realm_id = %s", there.realm) == 0
