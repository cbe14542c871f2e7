"""Accounts as QuickBooks sends them → the chart that the settings choose from (fact 9.3)."""

from typing import Any, cast

import pytest

from include.model.company import Account
from include.qbo.account import fetch_accounts, parse_account
from include.qbo.client import QboClient

UNDEPOSITED = {
    "Id": "4",
    "SyncToken": "0",
    "Name": "Undeposited Funds",
    "SubAccount": False,
    "FullyQualifiedName": "Undeposited Funds",
    "Active": True,
    "Classification": "Asset",
    "AccountType": "Other Current Asset",
    "AccountSubType": "UndepositedFunds",
    "CurrentBalance": 2062.52,
    "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            UNDEPOSITED,
            Account(
                account_id="4",
                name="Undeposited Funds",
                type="Other Current Asset",
                subtype="UndepositedFunds",
                active=True,
            ),
            id="usual",
        ),
        pytest.param(
            {
                "Id": "45",
                "Name": "Crowns",
                "FullyQualifiedName": "Sales:Crowns",
                "Active": False,
                "AccountType": "Income",
                "AccountSubType": "SalesOfProductIncome",
            },
            Account(account_id="45", name="Sales:Crowns", type="Income", subtype="SalesOfProductIncome", active=False),
            id="inactive, below another",
        ),
        pytest.param(
            {"Id": 7, "Name": "Old"},
            Account(account_id="7", name="Old", type="", subtype="", active=True),
            id="little said",
        ),
    ],
)
def test_account(body: dict[str, Any], expected: Account) -> None:
    assert parse_account(body) == expected


def test_a_long_chart_is_read_page_by_page() -> None:
    chart = [{"Id": str(number), "Name": f"A {number}"} for number in range(1, 2002)]
    asked: list[str] = []

    class Client:
        def query(self, statement: str) -> list[dict[str, Any]]:
            asked.append(statement)
            start = int(statement.split("STARTPOSITION ")[1].split()[0])
            return chart[start - 1 : start + 999]

    found = fetch_accounts(cast(QboClient, Client()))
    assert [one.account_id for one in found] == [one["Id"] for one in chart]
    assert len(asked) == 3 and all("Active IN (true, false)" in statement for statement in asked)
