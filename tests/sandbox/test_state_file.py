"""The state file: nothing acknowledged is lost by kill -9."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import requests

from tests.support.sandbox.books import Books, pays, sale, token_of
from tests.support.sandbox.harness import Sandbox


def test_everything_comes_back(tmp_path: Path) -> None:
    sandbox = Sandbox("--no-throttle", "--state-file", str(tmp_path / "state"))
    with sandbox:
        books = Books(sandbox, "Čáp & Søn", "4620816365000000001")
        grant = sandbox.grant(books.realm)
        customer = books.customer("A")
        invoice = books.invoice(customer, "100.10", DocNumber="7")
        gone = books.invoice(customer, 5)
        books.post("Invoice", token_of(gone), operation="delete")
        books.payment(customer, 40, pays(invoice, 40))
        answer = books.call("POST", "customer", {"DisplayName": "B"}, requestid="r1")
        books.switches(cross_customer_payment="exact")
        sandbox.control("/switches", {"rotation_hours": 12})
        sandbox.control("/limits", {"requests_per_minute": 400})
        before: list[Any] = [books.get("Invoice", invoice["Id"]), books.rows("select * from Customer orderby Id")]
        sandbox.stop(signal.SIGKILL)
        (tmp_path / "state").open("ab").write(b'[["put","4620816365000000001","Customer",1,1,{"Id"')
        sandbox.start()
        assert [books.get("Invoice", invoice["Id"]), books.rows("select * from Customer orderby Id")] == before
        assert books.call("POST", "customer", {"DisplayName": "B"}, requestid="r1").content == answer.content
        assert books.call("GET", f"invoice/{gone['Id']}").json()["Fault"]["Error"][0]["code"] == "610"
        assert int(books.invoice(customer)["Id"]) > int(invoice["Id"]) + 2
        assert sandbox.control(f"/companies/{books.realm}", method="GET")["switches"] == {
            "cross_customer_payment": "exact"
        }
        assert sandbox.control("/switches", method="GET")["rotation_hours"]["value"] == 12
        assert sandbox.control("/limits", method="GET")["requests_per_minute"] == 400
        refreshed = sandbox.token(grant_type="refresh_token", refresh_token=grant["refresh_token"])
        assert refreshed.status_code == 200
        assert refreshed.json()["access_token"] != grant["access_token"]
        sandbox.stop(signal.SIGTERM)
        sandbox.start()
        assert books.get("Customer", customer["Id"])["Balance"] == before[1][0]["Balance"] + 100


def test_it_holds_tokens_and_is_for_its_owner_only(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.touch(mode=0o644)
    with Sandbox("--state-file", str(state)) as sandbox:
        sandbox.grant(Books(sandbox).realm)
        assert state.stat().st_mode & 0o777 == 0o600


def test_kill_in_the_middle_of_batches(tmp_path: Path) -> None:
    sandbox = Sandbox("--no-throttle", "--state-file", str(tmp_path / "state"))
    acknowledged: list[str] = []
    with sandbox:
        books = Books(sandbox)
        customer = books.customer("A")
        body = {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(1)]}

        def write() -> None:
            for round_ in range(1000):
                items = [{"bId": str(n), "operation": "create", "Invoice": body} for n in range(30)]
                try:
                    answers = books.batch(*items, requestid=f"b-{round_}")
                except (requests.ConnectionError, requests.Timeout):
                    return
                acknowledged.extend(item["Invoice"]["Id"] for item in answers.values())
                enough.set()

        enough = threading.Event()
        writer = threading.Thread(target=write)
        writer.start()
        assert enough.wait(20)
        sandbox.stop(signal.SIGKILL)
        writer.join()
        sandbox.start()
        held = books.query("select count(*) from Invoice")["totalCount"]
        assert held >= len(acknowledged)
        assert held % 30 == 0
        for record_id in (acknowledged[0], acknowledged[-1]):
            assert books.get("Invoice", record_id)["TotalAmt"] == 1
