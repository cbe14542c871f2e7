"""Payments and credits with their applications, read from the LMS."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.lms.customer_of import CUSTOMER_IS_PAIR
from include.model.payment import Application, Credit, CreditApplication, Payment, ordered
from include.model.record import Owner, RecordKey
from include.model.staged import LmsPayment

_HEADS = {
    "payment": "select r.*, {pair} as to_pair from lms.payment r {joins} where r.id = any(%s::bigint[])",
    "credit": "select r.*, {pair} as to_pair from lms.credit r {joins} where r.id = any(%s::bigint[])",
}
_APPLICATIONS = {
    "payment": "select payment_id::text as id, invoice_id::text, amount from lms.payment_application"
    " where payment_id = any(%s::bigint[]) and amount <> 0",
    "credit": "select credit_id::text as id, invoice_id::text, amount from lms.credit_application"
    " where credit_id = any(%s::bigint[]) and amount <> 0",
}


def read_payments(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Payment]:
    """The payments of these ids that exist, by id."""
    applications = _applications(connection, "payment", ids)
    return {
        str(row["id"]): Payment(
            date=row["payment_date"],
            customer=_customer(row),
            amount=row["amount"],
            applications=applications[str(row["id"])],
            method=row["method"],
            owner=_owner(row),
        )
        for row in _heads(connection, "payment", ids)
    }


def read_lms_payments(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, LmsPayment]:
    """The payments of these ids that exist, by id, with their lab and where they were entered."""
    payments = read_payments(connection, ids)
    rows = connection.execute(
        "select id::text, billing_lab_id, origin from lms.payment where id = any(%s::bigint[])", [list(payments)]
    )
    return {id_: LmsPayment(payment=payments[id_], billing_lab_id=lab, origin=origin) for id_, lab, origin in rows}


def read_credits(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Credit]:
    """The credits of these ids that exist, by id."""
    return {
        str(row["id"]): Credit(
            date=row["credit_date"],
            customer=_customer(row),
            amount=row["amount"],
            note=row["note"],
            owner=_owner(row),
        )
        for row in _heads(connection, "credit", ids)
    }


def read_credit_applications(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, CreditApplication]:
    """The applications of these credits that have any, by the credit's id."""
    applications = _applications(connection, "credit", ids)
    return {
        str(row["id"]): CreditApplication(
            date=row["credit_date"],
            customer=_customer(row),
            credit=RecordKey("credit", str(row["id"])),
            applications=applications[str(row["id"])],
            owner=_owner(row),
        )
        for row in _heads(connection, "credit", ids)
        if applications[str(row["id"])]
    }


def _heads(connection: psycopg.Connection, table: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    statement = _HEADS[table].format(pair=CUSTOMER_IS_PAIR.condition, joins=CUSTOMER_IS_PAIR.joins)
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), [list(ids)]).fetchall()


def _applications(
    connection: psycopg.Connection, table: str, ids: Sequence[str]
) -> defaultdict[str, tuple[Application, ...]]:
    grouped: defaultdict[str, list[Application]] = defaultdict(list)
    for id_, invoice_id, amount in connection.execute(_APPLICATIONS[table].encode(), [list(ids)]):
        grouped[id_].append(Application(invoice=RecordKey("invoice", invoice_id), amount=amount))
    return defaultdict(tuple, {id_: ordered(applications) for id_, applications in grouped.items()})


def _customer(row: dict[str, Any]) -> RecordKey:
    if row["to_pair"]:
        return RecordKey("doctor_office", str(row["doctor_office_id"]))
    return RecordKey("billing_account", str(row["billing_account_id"]))


def _owner(row: dict[str, Any]) -> Owner:
    office = row["doctor_office_id"]
    return Owner(str(row["billing_account_id"]), str(office) if office is not None else None)
