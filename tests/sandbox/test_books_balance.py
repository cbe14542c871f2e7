"""Whatever is done to invoices, credit memos, payments and deposits, the books add up.

Runs in the process, on the same operations that the API takes, and through the state file.
"""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.sandbox import faults
from include.sandbox.entities import KINDS
from include.sandbox.operations import operation_of, perform
from include.sandbox.server import Server, Settings
from include.sandbox.store import Company
from include.sandbox.work import Work
from tests.support.sandbox.books import Body, pays, sale

ALLOWED = {"610", "620", "6000", "6220", "6540", "2500", "5010", "800"}


class Chaos:
    """Random bookkeeping."""

    def __init__(self, seed: int, state: Path) -> None:
        self.dice = random.Random(seed)
        self.state = state
        self.server = Server(Settings(throttled=False, seed=seed, state_file=state))
        self.realm = self.server.add_company("Chaos").realm
        first = self.do("Customer", {"DisplayName": "A"})
        self.do("Customer", {"DisplayName": "B", "Job": True, "ParentRef": {"value": str(first["Id"])}})
        self.do("Customer", {"DisplayName": "C"})
        self.refused = 0

    @property
    def company(self) -> Company:
        return self.server.companies[self.realm]

    def do(self, kind: str, body: Body, **options: str) -> Body:
        target = KINDS[kind]
        work = Work(self.server, self.company)
        operation = operation_of(target, body, options)
        perform(work, target, operation, _decimals(body), options)
        self.server.journal.flush()
        records = self.company.table(kind).records
        return records[next(reversed(records))].load() if operation == "create" else {}

    def pick(self, kind: str) -> Body | None:
        records = list(self.company.table(kind).records.values())
        return self.dice.choice(records).load() if records else None

    def money(self, most: int = 200) -> Decimal:
        return Decimal(self.dice.randrange(1, most * 100)) / 100

    def step(self) -> None:
        try:
            self.dice.choice(
                [self.sell, self.sell, self.credit, self.pay, self.pay, self.pay, self.change, self.undo, self.deposit]
            )()
        except faults.Fault as problem:
            assert problem.code in ALLOWED, problem
            self.refused += 1

    def sell(self) -> None:
        self.do("Invoice", self.form())

    def credit(self) -> None:
        self.do("CreditMemo", self.form())

    def form(self) -> Body:
        lines = [sale(self.money()) for _ in range(self.dice.randrange(1, 4))]
        return {"CustomerRef": {"value": self.dice.choice("123")}, "Line": lines}

    def lines(self) -> list[Body]:
        found = []
        for kind in self.dice.choices(("Invoice", "Invoice", "CreditMemo"), k=self.dice.randrange(4)):
            target = self.pick(kind)
            if target is not None and target["Balance"]:
                part = self.dice.choice((target["Balance"], min(target["Balance"], self.money())))
                found.append(pays(target, part, kind))
        return found

    def pay(self) -> None:
        lines = self.lines()
        cash = sum((x["Amount"] for x in lines if x["LinkedTxn"][0]["TxnType"] == "Invoice"), Decimal(0))
        cash -= sum((x["Amount"] for x in lines if x["LinkedTxn"][0]["TxnType"] == "CreditMemo"), Decimal(0))
        total = max(cash, Decimal(0)) + self.dice.choice((Decimal(0), Decimal(0), self.money()))
        self.do("Payment", {"CustomerRef": {"value": self.dice.choice("123")}, "TotalAmt": total, "Line": lines})

    def change(self) -> None:
        kind = self.dice.choice(("Invoice", "CreditMemo", "Payment"))
        held = self.pick(kind)
        if held is None:
            return
        body: Body = {"Id": held["Id"], "SyncToken": held["SyncToken"], "sparse": True}
        body["CustomerRef"] = held["CustomerRef"] if self.dice.random() < 0.8 else {"value": self.dice.choice("123")}
        body["Line"] = self.lines() if kind == "Payment" else [sale(self.money(100))]
        self.do(kind, body)

    def undo(self) -> None:
        kind = self.dice.choice(("Invoice", "CreditMemo", "Payment", "Deposit"))
        held = self.pick(kind)
        if held is None:
            return
        operation = "void" if kind in ("Invoice", "Payment") and self.dice.random() < 0.5 else "delete"
        self.do(kind, {"Id": held["Id"], "SyncToken": held["SyncToken"]}, operation=operation)

    def deposit(self) -> None:
        held = self.pick("Payment")
        if held is not None and held["TotalAmt"] and self.dice.random() < 0.3:
            line = pays(held, held["TotalAmt"], "Payment")
            self.do("Deposit", {"DepositToAccountRef": {"value": "8"}, "Line": [line]})

    def bodies(self, kind: str) -> dict[str, Body]:
        return {key: record.load() for key, record in self.company.table(kind).records.items()}

    def check(self) -> None:
        """Every figure follows from the others."""
        applied: dict[tuple[str, str], Decimal] = {}
        links: dict[str, set[str]] = {}
        owed: dict[str, Decimal] = {}
        for key, payment in self.bodies("Payment").items():
            left = payment["TotalAmt"]
            for line in payment["Line"]:
                link = line["LinkedTxn"][0]
                target = (link["TxnType"], link["TxnId"])
                applied[target] = applied.get(target, Decimal(0)) + line["Amount"]
                left += line["Amount"] if link["TxnType"] == "CreditMemo" else -line["Amount"]
                if link["TxnType"] == "Invoice":
                    links.setdefault(link["TxnId"], set()).add(key)
            assert payment["UnappliedAmt"] == left >= 0
            _owe(owed, payment, -left)
        for key, invoice in self.bodies("Invoice").items():
            assert invoice["Balance"] == invoice["TotalAmt"] - applied.pop(("Invoice", key), Decimal(0)) >= 0
            assert {link["TxnId"] for link in invoice["LinkedTxn"]} == links.get(key, set())
            _owe(owed, invoice, invoice["Balance"])
        for key, memo in self.bodies("CreditMemo").items():
            assert memo["Balance"] == memo["TotalAmt"] - applied.pop(("CreditMemo", key), Decimal(0)) >= 0
            assert memo["RemainingCredit"] == memo["Balance"]
            _owe(owed, memo, -memo["Balance"])
        assert not applied
        for customer in "123":
            assert self.company.balance(customer) == owed.get(customer, Decimal(0))


