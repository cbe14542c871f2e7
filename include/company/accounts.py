"""The company's chart of accounts, and which of them each setting may name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from include.qbo.client import QboClient

_ALL = "SELECT * FROM Account WHERE Active IN (true, false) ORDERBY Id STARTPOSITION {start} MAXRESULTS 1000"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One account of a QuickBooks company."""

    account_id: str
    name: str
    type: str
    subtype: str
    active: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountSetting:
    """One setting that names an account."""

    name: str
    label: str
    #: What the account is used for.
    purpose: str
    types: frozenset[str]
    #: Of these types only these subtypes; empty: any.
    subtypes: Mapping[str, frozenset[str]]
    required: bool = False
    #: Said where nothing is chosen.
    otherwise: str = ""

    def fits(self, account: Account) -> bool:
        """Whether QuickBooks accepts the account for this purpose."""
        wanted = self.subtypes.get(account.type)
        return account.type in self.types and (not wanted or account.subtype in wanted)


_INCOME = frozenset({"Income", "Other Income"})

SETTINGS: tuple[AccountSetting, ...] = (
    AccountSetting(
        name="income_account_id",
        label="Income account",
        purpose="Products are created in QuickBooks with this income account.",
        types=_INCOME,
        subtypes={},
        required=True,
    ),
    AccountSetting(
        name="deposit_account_id",
        label="Deposit account",
        purpose="Payments from Pilot are deposited here.",
        types=frozenset({"Bank", "Other Current Asset"}),
        subtypes={"Other Current Asset": frozenset({"UndepositedFunds"})},
        required=True,
    ),
    AccountSetting(
        name="receivable_account_id",
        label="Receivable account",
        purpose="Invoices are booked against this account.",
        types=frozenset({"Accounts Receivable"}),
        subtypes={},
        otherwise="QuickBooks’ own accounts receivable",
    ),
    AccountSetting(
        name="discount_account_id",
        label="Discount account",
        purpose="Discounts of an invoice (the discount box) are booked here.",
        types=frozenset({"Income", "Expense"}),
        subtypes={},
        otherwise="QuickBooks’ own discount account",
    ),
    AccountSetting(
        name="shipping_account_id",
        label="Shipping account",
        purpose="Where shipping should be booked. QuickBooks decides this itself; the company check compares the two.",
        types=_INCOME,
        subtypes={},
        otherwise="QuickBooks’ own shipping account",
    ),
    AccountSetting(
        name="tax_account_id",
        label="Tax account",
        purpose="The item “Tax”, which carries an invoice’s tax, is created with this account.",
        types=_INCOME,
        subtypes={},
        otherwise="the income account",
    ),
    AccountSetting(
        name="credit_account_id",
        label="Credit account",
        purpose="The item “Lab Credit”, which carries credits, is created with this account.",
        types=_INCOME,
        subtypes={},
        otherwise="the income account",
    ),
)


def fetch_accounts(client: QboClient) -> list[Account]:
    """The whole chart of accounts from QuickBooks, inactive ones included."""
    found: list[Account] = []
    while True:
        page = client.query(_ALL.format(start=len(found) + 1))
        found += accounts_of(page)
        if len(page) < 1000:
            return found


def accounts_of(page: Iterable[Mapping[str, Any]]) -> list[Account]:
    """QuickBooks' answer as accounts."""
    return [
        Account(
            account_id=str(one["Id"]),
            name=str(one.get("FullyQualifiedName") or one.get("Name", "")),
            type=str(one.get("AccountType", "")),
            subtype=str(one.get("AccountSubType", "")),
            active=one.get("Active") is not False,
        )
        for one in page
    ]


def store_accounts(connection: psycopg.Connection, realm_id: str, accounts: Iterable[Account]) -> None:
    """Keep the chart as it is now, in the caller's transaction."""
    connection.execute("delete from qbo_sync.company_account where realm_id = %s", [realm_id])
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into qbo_sync.company_account (realm_id, account_id, name, type, subtype, active)"
            " values (%s, %s, %s, %s, %s, %s)",
            [[realm_id, a.account_id, a.name, a.type, a.subtype, a.active] for a in accounts],
        )


def read_accounts(connection: psycopg.Connection, realm_id: str) -> list[Account]:
    """The chart as last kept, by name."""
    with connection.cursor(row_factory=class_row(Account)) as cursor:
        return cursor.execute(
            "select account_id, name, type, subtype, active from qbo_sync.company_account"
            " where realm_id = %s order by type, lower(name), account_id",
            [realm_id],
        ).fetchall()


def choices(setting: AccountSetting, accounts: Sequence[Account], chosen: str | None) -> list[Account]:
    """The active accounts of the right type, and the chosen one whatever has become of it."""
    return [a for a in accounts if (a.active and setting.fits(a)) or a.account_id == chosen]
