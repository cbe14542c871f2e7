"""Connecting a billing lab to a QuickBooks company: grant, company, connection, accounts by type."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import psycopg

from include.company.accounts import accounts_of, store_accounts
from include.company.company import preferences_of, warnings
from include.company.disconnect import restore_settings
from include.company.runtime import Runtime
from include.company.tokens import FreshGrant, store_grant
from include.lms.database import jsonb
from include.qbo.oauth import Grant, refresh

Json = dict[str, Any]


class CannotConnect(Exception):
    """The lab or the company is not as it must be; the words say what to do."""


def connect_lab(
    runtime: Runtime, *, billing_lab: str, realm_id: str, refresh_token: str, user: str = "make connect"
) -> str:
    """Exchange the token, keep it encrypted, make the company and the connection; what was done, in words.

    A lab that is connected to this company already keeps its settings (a reconnect). `user` stands for it among the
    page's changes. Raises CannotConnect, and ReconnectRequired or Unavailable if Intuit refuses or does not answer.
    """
    with runtime.connect() as connection:
        lab_id, lab_name = _find_lab(connection, billing_lab)
        _refuse_other_company(connection, lab_id, lab_name, realm_id)
        action = "connect" if _company_of(connection, lab_id) is None else "reconnect"
    # Only now: an exchange uses the token up, and a mistyped name must not cost it.
    grant = refresh(runtime.app, refresh_token)
    name = connect_with_grant(runtime, lab_id=lab_id, lab_name=lab_name, realm_id=realm_id, grant=grant)
    with runtime.connect() as connection:
        connection.execute(
            "insert into qbo_sync.page_change (user_name, action, billing_lab_id, realm_id) values (%s, %s, %s, %s)",
            [user, action, lab_id, realm_id],
        )
        connection.commit()
    return f"Connected {lab_name} (billing lab {lab_id}) to {name} (QuickBooks company {realm_id})."


def connect_with_grant(
    runtime: Runtime, *, lab_id: int, lab_name: str, realm_id: str, grant: Grant, start_date: date | None = None
) -> str:
    """Keep a fresh grant encrypted, make the company and the connection; the company's name. Raises as connect_lab.

    All of it is kept together: after a refusal everything is as it was, a company that nobody uses is not connected.
    `start_date`: for a new connection, in force from its first moment.
    """
    with runtime.connect() as connection:
        _refuse_other_company(connection, lab_id, lab_name, realm_id)
        connection.rollback()
        # Asked with the new grant before anything is stored: a grant for another company must not replace a good one.
        with runtime.client(realm_id, FreshGrant(grant)) as client:
            name = str(client.company_info().get("CompanyName", realm_id))
            accounts = client.query("SELECT * FROM Account WHERE Active = true ORDERBY Id MAXRESULTS 1000")
            preferences = client.preferences()
        connection.execute(
            "insert into qbo_sync.company (realm_id, name, preferences, warnings, preferences_read_at)"
            " values (%s, %s, %s, %s, clock_timestamp()) on conflict (realm_id) do update"
            " set name = excluded.name, preferences = excluded.preferences, warnings = excluded.warnings,"
            "     preferences_read_at = excluded.preferences_read_at",
            [realm_id, name, jsonb(preferences), jsonb(warnings(preferences_of(preferences)))],
        )
        store_grant(connection, runtime.vault, realm_id, grant)
        store_accounts(connection, realm_id, accounts_of(accounts))
        restore_settings(connection, lab_id, realm_id)
        # A lab that has its settings already, or again, needs no accounts chosen.
        if _company_of(connection, lab_id) is None:
            _make_connection(connection, lab_id, realm_id, accounts, start_date)
        connection.commit()
    return name


def _find_lab(connection: psycopg.Connection, billing_lab: str) -> tuple[int, str]:
    rows = connection.execute(
        "select id, name from lms.billing_lab where id::text = %(lab)s or name = %(lab)s", {"lab": billing_lab}
    ).fetchall()
    if len(rows) != 1:
        what = "There is no billing lab" if not rows else "There are several billing labs"
        raise CannotConnect(f"{what} with the id or name “{billing_lab}”.")
    return rows[0][0], rows[0][1]


def _refuse_other_company(connection: psycopg.Connection, lab_id: int, lab_name: str, realm_id: str) -> None:
    """Links belong to a company: a lab that changes it would leave its history behind unseen."""
    company = _company_of(connection, lab_id)
    if company not in (None, realm_id):
        raise CannotConnect(f"{lab_name} is connected to QuickBooks company {company}. Disconnect it from there first.")


def _company_of(connection: psycopg.Connection, lab_id: int) -> str | None:
    row = connection.execute("select realm_id from qbo_sync.connection where billing_lab_id = %s", [lab_id]).fetchone()
    return row[0] if row else None


def _make_connection(
    connection: psycopg.Connection, lab_id: int, realm_id: str, accounts: Sequence[Json], start_date: date | None
) -> None:
    income = pick_account(accounts, "Income", ["SalesOfProductIncome", "ServiceFeeIncome"])
    deposit = pick_account(accounts, "Other Current Asset", ["UndepositedFunds"])
    if income is None or deposit is None:
        raise CannotConnect(
            "The company's chart of accounts has no active income account or no “Undeposited Funds” account."
        )
    # The first lab of a company receives what is created in QuickBooks, until somebody chooses another.
    connection.execute(
        "insert into qbo_sync.connection (billing_lab_id, realm_id, income_account_id, deposit_account_id,"
        " discount_account_id, sync_start_date, receives_qbo_transactions)"
        " values (%(lab)s, %(realm)s, %(income)s, %(deposit)s, %(discount)s, %(start)s,"
        "         not exists (select 1 from qbo_sync.connection"
        "                      where realm_id = %(realm)s and receives_qbo_transactions))"
        " on conflict (billing_lab_id) do nothing",
        {
            "lab": lab_id,
            "realm": realm_id,
            "income": income,
            "deposit": deposit,
            "start": start_date,
            "discount": pick_account(accounts, "Income", ["DiscountsRefundsGiven"], only=True),
        },
    )


def pick_account(accounts: Sequence[Json], type_: str, subtypes: Sequence[str], *, only: bool = False) -> str | None:
    """The id of the first account of the type with the best subtype; of any subtype but discounts unless `only`."""
    of_type = [account for account in accounts if account.get("AccountType") == type_]
    for subtype in subtypes:
        for account in of_type:
            if account.get("AccountSubType") == subtype:
                return str(account["Id"])
    if only:
        return None
    usable = [account for account in of_type if account.get("AccountSubType") != "DiscountsRefundsGiven"]
    return str(usable[0]["Id"]) if usable else None
