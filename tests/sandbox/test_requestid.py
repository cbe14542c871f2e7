"""`requestid` replay (fact 2.4, traps 1 to 7)."""

from __future__ import annotations

import pytest

from tests.support.sandbox.books import Books, sale, token_of


@pytest.mark.trap(1)
def test_byte_identical(books: Books) -> None:
    first = books.call("POST", "customer", {"DisplayName": "A"}, requestid="r1")
    again = books.call("POST", "customer", {"DisplayName": "A"}, requestid="r1")
    assert first.content == again.content
    assert first.headers["intuit_tid"] != again.headers["intuit_tid"]


def test_replay_after_delete(books: Books) -> None:
    body = {"CustomerRef": {"value": books.customer("A")["Id"]}, "Line": [sale(5)]}
    first = books.call("POST", "invoice", body, requestid="r1")
    books.post("Invoice", token_of(first.json()["Invoice"]), operation="delete")
    assert books.call("POST", "invoice", body, requestid="r1").content == first.content
    assert books.query("select count(*) from Invoice") == {"totalCount": 0}


def test_another_body_gets_the_first_answer(books: Books) -> None:
    first = books.call("POST", "customer", {"DisplayName": "A"}, requestid="r1")
    assert books.call("POST", "customer", {"DisplayName": "B"}, requestid="r1").content == first.content
    assert books.query("select count(*) from Customer") == {"totalCount": 1}


def test_faults_are_not_kept(books: Books) -> None:
    books.fault("Customer", {"Notes": "no name"}, requestid="r1")
    assert books.post("Customer", {"DisplayName": "A"}, requestid="r1")["Id"] == "1"
    books.switches(requestid_keeps_faults=True)
    books.fault("Customer", {"Notes": "no name"}, requestid="r2")
    assert books.fault("Customer", {"DisplayName": "B"}, requestid="r2")["code"] == "6080"


def test_batches_replay_whole(books: Books) -> None:
    items = [{"bId": str(n), "operation": "create", "Customer": {"DisplayName": f"C{n}"}} for n in range(3)]
    items.append({"bId": "bad", "operation": "create", "Customer": {}})
    first = books.batch(*items, requestid="b1")
    assert "Fault" in first["bad"]
    assert books.batch(*items, requestid="b1") == first
    assert books.query("select count(*) from Customer") == {"totalCount": 3}


def test_scope_is_the_company(books: Books) -> None:
    other = Books(books.sandbox, "Other")
    books.post("Customer", {"DisplayName": "A"}, requestid="r1")
    other.post("Customer", {"DisplayName": "B"}, requestid="r1")
    assert other.rows("select * from Customer")[0]["DisplayName"] == "B"


def test_retention(lone_books: Books) -> None:
    lone_books.post("Customer", {"DisplayName": "A"}, requestid="r1")
    lone_books.sandbox.control("/clock", {"advance_seconds": 25 * 3600})
    lone_books.renew()
    assert lone_books.fault("Customer", {"DisplayName": "A"}, requestid="r1")["code"] == "6240"


def test_replay_after_a_refresh(lone_books: Books) -> None:
    first = lone_books.call("POST", "customer", {"DisplayName": "A"}, requestid="r1")
    lone_books.sandbox.control("/expire-access-tokens", {})
    assert lone_books.call("POST", "customer", {"DisplayName": "A"}, requestid="r1").status_code == 401
    lone_books.renew()
    assert lone_books.call("POST", "customer", {"DisplayName": "A"}, requestid="r1").content == first.content
