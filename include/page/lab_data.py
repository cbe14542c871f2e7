"""One billing lab: its connection, its settings with the accounts' names, and facts that a change depends on."""

import hashlib
import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from fastapi import HTTPException

from include.company.accounts import read_accounts
from include.company.company import read_company
from include.model.company import Account
from include.model.settings import ConnectionSettings
from include.page.database import Row, row, rows

_LAB = Path(__file__).with_name("lab.sql").read_text()


def read_lab(connection: psycopg.Connection, lab_id: int) -> Row:
    """The lab with its company, if it has one. 404 if there is no such lab."""
    found = row(
        connection,
        _LAB,
        [lab_id],
    )
    if found is None:
        raise HTTPException(404)
    return found


def read_settings(connection: psycopg.Connection, lab: Row) -> ConnectionSettings:
    """The lab's settings. 404 if it is not connected."""
    if lab["realm_id"] is None:
        raise HTTPException(404)
    return read_company(connection, lab["realm_id"]).settings[lab["id"]]


def fingerprint(settings: ConnectionSettings) -> str:
    """Changes whenever the settings do: two people who edit at once find out."""
    plain = json.dumps(asdict(settings), default=str, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def sharing_labs(connection: psycopg.Connection, realm_id: str) -> list[Row]:
    """The labs connected to a company, by name."""
    return rows(
        connection,
        "select l.id, l.name, n.receives_qbo_transactions as receives from qbo_sync.connection n"
        "  join lms.billing_lab l on l.id = n.billing_lab_id where n.realm_id = %s order by lower(l.name), l.id",
        [realm_id],
    )


def account_names(connection: psycopg.Connection, realm_id: str) -> dict[str, Account]:
    """The company's accounts by id."""
    return {account.account_id: account for account in read_accounts(connection, realm_id)}


def waiting(connection: psycopg.Connection, lab: Row) -> dict[tuple[str, str], int]:
    """How many changed records of the lab stand in line, by direction and entity; not the invoices that its own setting
    holds back for days."""
    found = rows(
        connection,
        "select direction, entity, count(*) as records from qbo_sync.change_mark"
        " where realm_id = %s and billing_lab_id = %s and entity in ('invoice', 'credit', 'payment')"
        "   and coalesce(attempt_after, '-infinity') < clock_timestamp() + interval '1 hour'"
        " group by direction, entity",
        [lab["realm_id"], lab["id"]],
    )
    return {(one["direction"], one["entity"]): one["records"] for one in found}


def unsent_invoices(connection: psycopg.Connection, lab: Row, since: date | None, until: date | None) -> Row:
    """Invoices of the LMS that are not in QuickBooks, dated from `since` to before `until`: count and total."""
    found = row(
        connection,
        "select count(*) as invoices, coalesce(sum(i.total_amount), 0) as total from lms.invoice i"
        " where i.billing_lab_id = %(lab)s and i.origin = 'lms'"
        "   and (%(since)s::date is null or i.invoice_date >= %(since)s)"
        "   and (%(until)s::date is null or i.invoice_date < %(until)s)"
        "   and not exists (select 1 from qbo_sync.entity_link l where l.realm_id = %(realm)s"
        "                      and l.entity = 'invoice' and l.lms_id = i.id)",
        {"lab": lab["id"], "realm": lab["realm_id"], "since": since, "until": until},
    )
    return found or {}


def held_invoices(connection: psycopg.Connection, lab: Row, limit: int) -> list[Row]:
    """Invoices that the lab's setting holds back, the next to go out first."""
    return rows(
        connection,
        "select invoice_id, invoice_number, invoice_date, total_amount, goes_out_at from qbo_sync.held_invoice"
        " where billing_lab_id = %s order by goes_out_at, invoice_id limit %s",
        [lab["id"], limit],
    )


def held_count(connection: psycopg.Connection, lab: Row) -> int:
    """How many they are."""
    found = row(connection, "select count(*) as held from qbo_sync.held_invoice where billing_lab_id = %s", [lab["id"]])
    return int(found["held"]) if found else 0


def closed_books(connection: psycopg.Connection, lab: Row) -> Row | None:
    """Through which day the company's books are closed, and how many of the lab's records wait for a decision on that
    (`closed`, `records`); None: they are open."""
    closed = read_company(connection, lab["realm_id"]).preferences.book_close_date
    if closed is None:
        return None
    found = row(
        connection,
        "select count(*) as records from qbo_sync.sync_error"
        " where billing_lab_id = %s and status = 'open' and error_code = 'books_closed'",
        [lab["id"]],
    )
    return {"closed": closed, "records": found["records"] if found else 0}


def open_errors(connection: psycopg.Connection, lab_id: int) -> int:
    """How many errors of the lab are open."""
    found = row(
        connection,
        "select count(*) as errors from qbo_sync.sync_error where billing_lab_id = %s and status = 'open'",
        [lab_id],
    )
    return int(found["errors"]) if found else 0


def linked(connection: psycopg.Connection, realm_id: str) -> int:
    """How many records of the company are linked."""
    found = row(connection, "select count(*) as links from qbo_sync.entity_link where realm_id = %s", [realm_id])
    return int(found["links"]) if found else 0


def changes(connection: psycopg.Connection, lab_id: int | None, limit: int) -> list[Row]:
    """What people changed, newest first."""
    found: list[Any] = rows(
        connection,
        "select p.*, l.name as lab, e.document_number, e.entity, e.lms_id, e.qbo_id from qbo_sync.page_change p"
        "  left join lms.billing_lab l on l.id = p.billing_lab_id"
        "  left join qbo_sync.sync_error e on e.id = p.sync_error_id"
        " where %(lab)s::bigint is null or p.billing_lab_id = %(lab)s order by p.at desc, p.id desc limit %(limit)s",
        {"lab": lab_id, "limit": limit},
    )
    return found
