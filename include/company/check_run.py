"""Runs the company check: three reads of QuickBooks, the rules, and the findings kept with their history."""

from collections.abc import Sequence

import psycopg
from psycopg.rows import dict_row

from include.company.accounts import store_accounts
from include.company.check import CompanyFacts, Finding, check
from include.company.company import read_company, require_known, store_preferences
from include.company.runtime import Runtime
from include.qbo.account import fetch_accounts
from include.qbo.company_info import parse_company_info
from include.qbo.preferences import parse_preferences


def companies_to_check(runtime: Runtime, realm_id: str | None = None) -> list[dict[str, str]]:
    """The companies that a lab is connected to, or the one asked for: [{realm_id, name}]. Raises UnknownCompany.

    Those that must be reconnected are among them, so that their task fails every day: no other DAG runs for them, so
    no other would show it.
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
    """Check the company's settings and accounts now; the number of findings of each severity.

    Raises LookupError if no lab is connected to it, ReconnectRequired if it must be reconnected, another QboError if
    QuickBooks does not answer.
    """
    with runtime.client(realm_id) as client:
        info, sent, accounts = parse_company_info(client.company_info()), client.preferences(), fetch_accounts(client)
    preferences = parse_preferences(sent)
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
            )
        )
        connection.execute(
            "update qbo_sync.company set name = %s where realm_id = %s", [info.name or company.name, realm_id]
        )
        store_preferences(connection, realm_id, sent)
        store_accounts(connection, realm_id, accounts)
        _store_findings(connection, realm_id, found)
        connection.execute(
            "insert into qbo_sync.company_check (realm_id, checked_at, country, plan, currency)"
            " values (%s, clock_timestamp(), %s, %s, %s) on conflict (realm_id) do update"
            " set checked_at = excluded.checked_at, country = excluded.country, plan = excluded.plan,"
            "     currency = excluded.currency",
            [realm_id, info.country, info.plan, preferences.home_currency],
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
