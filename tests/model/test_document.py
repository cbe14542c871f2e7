"""Two versions of a record are compared as a bookkeeper would compare them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from include.model.document import (
    LINES_SHOWN,
    TEXT_SHOWN,
    Applied,
    Document,
    DocumentLine,
    as_detail,
    credit_label,
    differences,
    invoice_label,
    payment_label,
)

CROWN = DocumentLine(
    product="Crown", description="#14", quantity=Decimal("1.000"), unit_price=Decimal("100.00"), amount=Decimal(100)
)
PAID = Applied(document="Payment of 06/15/2026", amount=Decimal(40))
INVOICE = Document(
    kind="invoice",
    number="1042",
    date=date(2026, 6, 1),
    customer="Lakeside Dental",
    lines=(CROWN,),
    discount=Decimal(0),
    shipping=Decimal(0),
    tax=Decimal(0),
    total=Decimal(100),
    open_balance=Decimal(60),
    applied=(PAID,),
)
CUSTOMER = Document(kind="customer", name="Dr. Roe", parent="Lakeside Dental", email="a@b.example")


def test_alike_but_for_decimals_blanks_and_capitals_is_alike() -> None:
    theirs = replace(
        INVOICE,
        customer="lakeside  dental ",
        lines=(replace(CROWN, quantity=Decimal(1), unit_price=Decimal(100), product="CROWN"),),
        total=Decimal("100.00"),
    )
    assert differences(INVOICE, theirs) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "1043"),
        ("date", date(2026, 6, 2)),
        ("customer", "Harbor Dental"),
        ("lines", ()),
        ("lines", (CROWN, CROWN)),
        ("lines", (replace(CROWN, unit_price=Decimal(90)),)),
        ("lines", (replace(CROWN, product="Bridge"),)),
        ("customer", "LakesideDental"),
        ("discount", Decimal(5)),
        ("shipping", Decimal(5)),
        ("tax", Decimal(5)),
        ("total", Decimal("100.01")),
        ("open_balance", Decimal(100)),
        ("applied", ()),
        ("applied", (replace(PAID, amount=Decimal(30)),)),
        ("applied", (replace(PAID, document="Credit of 06/15/2026"),)),
    ],
)
def test_each_field_counts(field: str, value: Any) -> None:
    assert differences(INVOICE, replace(INVOICE, **{field: value})) == [field]


def test_several_are_named_in_the_order_of_a_document() -> None:
    theirs = replace(INVOICE, open_balance=Decimal(0), total=Decimal(90), number="1")
    assert differences(INVOICE, theirs) == ["number", "total", "open_balance"]


def test_what_a_side_does_not_have_is_no_difference() -> None:
    theirs = replace(INVOICE, due_date=date(2026, 7, 1), memo="by the bookkeeper", lines=None, applied=None)
    assert differences(INVOICE, theirs) == []


def test_the_order_of_what_is_applied_does_not_count() -> None:
    other = Applied(document="Credit of 06/01/2026", amount=Decimal(10))
    ours, theirs = replace(INVOICE, applied=(PAID, other)), replace(INVOICE, applied=(other, PAID))
    assert differences(ours, theirs) == []


def test_the_link_tells_whether_it_is_the_same_customer_and_not_the_name() -> None:
    renamed = replace(INVOICE, customer="Lakeside Dental LLC")
    assert differences(INVOICE, renamed, same_customer=True) == []
    assert differences(INVOICE, INVOICE, same_customer=False) == ["customer"]


def test_of_a_sub_customer_it_is_the_one_above_it() -> None:
    assert differences(CUSTOMER, replace(CUSTOMER, parent="Harbor Dental")) == ["parent"]
    assert differences(CUSTOMER, replace(CUSTOMER, parent="Lakeside LLC"), same_customer=True) == []
    assert differences(CUSTOMER, CUSTOMER, same_customer=False) == ["parent"]


@pytest.mark.parametrize("kind", ["payment", "credit"])
def test_a_reference_does_not_sync_and_is_no_difference(kind: str) -> None:
    ours = Document(kind=kind, number="check 17", total=Decimal(5))
    assert differences(ours, replace(ours, number="4711", total=Decimal(6))) == ["total"]


def test_the_detail_has_only_what_the_document_has() -> None:
    assert as_detail(Document(kind="payment", date=date(2026, 6, 1), total=Decimal("5.50"), applied=())) == {
        "kind": "payment",
        "date": "2026-06-01",
        "total": Decimal("5.50"),
        "applied": [],
    }


def test_a_long_document_is_cut_and_says_how_much_is_missing() -> None:
    long = replace(INVOICE, lines=(CROWN,) * (LINES_SHOWN + 12), applied=(PAID,) * LINES_SHOWN, memo="m" * 4000)
    detail = as_detail(long)
    assert (len(detail["lines"]), detail["more_lines"]) == (LINES_SHOWN, 12)
    assert len(detail["applied"]) == LINES_SHOWN and "more_applied" not in detail
    assert detail["memo"] == "m" * (TEXT_SHOWN - 1) + "…"
    wordy = as_detail(replace(INVOICE, lines=(replace(CROWN, description="d" * 4000),)))
    assert len(wordy["lines"][0]["description"]) == TEXT_SHOWN
    fits = "f" * TEXT_SHOWN
    assert as_detail(replace(INVOICE, memo=fits))["memo"] == fits
    paid_often = as_detail(replace(INVOICE, applied=(replace(PAID, document="d" * 4000),) * (LINES_SHOWN + 1)))
    assert (len(paid_often["applied"]), paid_often["more_applied"]) == (LINES_SHOWN, 1)
    assert len(paid_often["applied"][0]["document"]) == TEXT_SHOWN


def test_documents_are_named_as_people_name_them() -> None:
    assert invoice_label("1042") == "Invoice 1042"
    assert payment_label(date(2026, 6, 15)) == "Payment of 06/15/2026"
    assert credit_label(date(2026, 6, 1)) == "Credit of 06/01/2026"
    assert (payment_label(None), credit_label(None)) == ("Payment", "Credit")
