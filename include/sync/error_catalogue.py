"""Every message of a sync error with an example, so that all of them can be read at once.

`python -m include.sync.error_catalogue` prints the entries of docs/errors.md: what each code means, who acts, what
happens then, and the messages that it comes with. A test compares the page with this.
"""

import textwrap
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from include.expectations.check import check
from include.model.customer import Customer
from include.model.invoice import Invoice, InvoiceLine
from include.model.money import NO_NUMBER, ZERO
from include.model.payment import Application, Credit, CreditApplication, Payment
from include.model.problem import Problem
from include.model.product import Product
from include.model.record import CREDIT_ITEM, TAX_ITEM, Entity, RecordKey, Side
from include.model.staged import (
    Duplicate,
    ForeignCustomer,
    LmsName,
    NamedRecord,
    OpenBalance,
    OtherLine,
    QboInvoice,
    QboPayment,
    RefusedLookup,
    SettledBy,
    WantedName,
)
from include.qbo.faults import Fault, malformed
from include.sync import fault_words
from include.sync.plan import names, problems
from include.sync.plan.error_codes import ENTRIES, anchor

# The records that the examples are about.

_DAY, _LATER, _CLOSED = date(2026, 6, 15), date(2026, 6, 22), date(2026, 6, 30)
_FIRST_VERSION = "0"
_CUSTOMER = RecordKey("billing_account", "7")
_LINE = InvoiceLine(product=RecordKey("product", "3"), quantity=Decimal(1), unit_price=Decimal(33), amount=Decimal(33))
_INVOICE = Invoice(number="1042", date=_DAY, customer=_CUSTOMER, lines=(_LINE,), total=Decimal(33))
_QBO_INVOICE = QboInvoice(
    qbo_id="145",
    sync_token=_FIRST_VERSION,
    number="1042",
    date=_DAY,
    due_date=None,
    customer_id="58",
    customer_name="Lakeside Dental",
    currency="USD",
    lines=(),
    discount=ZERO,
    shipping=ZERO,
    own_tax=ZERO,
    total=Decimal(80),
    balance=Decimal(80),
    memo=None,
    voided=False,
    lines_lost=False,
)
_PAYMENT = Payment(date=_DAY, customer=_CUSTOMER, amount=Decimal(50))
_QBO_PAYMENT = QboPayment(
    qbo_id="150",
    sync_token=_FIRST_VERSION,
    date=_DAY,
    customer_id="58",
    customer_name="Lakeside Dental",
    currency="USD",
    amount=Decimal(50),
    money_applied=Decimal(50),
    invoices={},
    other_lines=(),
    method_id=None,
    lines_lost=False,
)
_CREDIT = Credit(date=_DAY, customer=_CUSTOMER, amount=Decimal(20))
_THE_INVOICE = "Invoice 1042"
_THE_PAYMENT = problems.named("payment", _PAYMENT.amount, _DAY)
_THE_CREDIT = problems.named("credit", _CREDIT.amount, _DAY)
_THE_APPLIED_CREDIT = problems.named("applied credit", _CREDIT.amount, _DAY)
_NAME = "Lakeside Dental"


def examples() -> list[Problem]:
    """Each message once, in the order of the error codes."""
    found = [*_from_checks(), *_from_the_planner(), *_from_quickbooks()]
    order = {code: position for position, code in enumerate(ENTRIES)}
    return sorted(found, key=lambda problem: order.get(problem.code, len(order)))


# ------------------------------------------------------------------ checks before writing


def _from_checks() -> Iterator[Problem]:
    for entity, side, records in _BROKEN:
        by_id = {str(position): record for position, record in enumerate(records)}
        found = check(entity, side, by_id)
        for record_id in by_id:
            # Of several problems of a record the first is reported.
            yield found[record_id][0]


_applied = Application(invoice=RecordKey("invoice", "1"), amount=Decimal(60))
_negative = Application(invoice=RecordKey("invoice", "1"), amount=Decimal(-5))

