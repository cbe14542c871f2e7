"""Accounts as QuickBooks' JSON (fact 9.3)."""

from collections.abc import Mapping
from typing import Any

from include.model.company import Account
from include.qbo.client import QboClient
from include.qbo.query import PAGE_SIZE

_CHART = "SELECT * FROM Account WHERE Active IN (true, false) ORDERBY Id STARTPOSITION {start} MAXRESULTS {size}"


def fetch_accounts(client: QboClient) -> list[Account]:
    """The whole chart of accounts by id, inactive ones included. Raises QboError."""
    found: list[Account] = []
    while True:
        page = client.query(_CHART.format(start=len(found) + 1, size=PAGE_SIZE))
        found += [parse_account(body) for body in page]
        if len(page) < PAGE_SIZE:
            return found


def parse_account(body: Mapping[str, Any]) -> Account:
    """One account; active unless QuickBooks says that it is not."""
    return Account(
        account_id=str(body["Id"]),
        name=str(body.get("FullyQualifiedName") or body.get("Name", "")),
        type=str(body.get("AccountType", "")),
        subtype=str(body.get("AccountSubType", "")),
        active=body.get("Active") is not False,
    )
