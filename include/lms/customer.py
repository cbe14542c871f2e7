"""Billing accounts and doctor–office pairs, read as customers.

Texts come without blanks around them: QuickBooks trims names, and so they must compare.
"""

from collections.abc import Sequence

import psycopg

from include.lms.names import clean
from include.model.customer import Customer
from include.model.record import RecordKey


def read_accounts(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Customer]:
    """The billing accounts of these ids that exist, by id."""
    rows = connection.execute(
        "select id::text, name, email, phone from lms.billing_account where id = any(%s::bigint[])",
        [list(ids)],
    )
    return {
        id_: Customer(name=clean(name), email=_stripped(email), phone=_stripped(phone))
        for id_, name, email, phone in rows
    }


def _stripped(text: str | None) -> str | None:
    return text.strip() if text else None


def read_pairs(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Customer]:
    """The doctor–office pairs of these ids that exist, as sub-customers of their present account."""
    rows = connection.execute(
        "select o.id::text, o.child_subaccount_name, o.billing_account_id::text, a.accounting_structure = 'detailed'"
        "  from lms.doctor_office o join lms.billing_account a on a.id = o.billing_account_id"
        " where o.id = any(%s::bigint[])",
        [list(ids)],
    )
    return {
        id_: Customer(name=clean(name), parent=RecordKey("billing_account", account), wanted=detailed)
        for id_, name, account, detailed in rows
    }