#: Records that break each expectation once.
_BROKEN: tuple[tuple[Entity, Side, tuple[Any, ...]], ...] = (
    (
        "billing_account",
        "qbo",
        (
            Customer(name=""),
            Customer(name="Lakeside Dental " * 32),
            Customer(name="Lakeside: Dental"),
            Customer(name=_NAME, email="office(at)lakeside"),
            Customer(name=_NAME, email=f"{'o' * 90}@lakeside.example"),
            Customer(name=_NAME, phone="555-0100 or 555-0101 or 555-0102"),
        ),
    ),
    ("product", "qbo", (Product(name="Zirconia Crown " * 8),)),
    (
        "invoice",
        "qbo",
        (
            replace(_INVOICE, number=" "),
            replace(_INVOICE, number="2026-LAKESIDE-DENTAL-1042"),
            replace(_INVOICE, lines=()),
            replace(_INVOICE, lines=(replace(_LINE, product=None),)),
            replace(_INVOICE, tax=Decimal(-3)),
            replace(_INVOICE, discount=Decimal(40)),
            replace(_INVOICE, total=Decimal(-7)),
            replace(_INVOICE, total=NO_NUMBER),
            replace(_INVOICE, date=date(202, 6, 15)),
            replace(_INVOICE, shipping=Decimal(100_000_000_000)),
        ),
    ),
    (
        "payment",
        "qbo",
        (
            replace(_PAYMENT, amount=Decimal(-50)),
            replace(_PAYMENT, applications=(_negative,)),
            replace(_PAYMENT, applications=(_applied,)),
        ),
    ),
    (
        "credit_application",
        "qbo",
        (CreditApplication(date=_DAY, customer=_CUSTOMER, credit=RecordKey("credit", "5"), applications=(_negative,)),),
    ),
    (
        "invoice",
        "lms",
        (
            replace(_INVOICE, total=Decimal(30)),
            replace(_INVOICE, lines=(replace(_LINE, amount=Decimal(-33)),), total=Decimal(-33)),
            replace(_INVOICE, lines=(replace(_LINE, quantity=Decimal(10**10)),)),
        ),
    ),
    (
        "payment",
        "lms",
        (
            replace(_PAYMENT, amount=Decimal(10**10)),
            replace(_PAYMENT, applications=(_negative,)),
            replace(_PAYMENT, applications=(_applied,)),
        ),
    ),
)


# ------------------------------------------------------------------ plans


_ROE = "Dr. Jane Roe DDS"
_OF_THE_MAIN_CUSTOMER = WantedName(noun="sub-customer", name=_ROE, account=_ROE, parent_id="58")
_MAIN_OFFICE = WantedName(noun="sub-customer", name="Main Office", account=_NAME, parent_id="58")
_OTHER_MAIN_OFFICE = LmsName(key=RecordKey("doctor_office", "9"), name="Main Office", account="Hillside Dental")
_CROWN = LmsName(key=RecordKey("product", "3"), name="Zirconia Crown")


def _bearer(name: str, kind: str = "Customer", **more: Any) -> NamedRecord:
    return NamedRecord(kind=kind, qbo_id="31", sync_token=_FIRST_VERSION, name=name, active=True, **more)


#: Names that are taken, and by whom.
_TAKEN: tuple[tuple[WantedName, NamedRecord], ...] = (
    (_OF_THE_MAIN_CUSTOMER, replace(_bearer(_ROE), qbo_id="58")),
    (_MAIN_OFFICE, _bearer("Main Office", parent_id="9", linked_to=_OTHER_MAIN_OFFICE)),
    (_MAIN_OFFICE, _bearer("Main Office", parent_id="9", parent_name="Hillside Dental")),
    (_MAIN_OFFICE, _bearer("Main Office")),
    *(
        (WantedName(noun="customer", name=_NAME), bearer)
        for bearer in (
            _bearer(_NAME, "Vendor"),
            _bearer(_NAME, "Employee"),
            replace(_bearer(f"{_NAME} (deleted)"), active=False),
            _bearer(_NAME, linked_to=LmsName(key=_CUSTOMER, name=_NAME)),
        )
    ),
    (WantedName(noun="product", name="ZIRCONIA CROWN"), _bearer("Zirconia Crown", "Item", linked_to=_CROWN)),
    (WantedName(noun="product", name="Crowns"), _bearer("Crowns", "Item", usable=False)),
    (WantedName(noun="item", name="Tax"), replace(_bearer("Tax (deleted)", "Item"), active=False)),
)


