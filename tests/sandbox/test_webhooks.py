"""Webhooks: shapes, signature, ladder, repeats, order (fact 7)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from quickbooks import QuickBooks

from tests.support.sandbox.books import Books, token_of


class Receiver:
    """An endpoint that notes what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.raw: list[bytes] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.raw.append(raw)
                receiver.got.append((self.headers["intuit-signature"], json.loads(raw)))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def wait(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.01)


def hook(books: Books, receiver: Receiver, **more: Any) -> None:
    asked = {"url": receiver.url, "verifier_token": "secret", "realm_ids": [books.realm], **more}
    books.sandbox.control("/webhooks", asked)


def report(books: Books) -> Any:
    return books.sandbox.control("/webhooks", method="GET")


def test_cloud_events_signed(lone_books: Books, receiver: Receiver) -> None:
    hook(lone_books, receiver)
    customer = lone_books.customer("A")
    wait(lambda: receiver.got)
    signature, events = receiver.got[0]
    digest = hmac.new(b"secret", receiver.raw[0], hashlib.sha256).digest()
    assert base64.b64decode(signature) == digest
    assert QuickBooks(minorversion=75).validate_webhook_signature(receiver.raw[0].decode(), signature, "secret")
    event = events[0]
    assert event["type"] == "qbo.customer.created.v1"
    assert (event["intuitentityid"], event["intuitaccountid"]) == (customer["Id"], lone_books.realm)
    assert len(event["time"].partition(".")[2]) == 10
    lone_books.post("Customer", token_of(customer) | {"sparse": True, "Notes": "x"})
    invoice = lone_books.invoice(customer)
    lone_books.post("Invoice", token_of(invoice), operation="void")
    lone_books.post("Invoice", {"Id": invoice["Id"], "SyncToken": "1"}, operation="delete")
    wait(lambda: len(receiver.got) >= 5)
    kinds = [e["type"] for _, events in receiver.got for e in events]
    assert kinds[1:] == [f"qbo.{k}.v1" for k in ("customer.updated", "invoice.created", "invoice.voided",
                                                 "invoice.deleted")]  # fmt: skip


def test_only_connected_companies_are_told(lone_books: Books, receiver: Receiver) -> None:
    hook(lone_books, receiver)
    lone_books.sandbox.control(f"/companies/{lone_books.realm}/disconnect")
    url = f"{lone_books.sandbox.url}/companies/{lone_books.realm}/Customer"
    lone_books.http.post(url, data={"DisplayName": "Unseen"})
    lone_books.renew()
    lone_books.customer("Seen")
    wait(lambda: receiver.got)
    assert len(receiver.got) == 1 and receiver.got[0][1][0]["intuitentityid"] == "2"


def test_legacy(lone_books: Books, receiver: Receiver) -> None:
    hook(lone_books, receiver, format="legacy", entities=["Invoice"])
    customer = lone_books.customer("A")
    invoice = lone_books.invoice(customer)
    wait(lambda: receiver.got)
    note = receiver.got[0][1]["eventNotifications"][0]
    assert note["realmId"] == lone_books.realm
    entity = note["dataChangeEvent"]["entities"][0]
    assert (entity["name"], entity["id"], entity["operation"]) == ("Invoice", invoice["Id"], "Create")


def test_merges_say_who_disappeared(lone_books: Books, receiver: Receiver) -> None:
    loser, winner = lone_books.customer("A"), lone_books.customer("B")
    hook(lone_books, receiver)
    lone_books.sandbox.control(f"/companies/{lone_books.realm}/merge", {"from": loser["Id"], "into": winner["Id"]})
    wait(lambda: receiver.got)
    event = receiver.got[0][1][-1]
    assert (event["type"], event["intuitentityid"]) == ("qbo.customer.merged.v1", winner["Id"])
    assert event["data"] == {"deletedid": loser["Id"]}


def test_the_ladder(lone_books: Books, receiver: Receiver) -> None:
    lone_books.sandbox.control("/clock", {"frozen": True})
    receiver.status = 500
    hook(lone_books, receiver)
    lone_books.customer("A")
    wait(lambda: len(receiver.got) == 1)
    for tries, pause in enumerate((10, 20, 30, 300, 1200, 7200, 14400, 21600, 21600), 2):
        wait(lambda: report(lone_books)["pending"][0]["attempt"] == tries - 1)  # noqa: B023
        assert round(report(lone_books)["pending"][0]["due_in"]) == pause
        lone_books.sandbox.control("/clock", {"advance_seconds": pause})
        wait(lambda: len(receiver.got) == tries)  # noqa: B023
    receiver.status = 200
    lone_books.renew()
    lone_books.customer("B is withheld behind A")
    assert len(receiver.got) == 10
    wait(lambda: report(lone_books)["pending"][0]["attempt"] == 10)
    lone_books.sandbox.control("/clock", {"advance_seconds": 21600})
    wait(lambda: len(receiver.got) == 12)
    assert receiver.got[10][1][0]["id"] == receiver.got[0][1][0]["id"]


def test_repeats_and_losses(lone_books: Books, receiver: Receiver) -> None:
    hook(lone_books, receiver, duplicate_rate=1.0)
    lone_books.customer("A")
    wait(lambda: len(receiver.got) == 2)
    assert receiver.got[0] == receiver.got[1]
    hook(lone_books, receiver, drop_rate=1.0)
    lone_books.customer("B")
    wait(lambda: report(lone_books)["dropped"] >= 1)
    assert len(receiver.got) == 2


def test_reordering(lone_books: Books, receiver: Receiver) -> None:
    lone_books.sandbox.control("/clock", {"frozen": True})
    receiver.status = 500
    hook(lone_books, receiver, reorder=True, withhold=False)
    for number in range(12):
        lone_books.customer(f"C{number:02d}")
    wait(lambda: len(report(lone_books)["pending"]) == 12 and all(p["attempt"] for p in report(lone_books)["pending"]))
    first = len(receiver.got)
    receiver.status = 200
    lone_books.sandbox.control("/clock", {"advance_seconds": 10})
    wait(lambda: len(receiver.got) == first + 12)
    order = [int(events[0]["intuitentityid"]) for _, events in receiver.got[first:]]
    assert sorted(order) == list(range(1, 13)) and order != sorted(order)
