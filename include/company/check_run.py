"""Runs the company check: three reads of QuickBooks, the rules, and the findings kept with their history."""

from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg
from psycopg.rows import dict_row

from include.company.accounts import fetch_accounts, store_accounts
from include.company.check import CompanyFacts, Finding, check, name_value
from include.company.company import preferences_of, read_company, require_known, warnings
from include.company.runtime import Runtime
from include.lms.database import jsonb


def companies_to_check(runtime: Runtime, realm_id: str | None = None) -> list[dict[str, str]]:
    """The companies that a lab is connected to, or the one asked for: [{realm_id, name}]. Raises UnknownCompany.

    Those that must be connected again are among them, so that their task fails every day: nothing else tells ops of
    them, because no other DAG takes them.
    """
    with runtime.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        require_known(connection, realm_id)
        return cursor.execute(
            "select realm_id, name from qbo_sync.company c where status in ('connected', 'reconnect_required')"
            "   and (%(realm)s::text is null or realm_id = %(realm)s)"
            "   and exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id) order by realm_id",
            {"realm": realm_id},
        ).fetchall()


def check_company(runtime: Runtime, realm_id: str) -> dict[str, int]:
    """Look at the company's settings and accounts now; the number of findings of each severity.

    Raises LookupError if no lab is connected to it, ReconnectRequired if it must be connected again, another QboError
    if QuickBooks cannot be asked.
    """
    with runtime.client(realm_id) as client:
        info, preferences, accounts = client.company_info(), client.preferences(), fetch_accounts(client)
    with runtime.connect() as connection:
        company = read_company(connection, realm_id)
        labs: dict[int, str] = dict(connection.execute("select id, name from lms.billing_lab").fetchall())
        found = check(
            CompanyFacts(
                info=info,
                preferences=preferences,
                accounts=accounts,
                settings=list(company.settings.values()),
                labs=labs,
                today=datetime.now(UTC).date(),
            )
        )
        connection.execute(
            "update qbo_sync.company set name = %s, preferences = %s, warnings = %s,"
            " preferences_read_at = clock_timestamp() where realm_id = %s",
            [info.get("CompanyName", company.name), jsonb(preferences),
             jsonb(warnings(preferences_of(preferences))), realm_id],
        )  # fmt: skip
        store_accounts(connection, realm_id, accounts)
        _store_findings(connection, realm_id, found)
        connection.execute(
            "insert into qbo_sync.company_check (realm_id, checked_at, country, plan, currency)"
            " values (%s, clock_timestamp(), %s, %s, %s) on conflict (realm_id) do update"
            " set checked_at = excluded.checked_at, country = excluded.country, plan = excluded.plan,"
            "     currency = excluded.currency",
            [
                realm_id,
                info.get("Country"),
                name_value(info, "OfferingSku"),
                preferences.get("CurrencyPrefs", {}).get("HomeCurrency", {}).get("value"),
            ],
        )
        connection.commit()
    return {severity: sum(f.severity == severity for f in found) for severity in ("problem", "warning", "note")}


def _store_findings(connection: psycopg.Connection, realm_id: str, found: Sequence[Finding]) -> None:
    connection.execute(
        "update qbo_sync.company_finding set resolved_at = clock_timestamp()"
        " where realm_id = %s and resolved_at is null"
        "   and (code, subject) not in (select * from unnest(%s::text[], %s::text[]))",
        [realm_id, [one.code for one in found], [one.subject for one in found]],
    )
    for one in found:
        connection.execute(
            "insert into qbo_sync.company_finding as f (realm_id, code, subject, severity, message, effect, resolution)"
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict (realm_id, code, subject) do update"
            " set severity = excluded.severity, message = excluded.message, effect = excluded.effect,"
            "     resolution = excluded.resolution, last_seen_at = clock_timestamp(), resolved_at = null,"
            "     first_seen_at = case when f.resolved_at is null then f.first_seen_at else clock_timestamp() end",
            [realm_id, one.code, one.subject, one.severity, one.message, one.effect, one.resolution],
        )