def _owe(owed: dict[str, Decimal], body: Body, amount: Decimal) -> None:
    customer = body["CustomerRef"]["value"]
    owed[customer] = owed.get(customer, Decimal(0)) + amount


def _decimals(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _decimals(held) for name, held in value.items()}
    return [_decimals(held) for held in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(12))
def test_the_books_add_up(seed: int, tmp_path: Path) -> None:
    chaos = Chaos(seed, tmp_path / "state")
    if seed % 2:
        prefs = KINDS["Preferences"]
        work = Work(chaos.server, chaos.company)
        body = work.read("Preferences", "1") or {}
        body["SalesFormsPrefs"] |= {"AutoApplyCredit": True, "AutoApplyPayments": seed % 3 == 0}
        work.save(prefs, body)
        work.commit()
    if seed % 4 == 0:
        chaos.server.switches.set({"paid_invoice_customer": "unapply", "empty_application": "delete"})
    for _ in range(150):
        chaos.step()
        chaos.check()
    assert chaos.refused < 120
    kinds = ("Customer", "Invoice", "CreditMemo", "Payment", "Deposit", "Preferences")
    before = [chaos.bodies(kind) for kind in kinds]
    balances = {customer: chaos.company.balance(customer) for customer in "123"}
    chaos.server.journal.flush()
    chaos.server = Server(Settings(throttled=False, state_file=chaos.state))
    assert [chaos.bodies(kind) for kind in kinds] == before
    assert {customer: chaos.company.balance(customer) for customer in "123"} == balances
    chaos.check()
