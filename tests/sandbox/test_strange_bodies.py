"""Whatever is sent, the answer is a fault or a success, never a stumble: mutated bodies, random queries."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sandbox import faults
from include.sandbox.entities import KINDS
from include.sandbox.money import dumps, loads
from include.sandbox.operations import operation_of, perform
from include.sandbox.query import run
from include.sandbox.server import Server, Settings
from include.sandbox.store import Company
from include.sandbox.work import Work
from tests.support.sandbox.books import Body, discount, pays, sale, shipping

_CUSTOMER = {"CustomerRef": {"value": "1"}}
_COST = {"AccountRef": {"value": "1"}}
BODIES: dict[str, Body] = {
    "Customer": {
        "DisplayName": "Zed", "Job": True, "ParentRef": {"value": "1"}, "PrimaryEmailAddr": {"Address": "a@b.c"},
        "BillAddr": {"Line1": "x"}, "PrimaryPhone": {"FreeFormNumber": "1"}, "WebAddr": {"URI": "a.b"}, "Active": True,
        "CurrencyRef": {"value": "USD"}, "SalesTermRef": {"value": "1"},
    },
    "Vendor": {"DisplayName": "V2", "TermRef": {"value": "1"}},
    "Item": {"Name": "I", "Type": "Service", "IncomeAccountRef": {"value": "1"}, "UnitPrice": 5, "SubItem": False},
    "Account": {"Name": "Acc", "AccountType": "Bank", "AccountSubType": "Checking"},
    "Invoice": _CUSTOMER | {
        "DocNumber": "5", "TxnDate": "2026-01-01", "Deposit": 1, "CustomerMemo": {"value": "x"},
        "Line": [sale(100, Qty=1, UnitPrice=100, TaxCodeRef={"value": "TAX"}), discount(5), shipping(3),
                 {"DetailType": "DescriptionOnly", "Description": "Subtotal:"}],
        "TxnTaxDetail": {"TotalTax": 3, "TxnTaxCodeRef": {"value": "1"}}, "BillEmail": {"Address": "a@b.c"},
        "LinkedTxn": [{"TxnId": "1", "TxnType": "Estimate"}],
        "CustomField": [{"DefinitionId": "1", "StringValue": "x"}],
    },
    "CreditMemo": _CUSTOMER | {"Line": [sale(10)]},
    "Payment": _CUSTOMER | {"TotalAmt": 10, "Line": [pays({"Id": "1"}, 5), pays({"Id": "2"}, 1, "CreditMemo")]},
    "Deposit": {"DepositToAccountRef": {"value": "8"}, "Line": [pays({"Id": "3"}, 10, "Payment")]},
    "Bill": {"VendorRef": {"value": "2"}, "Line": [{"Amount": 5, "DetailType": "AccountBasedExpenseLineDetail",
                                                     "AccountBasedExpenseLineDetail": _COST}]},
    "JournalEntry": {"Line": [{"Amount": 5, "DetailType": "JournalEntryLineDetail",
                               "JournalEntryLineDetail": _COST | {"PostingType": s}} for s in ("Debit", "Credit")]},
    "Term": {"Name": "T", "DueDays": 4},
    "Class": {"Name": "C", "ParentRef": {"value": "1"}},
    "Attachable": {"Note": "x", "AttachableRef": [{"EntityRef": {"type": "Invoice", "value": "1"}}]},
}  # fmt: skip
STRANGE: list[Any] = [None, "", 0, -1, True, [], {}, "x", [1], ["x"], [None], {"a": 1}, [[]], 1.5, "1" * 30, 10**20,
           9 * 10**14, {"value": None}, {"value": {}}, {"value": ["x"]}, [{}], "é\u0000", "1e-400", "NaN"]  # fmt: skip


def _write(server: Server, company: Company, kind: str, body: Body) -> None:
    work = Work(server, company)
    sent = loads(dumps(body))
    perform(work, KINDS[kind], operation_of(KINDS[kind], sent, {}), sent, {})


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in held:
        yield from _places(inner, (*path, key))


def _mutated(body: Body, dice: random.Random) -> Body:
    body = copy.deepcopy(body)
    for _ in range(dice.choice((1, 1, 2))):
        path = dice.choice(list(_places(body)) or [("Id",)])
        target: Any = body
        for key in path[:-1]:
            target = target[key]
        if isinstance(target, dict) and dice.random() < 0.2:
            target.pop(path[-1], None)
        else:
            target[path[-1]] = copy.deepcopy(dice.choice(STRANGE))
    if dice.random() < 0.2:
        body |= {"Id": dice.choice(["1", 1, "x", {}]), "SyncToken": "0", "sparse": dice.choice([True, False, None])}
    return body


@pytest.fixture
def company() -> tuple[Server, Company]:
    server = Server(Settings(throttled=False))
    made = server.add_company("Strange")
    _write(server, made, "Customer", {"DisplayName": "A"})
    _write(server, made, "Vendor", {"DisplayName": "V"})
    _write(server, made, "Invoice", _CUSTOMER | {"Line": [sale(100)]})
    _write(server, made, "CreditMemo", _CUSTOMER | {"Line": [sale(100)]})
    return server, made


@pytest.mark.parametrize("seed", range(3))
def test_mutated_bodies(company: tuple[Server, Company], seed: int) -> None:
    dice = random.Random(seed)
    refused = 0
    for _ in range(2500):
        kind = dice.choice(list(BODIES))
        try:
            _write(*company, kind, _mutated(BODIES[kind], dice))
        except faults.Fault as problem:
            refused += 1
            assert problem.status in (400, 500)
    assert 500 < refused < 2500


WORDS = [
    "select",
    "*",
    "from",
    "Invoice",
    "Customer",
    "where",
    "DocNumber",
    "Id",
    "TotalAmt",
    "Active",
    "=",
    "<",
    "like",
    "in",
    "(",
    ")",
    ",",
    "'x'",
    "'%'",
    "5",
    "true",
    "and",
    "order",
    "by",
    "orderby",
    "desc",
    "startposition",
    "maxresults",
    "1",
    "count",
    "'",
    "\\",
    "MetaData.LastUpdatedTime",
    "'2026-01-01'",
    "CURRENT_DATE",
]


@pytest.fixture(scope="module")
def furnished() -> tuple[Server, Company]:
    server = Server(Settings(throttled=False))
    return server, server.add_company("Asked")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=40))
def test_random_queries(furnished: tuple[Server, Company], statement: str) -> None:
    try:
        run(Work(*furnished), statement)
        run(Work(*furnished), f"select * from Account where {statement}")
    except faults.Fault as problem:
        assert problem.code in ("4000", "4001")