def _from_the_planner() -> Iterator[Problem]:
    for wanted, bearer in _TAKEN:
        yield problems.name_taken(wanted, bearer, next(iter(names.proposals(wanted, [bearer])), None))
    for name, special in (("Tax", TAX_ITEM), ("lab credit", CREDIT_ITEM)):
        reserved = WantedName(noun="product", name=name)
        yield problems.name_reserved(name, special, names.proposals(reserved, ())[0])
    yield problems.lookup_refused(RefusedLookup(name="Smile ☺ Dental", fault={}))
    yield problems.foreign_name_match("customer", "Toronto Dental", "CAD")
    yield problems.foreign_transaction(_THE_INVOICE, "CAD", "USD")
    yield problems.foreign_customer(_THE_INVOICE, ForeignCustomer(name="Toronto Dental", currency="CAD"), "USD")
    yield problems.unreadable("The invoice with QuickBooks id 145", {})
    yield problems.unreadable("The payment with QuickBooks id 150", malformed("TotalAmt is not a number").as_detail())
    yield problems.customer_not_linked(f"{_THE_INVOICE} of $80.00", "58", _NAME)
    yield problems.customer_changed(_THE_INVOICE, _NAME, "61", "Hilltop Dental", document="invoice")
    yield problems.customer_changed(_THE_CREDIT, _NAME, "62", "Walk-in Repairs", document="credit", linked=False)
    yield problems.customer_changed_in_lms(_THE_INVOICE, "Hilltop Dental")
    yield problems.books_closed(_THE_INVOICE, _DAY, _CLOSED, "create")
    yield problems.books_closed(_THE_CREDIT, _DAY, _CLOSED, "update")
    yield problems.books_closed(_THE_INVOICE, _DAY, _CLOSED, "delete")
    yield problems.total_mismatch("1042", Decimal("33.00"), Decimal("33.01"))
    yield problems.ambiguous_in_quickbooks(_INVOICE, ["145", "146"])
    yield problems.ambiguous_in_lms(
        _QBO_INVOICE, "1042", [("12", "Second Lab: $33.00 for Lakeside Dental, dated 06/15/2026 (id 12)")]
    )
    yield problems.number_taken(_QBO_INVOICE, "1042", "Bright Dental Lab", "12", Decimal(33), _DAY)
    changed = replace(_INVOICE, total=Decimal(40))
    yield problems.invoice_deleted_in_lms("1042", changed)
    yield problems.invoice_deleted_in_quickbooks(_INVOICE)
    yield problems.invoice_changed_on_both_sides(_INVOICE, changed)
    yield problems.deleted_in_quickbooks(_THE_PAYMENT)
    applied = [Application(invoice=RecordKey("invoice", "12"), amount=Decimal(20))]
    yield problems.applied_otherwise(_THE_APPLIED_CREDIT, applied, [])
    yield problems.received_with_credit(_THE_APPLIED_CREDIT, _QBO_PAYMENT)
    yield problems.money_deleted_in_lms(_THE_PAYMENT, _PAYMENT)
    yield problems.credit_changed_on_both_sides(_THE_CREDIT, Decimal(20), Decimal(25))
    yield problems.payment_deleted_in_quickbooks(_PAYMENT)
    less = replace(_PAYMENT, amount=Decimal(45))
    yield problems.payment_changed_on_both_sides(_PAYMENT, less, _NAME)
    yield problems.applications_taken_back(_PAYMENT, less, Decimal(45), Decimal(50))
    entry = OtherLine(kind="JournalEntry", qbo_id="160", amount=Decimal(20), linked=())
    memo = OtherLine(kind="CreditMemo", qbo_id="161", amount=Decimal(30), linked=())
    yield problems.unsynced_application(_QBO_PAYMENT, [entry])
    yield problems.unsynced_application(_QBO_PAYMENT, [memo])
    yield problems.refused_by_lms(_THE_INVOICE, "value too long for type character varying(30)", {})
    yield problems.mass_delete_held("invoices", 240, 1000, to_quickbooks=True)
    yield problems.mass_delete_held("payments", 240, 1000, to_quickbooks=False)


# ------------------------------------------------------------------ QuickBooks' answers


