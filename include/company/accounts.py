"""The company's chart of accounts, and which of them each setting may name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from include.model.company import Account


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
    #: What applies where nothing is chosen.
    otherwise: str = ""

    def fits(self, account: Account) -> bool:
        """Whether QuickBooks accepts the account for this purpose."""
        allowed = self.subtypes.get(account.type)
        return account.type in self.types and (not allowed or account.subtype in allowed)


_INCOME = frozenset({"Income", "Other Income"})

SETTINGS: tuple[AccountSetting, ...] = (
    AccountSetting(
        name="income_account_id",
        label="Income account",
        purpose="Products that Pilot creates in QuickBooks post to this income account.",
        types=_INCOME,
        subtypes={},
        required=True,
    ),
    AccountSetting(
        name="deposit_account_id",
        label="Deposit account",
        purpose="Payments from Pilot are deposited to this account.",
        types=frozenset({"Bank", "Other Current Asset"}),
        subtypes={"Other Current Asset": frozenset({"UndepositedFunds"})},
        required=True,
    ),
    AccountSetting(
        name="receivable_account_id",
        label="Accounts receivable (A/R) account",
        purpose="Invoices from Pilot post to this A/R account.",
        types=frozenset({"Accounts Receivable"}),
        subtypes={},
        otherwise="QuickBooks’ default A/R account",
    ),
    AccountSetting(
        name="discount_account_id",
        label="Discount account",
        purpose="Invoice discounts (the Discount box) post to this account.",
        types=frozenset({"Income", "Expense"}),
        subtypes={},
        otherwise="QuickBooks’ default discount account",
    ),
    AccountSetting(
        name="shipping_account_id",
        label="Shipping account",
        purpose="The account that shipping should post to. QuickBooks’ own settings decide this; the company check"
        " shows a warning if the two differ.",
        types=_INCOME,
        subtypes={},
        otherwise="QuickBooks’ default shipping account",
    ),
    AccountSetting(
        name="tax_account_id",
        label="Tax account",
        purpose="The “Tax” item, which carries the tax of an invoice, posts to this account.",
        types=_INCOME,
        subtypes={},
        otherwise="the income account",
    ),
    AccountSetting(
        name="credit_account_id",
        label="Credit account",
        purpose="The “Lab Credit” item, which carries credits, posts to this account.",
        types=_INCOME,
        subtypes={},
        otherwise="the income account",
    ),
)


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
    """The active accounts of the right type, and the chosen one even if it fits no more."""
    return [a for a in accounts if (a.active and setting.fits(a)) or a.account_id == chosen]


def pick_account(accounts: Sequence[Account], type_: str, subtypes: Sequence[str], *, only: bool = False) -> str | None:
    """The id of the first active account of the type with the best subtype; of any but discounts unless `only`."""
    of_type = [account for account in accounts if account.active and account.type == type_]
    for subtype in subtypes:
        for account in of_type:
            if account.subtype == subtype:
                return account.account_id
    usable = [] if only else [account for account in of_type if account.subtype != "DiscountsRefundsGiven"]
    return usable[0].account_id if usable else None
