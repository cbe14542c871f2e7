"""Change data capture (fact 5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.support.sandbox.books import Body, Books, error_of, pays, sale, token_of

LONG_AGO = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_blocks_order_and_stubs(lone_books: Books) -> None:
    clock = "/clock"
    customer = lone_books.customer("A")
    made = []
    for _ in range(3):
        lone_books.sandbox.control(clock, {"advance_seconds": 10})
        made.append(lone_books.invoice(customer))
    lone_books.post("Invoice", token_of(made[0]), operation="delete")
    lone_books.sandbox.control(clock, {"advance_seconds": 10})
    lone_books.post("Invoice", token_of(made[1]) | {"sparse": True, "PrivateNote": "x"})
    invoices, payments, customers = lone_books.cdc("Invoice,Payment,Customer", LONG_AGO)
    assert payments == {}
    assert customers["Customer"][0]["DisplayName"] == "A"
    assert [held["Id"] for held in invoices["Invoice"]] == [made[2]["Id"], made[1]["Id"], made[0]["Id"]]
    stub = invoices["Invoice"][2]
    assert set(stub) == {"domain", "status", "Id", "MetaData"} and stub["status"] == "Deleted"
    assert set(stub["MetaData"]) == {"LastUpdatedTime"}
    assert invoices["maxResults"] == 3


def test_paying_moves_the_invoice(lone_books: Books) -> None:
    customer = lone_books.customer("A")
    invoice = lone_books.invoice(customer)
    lone_books.sandbox.control("/clock", {"advance_seconds": 60})
    payment = lone_books.payment(customer, 100, pays(invoice, 100))
    since = payment["MetaData"]["CreateTime"]
    held, customers = lone_books.cdc("Invoice,Customer", since)
    assert held["Invoice"][0]["SyncToken"] == "1"
    assert held["Invoice"][0]["MetaData"]["LastUpdatedTime"] == since
    assert customers == {}
    lone_books.switches(cdc_inclusive=False)
    assert lone_books.cdc("Invoice", since) == [{}]


def test_lag(lone_books: Books) -> None:
    lone_books.switches(cdc_lag_seconds=30)
    lone_books.customer("A")
    assert lone_books.cdc("Customer", LONG_AGO) == [{}]
    lone_books.sandbox.control("/clock", {"advance_seconds": 31})
    assert lone_books.cdc("Customer", LONG_AGO) != [{}]


def test_thirty_days(books: Books) -> None:
    old = (datetime.now(UTC) - timedelta(days=31)).strftime("%Y-%m-%d")
    assert error_of(books.call("GET", "cdc", entities="Invoice", changedSince=old))["type"] == "ValidationFault"
    assert error_of(books.call("GET", "cdc", entities="Invoice"))["code"] == "2020"


def items(customer: Body, start: int) -> list[Body]:
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(1)]}
    return [{"bId": str(n), "operation": "create", "Invoice": body} for n in range(start, start + 30)]


def test_the_cap_is_shared_and_silent(books: Books) -> None:
    customer = books.customer("A")
    for start in range(0, 1020, 30):
        books.batch(*items(customer, start))
    invoices, customers = books.cdc("Invoice,Customer", LONG_AGO)
    assert len(invoices["Invoice"]) == 1000
    assert customers == {}
    customers, invoices = books.cdc("Customer,Invoice", LONG_AGO)
    assert (len(customers["Customer"]), len(invoices["Invoice"])) == (1, 999)
    books.switches(cdc_per_entity_cap=True)
    invoices, customers = books.cdc("Invoice,Customer", LONG_AGO)
    assert (len(customers["Customer"]), len(invoices["Invoice"])) == (1, 1000)


def test_in_a_batch(books: Books) -> None:
    books.customer("A")
    item = {"bId": "c", "CDCQuery": {"Entities": "Customer", "ChangedSince": LONG_AGO}}
    blocks = books.batch(item)["c"]["CDCResponse"][0]["QueryResponse"]
    assert blocks[0]["Customer"][0]["DisplayName"] == "A"