def _from_quickbooks() -> Iterator[Problem]:
    for code in fault_words.WORDS:
        yield fault_words.explain(_fault(code, _SAYS.get(code, "")), _EXAMPLE_OF.get(code, _THE_INVOICE))
    in_use = fault_words.explain(_fault("6140"), _THE_INVOICE)
    holder = "the invoice of $150.00 for Walk-in Repairs, dated 05/05/2026"
    yield fault_words.number_in_use(in_use, _THE_INVOICE, holder, "Invoice", "99")
    product = "Product “Zirconia Crown”"
    yield fault_words.item_name_in_use(fault_words.explain(_fault("6240"), product), product)
    refused_link = fault_words.explain(_fault("620"), _THE_PAYMENT)
    yield fault_words.different_customers(refused_link, _THE_PAYMENT, _NAME, ["invoice 1042 is for “Dr. Sub”"])
    fault = _fault("6000", "The amount that you applied is more than the amount that is open.")
    yield fault_words.explain(fault, _THE_PAYMENT)
    paid = SettledBy(kind="Payment", qbo_id="190", payment_id="190", date=_DAY, amount=Decimal(50), applied=Decimal(50))
    credited = SettledBy(
        kind="CreditMemo", qbo_id="191", payment_id="192", date=_DAY, amount=Decimal(100), applied=Decimal(100)
    )
    invoice = OpenBalance(
        qbo_id="145", number="1042", total=Decimal(150), balance=Decimal(100), voided=False, settled_by=(paid,)
    )
    settled = replace(invoice, balance=ZERO, settled_by=(paid, credited))
    for open_balance in (invoice, settled, replace(invoice, voided=True)):
        less_open = problems.less_open(problems.named("payment", Decimal(150), _LATER), [(Decimal(150), open_balance)])
        if less_open:
            yield less_open
    yield fault_words.memo_in_use(fault_words.explain(fault, _THE_CREDIT), _THE_CREDIT, Decimal(20))
    yield problems.less_left(_THE_APPLIED_CREDIT, Decimal(60), Decimal(20))
    twin = Duplicate(qbo_id="190", copy_id=None, date=_DAY, amount=_PAYMENT.amount, account="1", pays=("12",))
    yield problems.possible_duplicate(_PAYMENT, twin, ["1042"])
    yield problems.possible_duplicate(_PAYMENT, twin, ["1042"], shared=False)
    inactive = fault_words.explain(
        _fault("2500", "Something you're trying to use has been made inactive."), _THE_CREDIT
    )
    yield inactive
    yield fault_words.inactive(inactive, _THE_INVOICE, [f"the customer “{_NAME}”"])
    for code in ("610", "2500"):
        yield fault_words.explain(_fault(code, "Object Not Found."), _THE_INVOICE)
    missing = fault_words.explain(_fault("610", "Object Not Found."), _THE_PAYMENT)
    linked_invoice = {"TxnId": "145", "TxnType": "Invoice", "Amount": Decimal(33)}
    linked_memo = {"TxnId": "161", "TxnType": "CreditMemo", "Amount": Decimal(20)}
    yield fault_words.applied_to_deleted(missing, _THE_PAYMENT, [linked_invoice])
    yield fault_words.applied_to_deleted(missing, _THE_APPLIED_CREDIT, [linked_memo])
    yield fault_words.not_taken_over(_THE_PAYMENT, Decimal(40), {})
    yield fault_words.not_deleted(_THE_CREDIT)
    yield fault_words.explain(_fault("9999", "The line item tax code is not valid."), _THE_INVOICE)
    yield fault_words.explain(Fault(status=413, code="", message="Request Entity Too Large.", detail=""), _THE_INVOICE)


#: Records that the fault can be about, where invoices are not the ones.
_EXAMPLE_OF = {
    "620": _THE_PAYMENT,
    "6240": f"Customer “{_NAME}”",
    "2040": f"Customer “{_NAME}”",
    "2210": f"Customer “{_NAME}”",
    "6540": _THE_PAYMENT,
}


#: What QuickBooks says, where the message quotes it.
_SAYS = {
    "2050": "The memo exceeds the maximum number of characters.",
    "6070": "The amount of a line is not equal to its quantity multiplied by its unit price.",
    "5030": "This feature is not included in the company's subscription.",
}


def _fault(code: str, detail: str = "") -> Fault:
    return Fault(status=400, code=code, message="", detail=detail)


# ------------------------------------------------------------------ the page


def as_markdown() -> str:
    """The entries of docs/errors.md, after links to each."""
    by_anchor: dict[str, list[Problem]] = defaultdict(list)
    for problem in examples():
        by_anchor[anchor(problem.code)].append(problem)
    parts = ["", _wrapped(" · ".join(f"[{code}](#{anchor(code)})" for code in ENTRIES), ""), ""]
    for code, entry in ENTRIES.items():
        parts += [f'<a id="{anchor(code)}"></a>', "", f"### `{code}`", "", _wrapped(entry.means, ""), ""]
        for head, words in (
            ("Who acts", f"{entry.who}."),
            ("What to do", entry.to_do),
            ("What happens then", entry.then),
        ):
            parts.append(_wrapped(f"- **{head}**: {words}", "  "))
        parts += ["", "What it says, for example:", ""]
        for problem in by_anchor[anchor(code)]:
            parts += [_wrapped(f"> {problem.message}", "> "), ">", _wrapped(f"> *{problem.resolution}*", "> "), ""]
    return "\n".join(parts)


def _wrapped(words: str, rest: str) -> str:
    return textwrap.fill(words, 120, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    import sys

    sys.stdout.write(as_markdown())
