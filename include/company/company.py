"""Companies and connections: who is connected to what, and with which settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import class_row

from include.lms.database import jsonb
from include.model.record import Direction, Entity
from include.model.settings import CompanyPreferences, ConnectionSettings
from include.qbo.client import QboClient
from include.qbo.errors import NotConnected

_SETTINGS = """
    select billing_lab_id, realm_id, direction, sync_invoices, sync_credits, sync_payments, income_account_id,
           deposit_account_id, receivable_account_id, discount_account_id, shipping_account_id, tax_account_id,
           credit_account_id, sync_start_date, receives_qbo_transactions
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

    def lets_flow(self, direction: Direction, entity: Entity, billing_lab_id: int | None) -> bool:
        """Whether a transaction's lab is connected and lets it flow; for one that names none, whether some lab does."""
        labs = self.settings.values() if billing_lab_id is None else [self.settings.get(billing_lab_id)]
        return any(lab is not None and lab.lets_flow(direction, entity) for lab in labs)

    def of_lab(self, billing_lab_id: int | None) -> ConnectionSettings:
        """The settings of a lab; for a record that names none, or a lab that has left, those of the first."""
        if billing_lab_id is not None and billing_lab_id in self.settings:
            return self.settings[billing_lab_id]
        return next(iter(self.settings.values()))


def read_company(connection: psycopg.Connection, realm_id: str) -> Company:
    """The company with its labs' settings. Raises NotConnected if no lab is connected to it."""
    with connection.cursor(row_factory=class_row(ConnectionSettings)) as cursor:
        settings = cursor.execute(_SETTINGS, [realm_id]).fetchall()
    row = connection.execute(
        "select name, preferences from qbo_sync.company where realm_id = %s", [realm_id]
    ).fetchone()
    if row is None or not settings:
        raise NotConnected(f"no billing lab is connected to QuickBooks company {realm_id}")
    return Company(
        realm_id=realm_id,
        name=row[0],
        preferences=preferences_of(row[1]),
        settings={one.billing_lab_id: one for one in settings},
    )


def preferences_of(stored: Mapping[str, Any]) -> CompanyPreferences:
    """The settings that matter, out of QuickBooks' Preferences (dossier 9.8); their defaults where it says nothing."""
    sales = stored.get("SalesFormsPrefs", {})
    closed = stored.get("AccountingInfoPrefs", {}).get("BookCloseDate")
    currency = stored.get("CurrencyPrefs", {})
    return CompanyPreferences(
        custom_transaction_numbers=bool(sales.get("CustomTxnNumbers", True)),
        allow_discount=bool(sales.get("AllowDiscount", True)),
        allow_shipping=bool(sales.get("AllowShipping", True)),
        auto_apply_credit=bool(sales.get("AutoApplyCredit", False)),
        book_close_date=date.fromisoformat(closed) if closed else None,
        home_currency=currency.get("HomeCurrency", {}).get("value"),
        multi_currency=bool(currency.get("MultiCurrencyEnabled", False)),
    )


def refresh_preferences(connection: psycopg.Connection, client: QboClient) -> None:
    """Read the company's preferences if they were last read more than an hour ago, and keep them with warnings.

    Also if something is about to be tried again that closed books kept back: they may have been opened.
    """
    stale = connection.execute(
        "select 1 from qbo_sync.company c where c.realm_id = %s"
        "   and (c.preferences_read_at is null or c.preferences_read_at < clock_timestamp() - interval '1 hour'"
        "        or exists (select 1 from qbo_sync.sync_error e"
        "                     join qbo_sync.pending_mark m on m.realm_id = e.realm_id and m.direction = e.direction"
        "                                                 and m.entity = e.record_entity and m.record_id = e.record_id"
        "                    where e.realm_id = c.realm_id and e.status = 'open' and e.error_code = 'books_closed'))",
        [client.realm_id],
    ).fetchone()
    connection.rollback()
    if stale is None:
        return
    preferences = client.preferences()
    connection.execute(
        "update qbo_sync.company set preferences = %s, warnings = %s, preferences_read_at = clock_timestamp()"
        " where realm_id = %s",
        [jsonb(preferences), jsonb(warnings(preferences_of(preferences))), client.realm_id],
    )
    connection.commit()


def warnings(preferences: CompanyPreferences) -> list[dict[str, str]]:
    """What in the company's settings keeps the sync from doing all that it could, for the person who set it up."""
    found = []
    if not preferences.custom_transaction_numbers:
        found.append(
            {
                "code": "custom_numbers_off",
                "message": "QuickBooks numbers invoices itself, so they do not carry Pilot's invoice numbers.",
                "resolution": "Turn on “Custom transaction numbers” in QuickBooks: Account and settings > Sales.",
            }
        )
    if preferences.auto_apply_credit:
        found.append(
            {
                "code": "auto_apply_credit_on",
                "message": "QuickBooks applies credits by itself, perhaps to other invoices than Pilot did.",
                "resolution": "Turn off “Automatically apply credits”: Account and settings > Advanced > Automation.",
            }
        )
    for allowed, what in ((preferences.allow_discount, "Discount"), (preferences.allow_shipping, "Shipping")):
        if not allowed:
            found.append(
                {
                    "code": f"{what.lower()}_box_off",
                    "message": f"The {what.lower()} box is off in QuickBooks; invoices that need it may be refused.",
                    "resolution": f"Turn on “{what}” in QuickBooks: Account and settings > Sales.",
                }
            )
    return found


class UnknownCompany(Exception):
    """There is no company of that id; the words name those that there are."""


def require_known(connection: psycopg.Connection, realm_id: str | None) -> None:
    """Nobody in particular (None) is fine, and so is a company that is disconnected. Raises UnknownCompany."""
    if realm_id is None:
        return
    names: dict[str, str] = dict(
        connection.execute("select realm_id, name from qbo_sync.company order by name, realm_id").fetchall()
    )
    if realm_id not in names:
        known = ", ".join(f"{known_id} ({name})" for known_id, name in names.items()) or "none"
        raise UnknownCompany(f"No QuickBooks company has the realm_id “{realm_id}”. Known: {known}.")
