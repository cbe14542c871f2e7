"""What people read of each problem, word for word: problem_words.txt beside this file.

Written anew, where words are meant to change, by `GOLDEN=write .venv/bin/python -m pytest
tests/sync/plan/test_problem_words.py`; what has changed is then to be read in `git diff`.
"""

import inspect
import os
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

from include.model.money import ZERO
from include.model.payment import Application
from include.model.problem import Problem
from include.model.record import CREDIT_ITEM, TAX_ITEM, RecordKey
from include.model.staged import Duplicate, LmsName, NamedRecord, OpenBalance, OtherLine, SettledBy, WantedName
from include.qbo.faults import MALFORMED
from include.sync.plan import error_codes, problems
from tests.support.planning import (
    ACCOUNT,
    DAY,
    DAY_AFTER,
    DAY_BEFORE,
    FOREIGN,
    REFUSED_LOOKUP,
    a_payment,
    an_invoice,
    dollars,
    invoice_in_quickbooks,
    payment_in_quickbooks,
)

FILE = Path(__file__).with_name("problem_words.txt")

INVOICE, CHANGED = an_invoice(100), an_invoice(120, on=DAY_AFTER)
THERE = invoice_in_quickbooks(INVOICE)
PAID, PAID_OTHERWISE = a_payment(100, i1=60), a_payment(90, on=DAY_AFTER, i1=40, i2=50)
ACCOUNT_NAME = LmsName(key=ACCOUNT, name="Lakeside Dental")
PAIR_NAME = LmsName(key=RecordKey("doctor_office", "4"), name="Dr. Lee – North", account="Lakeside Dental")
PRODUCT_NAME = LmsName(key=RecordKey("product", "9"), name="Crown")
TAX_NAME = LmsName(key=TAX_ITEM, name="Tax")
CUSTOMER = WantedName(noun="customer", name="Lakeside Dental")
SUB_CUSTOMER = WantedName(noun="sub-customer", name="Dr. Lee – North", account="Lakeside Dental", parent_id="21")
PRODUCT = WantedName(noun="product", name="Crown")
ITEM = WantedName(noun="item", name="Tax")
LINE = OtherLine(kind="JournalEntry", qbo_id="77", amount=dollars(20), linked=())
UNKNOWN_INVOICE = OtherLine(kind="Invoice", qbo_id="78", amount=dollars(15), linked=())
CREDIT_LINE = OtherLine(kind="CreditMemo", qbo_id="79", amount=dollars("7.50"), linked=())


def holder(kind: str, **more: Any) -> NamedRecord:
    own = {"qbo_id": "31", "sync_token": "0", "name": "Lakeside Dental", "active": True}
    return NamedRecord(kind=kind, **{**own, **more})


def settled_by(kind: str, number: str, amount: str, applied: str, **more: Any) -> SettledBy:
    own = {"payment_id": number, "date": DAY}
    return SettledBy(kind=kind, qbo_id=number, amount=dollars(amount), applied=dollars(applied), **{**own, **more})


def balance(left: str, *settled: SettledBy, voided: bool = False) -> OpenBalance:
    return OpenBalance(
        qbo_id="145", number="1042", total=dollars(100), balance=dollars(left), voided=voided, settled_by=settled
    )


def applications(*amounts: str) -> list[Application]:
    return [
        Application(invoice=RecordKey("invoice", str(nth)), amount=dollars(one))
        for nth, one in enumerate(amounts, start=1)
    ]


