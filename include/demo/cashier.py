"""Payments and credits in the LMS, as its own program writes them: with the balances of the invoices."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import LiteralString

import psycopg
from psycopg import sql

from include.demo.records import MoneyChanges, Receipt

ZERO = Decimal("0.00")
SHIPPED_AGAIN = Decimal("9.95")  # dollars

_COLUMNS = {
    "payment": {"day": sql.Identifier("payment_date"), "words": sql.Identifier("method")},
    "credit": {"day": sql.Identifier("credit_date"), "words": sql.Identifier("note")},
}


class Cashier:
    """Works in the caller's transaction. A receipt is found by its reference."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection

    def carry_out(self, changes: MoneyChanges) -> None:
        """Deletes first, they make room; then the edits, then what is new."""
        for receipt in changes.deleted:
            self.delete(receipt.kind, id_of(self.connection, receipt))
        for receipt in changes.edited:
            self.edit(receipt)
        for receipt in changes.entered:
            self.enter(receipt)
        for number in changes.shipped_again:
            self.ship_again(number)

    def enter(self, receipt: Receipt) -> int:
        """A new payment or credit; its id."""
        row = self.connection.execute(
            sql.SQL(
                """insert into lms.{kind} (billing_lab_id, billing_account_id, doctor_office_id, {day}, amount, {words},
                          reference)
                select b.id, (select min(id) from lms.billing_account where name = %(account)s),
                       (select min(id) from lms.doctor_office where child_subaccount_name = %(pair)s),
                       %(day)s, %(amount)s, %(words)s, %(reference)s
                  from lms.billing_lab b where b.name = %(lab)s returning id"""
            ).format(kind=sql.Identifier(receipt.kind), **_COLUMNS[receipt.kind]),
            {
                "lab": receipt.lab,
                "account": receipt.account,
                "pair": receipt.pair,
                "day": receipt.day,
                "amount": receipt.amount,
                "words": receipt.words,
                "reference": receipt.reference,
            },
        ).fetchone()
        if row is None:
            raise LookupError(f"the LMS has no lab {receipt.lab}")
        self.settle(receipt.kind, int(row[0]), receipt.amount, dict(self._invoices(receipt)))
        return int(row[0])

    def record(
        self, kind: str, whose: Sequence[int | None], day: dt.date, amount: Decimal, applied: dict[int, Decimal]
    ) -> int:
        """A new payment or credit without a reference; its id. `whose`: lab, account and pair, by id."""
        row = self.connection.execute(
            sql.SQL(
                "insert into lms.{kind} (billing_lab_id, billing_account_id, doctor_office_id, {day}, amount)"
                " values (%s, %s, %s, %s, %s) returning id"
            ).format(kind=sql.Identifier(kind), day=_COLUMNS[kind]["day"]),
            [*whose, day, amount],
        ).fetchone()
        if row is None:
            raise RuntimeError("an insert returns its row")
        self.settle(kind, int(row[0]), amount, applied)
        return int(row[0])

    def edit(self, receipt: Receipt) -> None:
        """Amount and applications, as the receipt says."""
        self.settle(receipt.kind, id_of(self.connection, receipt), receipt.amount, dict(self._invoices(receipt)))

    def settle(self, kind: str, receipt_id: int, amount: Decimal, applied: dict[int, Decimal]) -> None:
        """Amount, and what each invoice (by id) gets of it; what an invoice gets more or less moves its balance."""
        before: dict[int, Decimal] = dict(
            self.connection.execute(
                _of("select invoice_id, amount from lms.{application} where {id} = %s", kind), [receipt_id]
            ).fetchall()
        )
        self.connection.execute(_of("update lms.{kind} set amount = %s where id = %s", kind), [amount, receipt_id])
        for invoice in sorted({*before, *applied}):
            was, now = before.get(invoice, ZERO), applied.get(invoice, ZERO)
            if now and invoice in before:
                statement = "update lms.{application} set amount = %s where {id} = %s and invoice_id = %s"
                self.connection.execute(_of(statement, kind), [now, receipt_id, invoice])
            elif now:
                statement = "insert into lms.{application} (amount, {id}, invoice_id) values (%s, %s, %s)"
                self.connection.execute(_of(statement, kind), [now, receipt_id, invoice])
            else:
                statement = "delete from lms.{application} where {id} = %s and invoice_id = %s"
                self.connection.execute(_of(statement, kind), [receipt_id, invoice])
            if was != now:
                self.connection.execute(
                    "update lms.invoice set balance = balance + %s where id = %s", [was - now, invoice]
                )

    def delete(self, kind: str, receipt_id: int) -> None:
        """It goes, and its invoices are open again by what they had of it."""
        row = self.connection.execute(_of("select amount from lms.{kind} where id = %s", kind), [receipt_id]).fetchone()
        if row is None:
            raise LookupError(f"the LMS has no {kind} {receipt_id}")
        self.settle(kind, receipt_id, row[0], {})
        self.connection.execute(_of("delete from lms.{kind} where id = %s", kind), [receipt_id])

    def ship_again(self, case_number: str) -> None:
        """Somebody adds shipping to an invoice by hand."""
        self.connection.execute(
            """update lms.invoice i set shipping_amount = shipping_amount + %(more)s,
                      total_amount = total_amount + %(more)s, balance = balance + %(more)s
                 from lms.lab_case c where c.id = i.case_id and c.case_number = %(case)s""",
            {"more": SHIPPED_AGAIN, "case": case_number},
        )

    def _invoices(self, receipt: Receipt) -> list[tuple[int, Decimal]]:
        return [(invoice_id(self.connection, number), amount) for number, amount in receipt.applied]


def id_of(connection: psycopg.Connection, receipt: Receipt) -> int:
    """The LMS's id of a payment or credit; LookupError if it is not there."""
    row = connection.execute(
        _of("select id from lms.{kind} where reference = %s", receipt.kind), [receipt.reference]
    ).fetchone()
    if row is None:
        raise LookupError(f"the LMS has no {receipt.kind} {receipt.reference}")
    return int(row[0])


def invoice_id(connection: psycopg.Connection, case_number: str) -> int:
    """The LMS's id of a case's invoice; LookupError if it has none."""
    row = connection.execute(
        "select i.id from lms.invoice i join lms.lab_case c on c.id = i.case_id where c.case_number = %s",
        [case_number],
    ).fetchone()
    if row is None:
        raise LookupError(f"case {case_number} is not invoiced")
    return int(row[0])


def _of(statement: LiteralString, kind: str) -> sql.Composed:
    """The statement with the tables of payments or credits."""
    return sql.SQL(statement).format(
        kind=sql.Identifier(kind), application=sql.Identifier(f"{kind}_application"), id=sql.Identifier(f"{kind}_id")
    )
