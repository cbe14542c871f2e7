"""Connecting a billing lab to a QuickBooks company: grant, company, connection, accounts by type."""

import logging
from collections.abc import Sequence
from datetime import date

import psycopg

from include.company.accounts import pick_account, store_accounts
from include.company.company import store_preferences
from include.company.disconnect import restore_settings
from include.company.runtime import Runtime
from include.company.tokens import FreshGrant, store_grant
from include.model.company import Account
from include.qbo.account import fetch_accounts
from include.qbo.company_info import parse_company_info
from include.qbo.errors import QboError, ReconnectRequired
from include.qbo.oauth import Grant, refresh, revoke

log = logging.getLogger(__name__)


class CannotConnect(Exception):
    """The lab or the company is not ready to be connected; the message says what to do."""


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
    try:
        name = connect_with_grant(runtime, lab_id=lab_id, lab_name=lab_name, realm_id=realm_id, grant=grant)
    except (CannotConnect, ReconnectRequired) as refusal:
        # Of a grant that its company refuses nobody knows which one it opens.
        give_back(runtime, grant, realm_id=realm_id if isinstance(refusal, CannotConnect) else None)
        raise
    with runtime.connect() as connection:
        connection.execute(
            "insert into qbo_sync.page_change (user_name, action, billing_lab_id, realm_id) values (%s, %s, %s, %s)",
            [user, action, lab_id, realm_id],
        )
        connection.commit()
    return f"Connected {lab_name} (billing lab {lab_id}) to {name} (QuickBooks company {realm_id})."


def connect_with_grant(
    runtime: Runtime,
    *,
    lab_id: int,
    lab_name: str,
    realm_id: str,
    grant: Grant,
    start_date: date | None = None,
    start: bool = True,
) -> str:
    """Keep a fresh grant encrypted, make the company and the connection; the company's name. Raises as connect_lab.

    All of it is kept together: after a refusal everything is as it was, a company that nobody uses is not connected.
    `start_date`: for a new connection, in force from its first moment. `start`: its sync starts at once; else
    nothing of the lab is synced until somebody starts it.
    """
    with runtime.connect() as connection:
        _refuse_other_company(connection, lab_id, lab_name, realm_id)
        connection.commit()
        # Asked with the new grant before anything is stored: a grant for another company must not replace a good one.
        with runtime.client(realm_id, FreshGrant(grant)) as client:
            name = parse_company_info(client.company_info()).name or realm_id
            accounts = fetch_accounts(client)
            preferences = client.preferences()
        # Somebody else may have connected the lab to another company meanwhile, and nobody does from here on.
        connection.execute("select pg_advisory_xact_lock(hashtextextended('qbo_sync.connect', %s))", [lab_id])
        _refuse_other_company(connection, lab_id, lab_name, realm_id)
        connection.execute(
            "insert into qbo_sync.company (realm_id, name) values (%s, %s)"
            " on conflict (realm_id) do update set name = excluded.name",
            [realm_id, name],
        )
        store_preferences(connection, realm_id, preferences)
        store_grant(connection, runtime.vault, realm_id, grant)
        store_accounts(connection, realm_id, accounts)
        new = _company_of(connection, lab_id) is None
        # A lab that has its settings already, or again, needs no accounts chosen.
        if new and not restore_settings(connection, lab_id, realm_id):
            _make_connection(connection, lab_id, realm_id, accounts, start_date)
        if new and not start:
            connection.execute("update qbo_sync.connection set started_at = null where billing_lab_id = %s", [lab_id])
        connection.commit()
    return name


def give_back(runtime: Runtime, grant: Grant, *, realm_id: str | None) -> None:
    """A grant that we cannot use ends at once, unless a company that is in use would lose its own with it (fact 1.4).

    `realm_id`: the company that it opens; None: it may be any.
    """
    with runtime.connect() as connection:
        used = connection.execute(
            "select 1 from qbo_sync.connection where realm_id = coalesce(%s, realm_id) limit 1", [realm_id]
        ).fetchone()
    if used is None:
        try:
            revoke(runtime.app, grant.refresh_token)
        except QboError as problem:
            log.warning("an unused grant could not be revoked: %s", problem)


def _find_lab(connection: psycopg.Connection, billing_lab: str) -> tuple[int, str]:
    rows = connection.execute(
        "select id, name from lms.billing_lab where id::text = %(lab)s or name = %(lab)s", {"lab": billing_lab}
    ).fetchall()
    if len(rows) != 1:
        if not rows:
            raise CannotConnect(f"There is no billing lab with the ID or name “{billing_lab}”. Check it in Pilot.")
        raise CannotConnect(f"More than one billing lab has the ID or name “{billing_lab}”. Use the lab’s ID.")
    return rows[0][0], rows[0][1]


def _refuse_other_company(connection: psycopg.Connection, lab_id: int, lab_name: str, realm_id: str) -> None:
    """Links belong to a company: a lab that changes companies would lose the history of its records."""
    row = connection.execute(
        "select c.name, c.realm_id from qbo_sync.connection n join qbo_sync.company c using (realm_id)"
        " where n.billing_lab_id = %s and n.realm_id <> %s",
        [lab_id, realm_id],
    ).fetchone()
    if row is not None:
        raise CannotConnect(
            f"{lab_name} is already connected to {row[0]} (QuickBooks company {row[1]}). Disconnect it there first,"
            " then connect it again."
        )


def _company_of(connection: psycopg.Connection, lab_id: int) -> str | None:
    row = connection.execute("select realm_id from qbo_sync.connection where billing_lab_id = %s", [lab_id]).fetchone()
    return row[0] if row else None


def _make_connection(
    connection: psycopg.Connection, lab_id: int, realm_id: str, accounts: Sequence[Account], start_date: date | None
) -> None:
    income = pick_account(accounts, "Income", ["SalesOfProductIncome", "ServiceFeeIncome"])
    deposit = pick_account(accounts, "Other Current Asset", ["UndepositedFunds"])
    if income is None or deposit is None:
        missing = "income account" if income is None else "“Undeposited Funds” account"
        raise CannotConnect(
            f"The QuickBooks company has no active {missing}, which invoices and payments need. Add one or make one"
            " active in QuickBooks (Chart of accounts), then connect again."
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