def cases() -> dict[str, list[Problem | None]]:
    """By the function that says it."""
    noun = "The credit of $50.00 dated 06/01/2026"
    payment = "The payment of $100.00 dated 06/01/2026"
    by_payment = settled_by("Payment", "201", "80", "80")
    by_credit = settled_by("CreditMemo", "202", "20", "20", payment_id="203", date=None)
    by_deposit = settled_by("Deposit", "204", "5", "5")
    duplicate = Duplicate(qbo_id="301", copy_id="8", date=DAY_BEFORE, amount=dollars(100), account="1", pays=("1", "2"))
    return {
        "name_taken": [
            *(
                problems.name_taken(wanted, one, free)
                for wanted in (CUSTOMER, SUB_CUSTOMER, PRODUCT, ITEM)
                for free in (None, "Lakeside Dental (2)")
                for one in (
                    holder("Vendor"),
                    holder("Employee", active=False),
                    holder("Customer", qbo_id="21"),
                    holder("Customer", active=False, parent_id="21", parent_name="Lakeside Dental"),
                    holder("Customer", parent_id="22"),
                    holder("Customer", linked_to=ACCOUNT_NAME),
                    holder("Customer", name="Lakeside", linked_to=PAIR_NAME),
                    holder("Item", usable=False),
                    holder("Item", active=False),
                    holder("Item", name="Crown", linked_to=PRODUCT_NAME),
                    holder("Item", name="Tax", linked_to=TAX_NAME),
                )
            ),
        ],
        "name_reserved": [
            problems.name_reserved("Tax", TAX_ITEM, "Tax (Pilot)"),
            problems.name_reserved("Lab Credit", CREDIT_ITEM, None),
        ],
        "lookup_refused": [problems.lookup_refused(REFUSED_LOOKUP)],
        "foreign_name_match": [problems.foreign_name_match("customer", "Lakeside", "EUR")],
        "foreign_transaction": [problems.foreign_transaction("Invoice 1042", "EUR", "USD")],
        "foreign_customer": [problems.foreign_customer("Invoice 1042", FOREIGN, "USD")],
        "unreadable": [
            problems.unreadable("The invoice with QuickBooks id 145", {"code": "5030"}),
            problems.unreadable("The invoice with QuickBooks id 145", {"code": MALFORMED, "fault": "no TotalAmt"}),
        ],
        "customer_not_linked": [problems.customer_not_linked("Invoice 1042 of $100.00", "21", "Lakeside")],
        "customer_changed": [
            problems.customer_changed("Invoice 1042", "Lakeside", "21", "North", document="invoice"),
            problems.customer_changed("Invoice 1042", "Lakeside", "21", "North", document="invoice", linked=False),
            problems.customer_changed(noun, "Lakeside", "21", "North", document="credit"),
            problems.customer_changed(noun, "Lakeside", "21", "North", document="credit", linked=False),
        ],
        "customer_changed_in_lms": [problems.customer_changed_in_lms("Invoice 1042", "North")],
        "books_closed": [
            problems.books_closed("Invoice 1042", DAY, DAY_AFTER, operation)
            for operation in ("create", "update", "delete")
        ],
        "total_mismatch": [problems.total_mismatch("1042", dollars(100), dollars("99.99"))],
        "ambiguous_in_quickbooks": [problems.ambiguous_in_quickbooks(INVOICE, ["145", "146"])],
        "ambiguous_in_lms": [
            problems.ambiguous_in_lms(THERE, "1042", [("1", "$100.00, Lakeside"), ("2", "$90.00, North")])
        ],
        "number_taken": [problems.number_taken(THERE, "1042", "Bright Dental Lab", "7", dollars(80), DAY_BEFORE)],
        "invoice_deleted_in_lms": [problems.invoice_deleted_in_lms("1042", CHANGED)],
        "invoice_deleted_in_quickbooks": [problems.invoice_deleted_in_quickbooks(INVOICE)],
        "invoice_changed_on_both_sides": [
            problems.invoice_changed_on_both_sides(INVOICE, CHANGED),
            problems.invoice_changed_on_both_sides(INVOICE, None),
        ],
        "deleted_in_quickbooks": [problems.deleted_in_quickbooks(noun)],
        "money_deleted_in_lms": [problems.money_deleted_in_lms(payment, PAID_OTHERWISE)],
        "credit_changed_on_both_sides": [problems.credit_changed_on_both_sides(noun, dollars(70), dollars(90))],
        "applied_otherwise": [
            problems.applied_otherwise(noun, applications("20", "10"), applications("25")),
            problems.applied_otherwise(noun, applications("20", "10"), applications("30")),
        ],
        "received_with_credit": [problems.received_with_credit(noun, payment_in_quickbooks(PAID))],
        "payment_deleted_in_quickbooks": [problems.payment_deleted_in_quickbooks(PAID)],
        "payment_changed_on_both_sides": [
            problems.payment_changed_on_both_sides(PAID, PAID_OTHERWISE, "North"),
            problems.payment_changed_on_both_sides(
                PAID, replace(PAID_OTHERWISE, customer=RecordKey("billing_account", "2")), "North"
            ),
            problems.payment_changed_on_both_sides(PAID, None, "North"),
        ],
        "applications_taken_back": [
            problems.applications_taken_back(PAID, PAID_OTHERWISE, dollars(90), dollars("12.34"))
        ],
        "less_open": [
            problems.less_open(payment, [(dollars(30), balance("30"))]),
            problems.less_open(payment, [(dollars("30.01"), balance("30"))]),
            problems.less_open(payment, [(dollars(30), balance("0.50", by_deposit))]),
            problems.less_open(payment, [(dollars(30), balance("0", by_payment, by_credit))]),
            problems.less_open(payment, [(dollars(30), balance("20", by_payment)), (dollars(5), balance("0"))]),
            problems.less_open(payment, [(dollars(5), balance("5")), (dollars(30), balance("20", by_payment))]),
            problems.less_open(payment, [(dollars(30), balance("0", by_deposit, voided=True))]),
            problems.less_open(payment, [(dollars(30), balance("0", by_payment, by_deposit))], held_by="201"),
            problems.less_open(payment, [(dollars(90), balance("0", by_payment, by_credit))], held_by="201"),
            problems.less_open(payment, [(dollars(90), balance("0", by_payment, by_credit))], held_by="203"),
            problems.less_open(payment, [(dollars(90), balance("0", by_payment, by_credit))], held_by="202"),
        ],
        "less_left": [
            problems.less_left(noun, dollars(50), dollars("12.50")),
            problems.less_left(noun, dollars(50), dollars("0.50")),
            problems.less_left(noun, dollars(50), ZERO),
        ],
        "possible_duplicate": [
            problems.possible_duplicate(PAID, duplicate, ["1042"]),
            problems.possible_duplicate(PAID, replace(duplicate, copy_id=None), ["1042", "1043"]),
            problems.possible_duplicate(PAID, duplicate, ["1042"], shared=False),
        ],
        "unsynced_application": [
            problems.unsynced_application(payment_in_quickbooks(PAID), lines)
            for lines in (
                [LINE],
                [UNKNOWN_INVOICE, LINE],
                [replace(LINE, kind="Prepayment")],
                [CREDIT_LINE],
                [CREDIT_LINE, UNKNOWN_INVOICE],
                [CREDIT_LINE, replace(CREDIT_LINE, qbo_id="80")],
            )
        ],
        "refused_by_lms": [problems.refused_by_lms("Invoice 1042", "value too long", {"constraint": "number"})],
        "mass_delete_held": [
            problems.mass_delete_held("invoices", 1200, 4000, to_quickbooks=to_quickbooks)
            for to_quickbooks in (True, False)
        ],
    }


