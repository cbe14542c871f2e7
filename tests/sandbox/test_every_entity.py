"""python-quickbooks over every entity around accounts receivable: create, read, update, query, batch, CDC, delete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from intuitlib.client import AuthClient
from quickbooks import QuickBooks, objects
from quickbooks.batch import batch_create
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import ObjectNotFoundException
from quickbooks.objects.trackingclass import Class

from tests.support.sandbox.books import sale
from tests.support.sandbox.harness import Sandbox

COST = {"DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": {"AccountRef": {"value": "27"}}}
CUSTOMER = {"CustomerRef": {"value": "1"}}


def posting(side: str) -> dict[str, Any]:
    detail = {"PostingType": side, "AccountRef": {"value": "27"}}
    return {"Amount": 3, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}


# entity and what it is made of; for lists also the field that the update changes
TRANSACTIONS: list[tuple[str, dict[str, Any]]] = [
    ("Invoice", CUSTOMER | {"Line": [sale(10)]}),
    ("CreditMemo", CUSTOMER | {"Line": [sale(10)]}),
    ("Payment", CUSTOMER | {"TotalAmt": 5}),
    ("SalesReceipt", CUSTOMER | {"Line": [sale(10)]}),
    ("RefundReceipt", CUSTOMER | {"Line": [sale(10)], "DepositToAccountRef": {"value": "8"}}),
    ("Estimate", CUSTOMER | {"Line": [sale(10)]}),
    ("JournalEntry", {"Line": [posting("Debit"), posting("Credit")]}),
    ("Bill", {"VendorRef": {"value": "2"}, "Line": [{"Amount": 4, **COST}]}),
    ("Deposit", {"DepositToAccountRef": {"value": "8"},
                 "Line": [{"Amount": 4, "DetailType": "DepositLineDetail",
                           "DepositLineDetail": {"AccountRef": {"value": "1"}}}]}),
]  # fmt: skip
LISTS: list[tuple[str, dict[str, Any], str]] = [
    ("Account", {"Name": "N", "AccountType": "Income"}, "Description"),
    ("Customer", {"DisplayName": "N"}, "Notes"),
    ("Vendor", {"DisplayName": "N"}, "CompanyName"),
    ("Employee", {"DisplayName": "N"}, "EmployeeNumber"),
    ("Item", {"Name": "N", "Type": "Service", "IncomeAccountRef": {"value": "1"}}, "Description"),
    ("Term", {"Name": "N", "DueDays": 3}, "Name"),
    ("PaymentMethod", {"Name": "N", "Type": "CREDIT_CARD"}, "Name"),
    ("Department", {"Name": "N"}, "Name"),
    ("Class", {"Name": "N"}, "Name"),
]


@pytest.fixture
def client(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A connected client with a customer (1) and a vendor (2)."""
    realm = sandbox.company("every entity")
    url = f"{sandbox.url}/.well-known/openid_sandbox_configuration/"
    auth = AuthClient("sandbox-client", "sandbox-secret", "http://localhost/callback", url)
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setattr(QuickBooks, "api_url_v3", f"{sandbox.url}/v3")
    token = sandbox.grant(realm)["refresh_token"]
    made = QuickBooks(auth_client=auth, refresh_token=token, company_id=realm, minorversion=75)
    for kind in (objects.Customer, objects.Vendor):
        person = kind()
        person.DisplayName = kind.__name__
        person.save(qb=made)
    yield made


def kind_of(name: str) -> Any:
    return Class if name == "Class" else getattr(objects, name)


def made_of(name: str, fields: dict[str, Any]) -> Any:
    return kind_of(name).from_json(json.loads(json.dumps(fields)))


def captured(client: Any, name: str, record_id: str) -> Any:
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    block = getattr(change_data_capture([kind_of(name)], since, qb=client), name)
    return next(held for held in block if held.Id == record_id)


@pytest.mark.parametrize(("name", "fields"), TRANSACTIONS)
def test_transactions(client: Any, name: str, fields: dict[str, Any]) -> None:
    kind = kind_of(name)
    saved = made_of(name, fields).save(qb=client)
    held = kind.get(saved.Id, qb=client)
    held.PrivateNote = "changed"
    held.sparse = True
    held.save(qb=client)
    again = kind.where(f"Id = '{saved.Id}'", qb=client)[0]
    assert (again.PrivateNote, again.SyncToken) == ("changed", "1")
    assert captured(client, name, saved.Id).PrivateNote == "changed"
    copies = batch_create([made_of(name, fields) for _ in range(3)], qb=client)
    assert len(copies.successes) == 3, [fault.Error[0].Detail for fault in copies.faults]
    assert kind.count(qb=client) == 4
    pages = [kind.all(order_by="Id", start_position=start, max_results=2, qb=client) for start in (1, 3, 5)]
    assert [len(page) for page in pages] == [2, 2, 0]
    again.delete(qb=client)
    with pytest.raises(ObjectNotFoundException):
        kind.get(saved.Id, qb=client)
    assert captured(client, name, saved.Id).status == "Deleted"


@pytest.mark.parametrize(("name", "fields", "changed"), LISTS)
def test_lists(client: Any, name: str, fields: dict[str, Any], changed: str) -> None:
    kind = kind_of(name)
    before = kind.count(qb=client)
    saved = made_of(name, fields).save(qb=client)
    held = kind.get(saved.Id, qb=client)
    setattr(held, changed, "Changed")
    held.sparse = True
    held.save(qb=client)
    again = kind.where(f"Id IN ('{saved.Id}')", qb=client)[0]
    assert (getattr(again, changed), again.SyncToken) == ("Changed", "1")
    assert getattr(captured(client, name, saved.Id), changed) == "Changed"
    again.Active = False
    again.sparse = True
    again.save(qb=client)
    assert kind.count(qb=client) == before
    assert kind.get(saved.Id, qb=client).Active is False
    assert kind.count("Active = false", qb=client) == 1


VOIDS: list[tuple[str, dict[str, Any]]] = [
    (n, f) for n, f in TRANSACTIONS if n in ("Invoice", "Payment", "SalesReceipt")
]


@pytest.mark.parametrize(("name", "fields"), VOIDS)
def test_voids(client: Any, name: str, fields: dict[str, Any]) -> None:
    saved = made_of(name, fields).save(qb=client)
    saved.void(qb=client)
    held = kind_of(name).get(saved.Id, qb=client)
    assert held.TotalAmt == 0 and held.PrivateNote.startswith("Voided")
