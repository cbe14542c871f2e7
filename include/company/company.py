"""Companies and connections: who is connected to what, and with which settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from include.company.check import warnings
from include.lms.database import jsonb
from include.model.settings import CompanyPreferences, ConnectionSettings
from include.qbo.client import QboClient
from include.qbo.errors import NotConnected
from include.qbo.preferences import parse_preferences

_SETTINGS = """
    select billing_lab_id, realm_id, direction, sync_invoices, sync_credits, sync_payments, income_account_id,
           deposit_account_id, receivable_account_id, discount_account_id, shipping_account_id, tax_account_id,
           credit_account_id, sync_start_date, receives_qbo_transactions, hold_invoices, hold_days,
           started_at is not null as started
      from qbo_sync.connection
     where realm_id = %s
     order by billing_lab_id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Company:
    """A connected company with the settings of every lab on it."""

    realm_id: str
    name: str
    preferences: CompanyPreferences
    settings: Mapping[int, ConnectionSettings]

    @property
    def receiving_lab(self) -> ConnectionSettings | None:
        """The lab that gets what is created in QuickBooks."""
        return next((one for one in self.settings.values() if one.receives_qbo_transactions), None)

    def of_lab(self, billing_lab_id: int | None) -> ConnectionSettings:
        """The settings of a lab; for a record that names none, or a lab that has left, those of the first."""
        if billing_lab_id is not None and billing_lab_id in self.settings:
            return self.settings[billing_lab_id]
        return next(iter(self.settings.values()))


def read_company(connection: psycopg.Connection, realm_id: str) -> Company:
    """The company with its labs' settings. Raises NotConnected if no lab is connected to it."""
    settings = read_settings(connection, realm_id)
    row = connection.execute(
        "select name, preferences from qbo_sync.company where realm_id = %s", [realm_id]
    ).fetchone()
    if row is None or not settings:
        raise NotConnected(f"No billing lab is connected to QuickBooks company {realm_id}.")
    return Company(
        realm_id=realm_id,
        name=row[0],
        preferences=parse_preferences(row[1]),
        settings=settings,
    )


def read_settings(connection: psycopg.Connection, realm_id: str) -> dict[int, ConnectionSettings]:
    """The settings of the company's labs, by lab; none: no lab is connected to it."""
    with connection.cursor(row_factory=class_row(ConnectionSettings)) as cursor:
        return {one.billing_lab_id: one for one in cursor.execute(_SETTINGS, [realm_id])}


#: How old the preferences may be that a run works with, and the closing date by which it sends what is of a past day.
PREFERENCES_AGE, CLOSING_DATE_AGE = timedelta(hours=1), timedelta(minutes=1)


def refresh_preferences(
    connection: psycopg.Connection, client: QboClient, *, oldest: timedelta = PREFERENCES_AGE
) -> None:
    """Read the company's preferences if they were last read longer ago than `oldest`, and keep them with warnings.

    Also if a record is due that failed because the books were closed: they may be open now.
    """
    stale = connection.execute(
        "select 1 from qbo_sync.company c where c.realm_id = %s"
        "   and (c.preferences_read_at is null"
        "        or c.preferences_read_at not between clock_timestamp() - %s::interval and clock_timestamp()"
        "        or exists (select 1 from qbo_sync.sync_error e"
        "                     join qbo_sync.pending_mark m on m.realm_id = e.realm_id and m.direction = e.direction"
        "                                                 and m.entity = e.record_entity and m.record_id = e.record_id"
        "                    where e.realm_id = c.realm_id and e.status = 'open' and e.error_code = 'books_closed'))",
        [client.realm_id, oldest],
    ).fetchone()
    connection.commit()
    if stale is None:
        return
    store_preferences(connection, client.realm_id, client.preferences())
    connection.commit()


def store_preferences(connection: psycopg.Connection, realm_id: str, body: Mapping[str, Any]) -> None:
    """Keep the preferences as QuickBooks sent them, with what is harmful in them, in the caller's transaction."""
    connection.execute(
        "update qbo_sync.company set preferences = %s, warnings = %s, preferences_read_at = clock_timestamp()"
        " where realm_id = %s",
        [jsonb(body), jsonb(warnings(parse_preferences(body))), realm_id],
    )


class UnknownCompany(Exception):
    """There is no company of that id; the words name those that there are."""


def require_known(connection: psycopg.Connection, realm_id: str | None) -> None:
    """None (all companies) is fine, and so is a company that is disconnected. Raises UnknownCompany."""
    if realm_id is None:
        return
    names: dict[str, str] = dict(
        connection.execute("select realm_id, name from qbo_sync.company order by name, realm_id").fetchall()
    )
    if realm_id not in names:
        known = ", ".join(f"{known_id} ({name})" for known_id, name in names.items()) or "none"
        raise UnknownCompany(f"No QuickBooks company has the realm_id “{realm_id}”. Known companies: {known}.")