def test_every_problem_is_said_as_it_stands_in_the_file() -> None:
    written = "\n".join(f"[{name}]\n\n" + "\n".join(as_text(one) for one in said) for name, said in cases().items())
    if os.environ.get("GOLDEN") == "write":
        FILE.write_text(written)
    assert written == FILE.read_text()


def as_text(problem: Problem | None) -> str:
    if problem is None:
        return "no problem\n"
    detail = simplejson.dumps(_plain(problem.detail), ensure_ascii=False, sort_keys=True)
    causes = ", ".join(problem.causes) or "-"
    return f"{problem.code}\n  {problem.message}\n  {problem.resolution}\n  {detail}\n  causes: {causes}\n"


def _plain(value: Any) -> Any:
    """Amounts as they are told; a float would be shown as none."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    assert value is None or isinstance(value, str | int | bool), value
    return value


def test_no_problem_is_left_out_and_each_code_is_documented() -> None:
    spoken = cases()
    functions = {
        name
        for name, function in inspect.getmembers(problems, inspect.isfunction)
        if function.__module__ == problems.__name__ and not name.startswith("_") and name not in ("day", "named")
    }
    assert spoken.keys() == functions
    codes = {one.code for said in spoken.values() for one in said if one}
    assert codes - {"qbo_6000"} <= set(error_codes.ENTRIES)


def test_a_code_leads_to_its_own_words_or_to_those_of_all_others_of_its_kind() -> None:
    codes = ("name_taken", "qbo_6000", "qbo_…", "http_…", "qbo_9999", "http_418")
    there = ["name_taken", "qbo_6000" if "qbo_6000" in error_codes.ENTRIES else "qbo_other"]
    assert [error_codes.anchor(code) for code in codes] == [
        *there,
        "qbo_other",
        "http_other",
        "qbo_other",
        "http_other",
    ]
