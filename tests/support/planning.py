"""Records as a run has them in hand, a lab's settings around them, and the plan for each: pure, without a database.

`plan` is what the step `transform` does with one record: its entity's planner, then the guards. `assert_sound` is what
holds for every plan, whatever the record.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, get_args

from include.model.invoice import Invoice, InvoiceLine
from include.model.money import ZERO
from include.model.payment import Application, Credit, CreditApplication, Payment, ordered
from include.model.plan import WRITES, Cause, Plan, Step
from include.model.problem import Problem
from include.model.record import LISTS, TAX_ITEM, Direction, Entity, Operation, Owner, RecordKey, Side
from include.model.settings import CompanyPreferences, LabSettings
from include.model.staged import (
    Fetched,
    ForeignCustomer,
    Link,
    LmsInvoice,
    LmsPayment,
    OtherLine,
    Payer,
    QboInvoice,
    QboInvoiceLine,
    QboPayment,
    RefusedLookup,
    StagedRecord,
    Version,
)
from include.sync.plan import credit, customer, invoice, payment, product
from include.sync.plan.guards import Subject, guarded
from tests.support.settings import LAB

DAY = date(2026, 6, 1)
DAY_BEFORE, DAY_AFTER = date(2026, 5, 31), date(2026, 6, 2)
ACCOUNT = RecordKey("billing_account", "1")
PAYER = Payer(key=ACCOUNT, owner=Owner("1"))
MISSING = RecordKey("product", "77")
UNCONFIRMED = Version(qbo_id="501", sync_token="3")
REFUSED_LOOKUP = RefusedLookup(name="1042", fault={"code": "4000"})
FOREIGN = ForeignCustomer(name="Lakeside", currency="EUR")

#: What QuickBooks answered to the question what it has now.
DELETED: Fetched[Any] = Fetched()
REFUSED: Fetched[Any] = Fetched(refused={"code": "5030"})

#: Rule 1 once more, by hand: what may be written of an entity to a side.
FLOWS: Mapping[Entity, Mapping[Side, set[Operation]]] = {
    "billing_account": {"qbo": {"create"}, "lms": set()},
    "doctor_office": {"qbo": {"create", "update"}, "lms": set()},
    "product": {"qbo": {"create"}, "lms": set()},
    "special_item": {"qbo": {"create"}, "lms": set()},
    "invoice": {"qbo": {"create", "delete"}, "lms": {"create", "update", "delete"}},
    "credit": {"qbo": {"create", "update", "delete"}, "lms": set()},
    "credit_application": {"qbo": {"create", "update", "delete"}, "lms": set()},
    "payment": {"qbo": {"create", "update", "delete"}, "lms": {"create", "update", "delete"}},
}


def dollars(amount: str | int) -> Decimal:
    """An amount to the cent."""
    return Decimal(amount).quantize(Decimal("0.01"))


# ------------------------------------------------------------------ settings


def lab_with(
    direction: str = "both",
    *,
    start: date | None = None,
    closed: date | None = None,
    own_numbers: bool = True,
    home: str | None = "USD",
    receiving_lab: int | None = 1,
) -> LabSettings:
    """A lab whose switches are all on. `own_numbers`: QuickBooks keeps the lab's invoice numbers."""
    return LabSettings(
        connection=replace(LAB, direction=direction, sync_start_date=start),
        preferences=CompanyPreferences(
            custom_transaction_numbers=own_numbers, book_close_date=closed, home_currency=home
        ),
        receiving_lab=receiving_lab,
    )


def flows(lab: LabSettings, entity: Entity, side: Side, operation: Operation) -> bool:
    """Whether rule 1 and the lab's direction let it be written there."""
    towards = {"qbo": "lms_to_qbo", "lms": "qbo_to_lms"}[side]
    return lab.connection.direction in (towards, "both") and operation in FLOWS[entity][side]


# ------------------------------------------------------------------ records


def staged(
    entity: Entity,
    direction: Direction,
    context: Any,
    *,
    link: Link[Any] | None = None,
    lms: Any = None,
    qbo: Fetched[Any] | None = None,
) -> StagedRecord[Any, Any, Any, Any]:
    """A record in the hands of a run; LMS id 1, QuickBooks id 101."""
    return StagedRecord(
        entity=entity,
        record_id="1" if direction == "lms_to_qbo" else "101",
        direction=direction,
        billing_lab_id=1,
        generation=1,
        link_version=1 if link else None,
        link=link,
        lms=lms,
        qbo=qbo,
        context=context,
    )


def linked(base: Any) -> Link[Any]:
    """LMS record 1 is QuickBooks' record 101. `base`: what was agreed on; None: linked by hand."""
    return Link(lms_id="1", qbo_id="101", base=base, sync_token="2")


def an_invoice(
    total: str | int | Decimal = 100,
    *,
    origin: str = "lms",
    discount: Decimal = ZERO,
    shipping: Decimal = ZERO,
    tax: Decimal = ZERO,
    on: date = DAY,
) -> Invoice:
    """Invoice 1042 of one line, which makes up the total."""
    total = total if isinstance(total, Decimal) else dollars(total)
    amount = total + discount - shipping - tax
    line = InvoiceLine(
        product=RecordKey("product", "1"),
        quantity=Decimal("1.000"),
        unit_price=amount,
        amount=amount,
        description="Crown",
    )
    return Invoice(
        number="1042",
        date=on,
        customer=ACCOUNT,
        lines=(line,) if amount else (),
        total=total,
        discount=discount,
        shipping=shipping,
        tax=tax,
        origin=origin,
        owner=PAYER.owner,
    )


def invoice_in_quickbooks(
    like: Invoice,
    *,
    balance: Decimal | None = None,
    voided: bool = False,
    lines_lost: bool = False,
    currency: str | None = "USD",
    qbo_id: str = "101",
) -> QboInvoice:
    """The invoice as QuickBooks has it: its tax is a line with the item `Tax`."""
    lines = [
        QboInvoiceLine(
            item_id="31",
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
            description=line.description,
        )
        for line in like.lines
    ]
    if like.tax:
        lines.append(QboInvoiceLine(item_id="32", quantity=Decimal(1), unit_price=like.tax, amount=like.tax))
    return QboInvoice(
        qbo_id=qbo_id,
        sync_token="3",
        number=like.number,
        date=like.date,
        due_date=like.due_date,
        customer_id="21",
        customer_name="Lakeside",
        currency=currency,
        lines=() if lines_lost else tuple(lines),
        discount=like.discount,
        shipping=like.shipping,
        own_tax=ZERO,
        total=like.total,
        balance=like.total if balance is None else balance,
        memo=like.memo,
        voided=voided,
        lines_lost=lines_lost,
    )


def number_match(
    lms_id: str,
    *,
    is_linked: bool = False,
    lab_id: int = 1,
    lab: str = "Lab",
    total: str | int | Decimal = 100,
    on: date = DAY,
) -> invoice.NumberMatch:
    """An invoice of Lakeside's in the LMS with the number of one that is new in QuickBooks."""
    return invoice.NumberMatch(
        lms_id=lms_id,
        lab_id=lab_id,
        lab=lab,
        linked=is_linked,
        customer=ACCOUNT,
        customer_name="Lakeside",
        date=on,
        total=Decimal(total),
    )


#: The items of `invoice_in_quickbooks`.
ITEMS = {"31": RecordKey("product", "1"), "32": TAX_ITEM}


def applied(**amounts: str | int | Decimal) -> tuple[Application, ...]:
    """Applications by invoice: `applied(i1=30, i2="12.50")`."""
    return tuple(
        Application(
            invoice=RecordKey("invoice", name[1:]), amount=amount if isinstance(amount, Decimal) else dollars(amount)
        )
        for name, amount in amounts.items()
    )


def a_payment(amount: str | int = 100, *, on: date = DAY, **amounts: str | int | Decimal) -> Payment:
    """A payment with its applications by invoice."""
    applications = ordered(list(applied(**amounts)))
    return Payment(date=on, customer=ACCOUNT, amount=dollars(amount), applications=applications, owner=PAYER.owner)


def payment_in_quickbooks(
    like: Payment,
    *,
    besides: Mapping[str, Decimal] | None = None,
    other_lines: tuple[OtherLine, ...] = (),
    currency: str | None = "USD",
) -> QboPayment:
    """The payment as QuickBooks has it: the LMS's invoice 1 is invoice q1 there. `besides`: further invoices."""
    invoices = {f"q{one.invoice.id}": one.amount for one in like.applications} | dict(besides or {})
    return QboPayment(
        qbo_id="101",
        sync_token="3",
        date=like.date,
        customer_id="21",
        customer_name="Lakeside",
        currency=currency,
        amount=like.amount,
        money_applied=sum(invoices.values(), ZERO),
        invoices=invoices,
        other_lines=other_lines,
        method_id=None,
        lines_lost=False,
    )


def a_credit(amount: str | int = 50, *, on: date = DAY) -> Credit:
    """A credit."""
    return Credit(date=on, customer=ACCOUNT, amount=dollars(amount), owner=PAYER.owner)


def credit_applied(*, on: date = DAY, **amounts: str | int | Decimal) -> CreditApplication:
    """What credit 1 is applied to."""
    return CreditApplication(
        date=on,
        customer=ACCOUNT,
        credit=RecordKey("credit", "1"),
        applications=applied(**amounts),
        owner=PAYER.owner,
    )


# ------------------------------------------------------------------ plans

Row = StagedRecord[Any, Any, Any, Any]
_PLANNERS: Mapping[Entity, Callable[[Any, LabSettings], Plan[Any]]] = {
    "billing_account": customer.plan_customer,
    "doctor_office": customer.plan_customer,
    "product": product.plan_product,
    "special_item": product.plan_product,
    "invoice": invoice.plan_invoice,
    "credit": credit.plan_credit,
    "credit_application": credit.plan_application,
    "payment": payment.plan_payment,
}


def subject_of(record: Row) -> Subject:
    """What the guards need to know of it, as its entity says it."""
    currency = getattr(record.fetched, "currency", None)
    if record.entity == "invoice":
        return Subject(noun=invoice.noun(record), dated=invoice.dated(record), currency=currency)
    if record.entity == "payment":
        return Subject(noun=payment.noun(record), dated=payment.dated(record), currency=currency)
    if record.entity == "credit":
        return Subject(noun=credit.credit_noun(record), dated=credit.credit_dated(record))
    if record.entity == "credit_application":
        return Subject(noun="The application of a credit", dated=credit.application_dated(record))
    return Subject(noun="The record")


def plan(record: Row, lab: LabSettings) -> Plan[Any]:
    """Its entity's plan, after all guards."""
    return guarded(_PLANNERS[record.entity](record, lab), record, subject_of(record), lab)


def day_of(record: Row) -> date | None:
    """The day that counts (rule 1): the LMS's word, else what was agreed on, else QuickBooks'. Customers have none."""
    if record.entity in LISTS:
        return None
    lms = record.lms
    if isinstance(lms, LmsInvoice):
        lms = lms.invoice
    elif isinstance(lms, LmsPayment):
        lms = lms.payment
    known = lms or (record.link.base if record.link else None) or record.fetched
    return known.date if known else None


def assert_sound(made: Plan[Any], record: Row, lab: LabSettings) -> None:
    """What holds for every plan: nothing against the matrix, the direction, the start date or the closed books, nothing
    made twice, nothing done on what nobody can read, and a plan that the writers can carry out."""
    if made.step in WRITES:
        assert made.side is not None
        assert flows(lab, record.entity, made.side, made.step)  # type: ignore[arg-type]  # one of WRITES
    if made.step == "adopt":
        assert made.side is not None
        assert flows(lab, record.entity, made.side, "create"), "what may not be created is not adopted either"
    if made.step == "create":
        lost = record.entity == "credit_application" and record.qbo is not None and record.fetched is None
        assert record.link is None or lost, "a create for something linked"
    if made.step == "adopt":
        assert record.link is None
    if made.step in ("update", "delete", "rebase", "unlink"):
        assert record.link is not None
    _assert_complete(made)
    _assert_guarded(made, record, lab)


def _assert_complete(made: Plan[Any]) -> None:
    assert made.step in get_args(Step)
    assert isinstance(made.cause, Cause)
    assert made.side in (None, *get_args(Side))
    assert made.problem is None or isinstance(made.problem, Problem)
    assert (made.match is not None) == (made.step == "adopt")
    if made.step in ("create", "update", "adopt", "rebase"):
        assert made.target is not None
    if made.step in ("delete", "unlink", "nothing"):
        assert made.target is None
    if made.step in ("rebase", "unlink"):
        assert made.side is None, "only our own link"
    if made.step == "wait":
        assert made.waits_for is not None or made.wait_seconds > 0, "a wait for nothing"
        assert made.side is not None
    else:
        assert made.wait_seconds == 0
    if made.step == "fail":
        assert made.problem is not None
        assert made.side is not None
        assert made.cause is Cause.PROBLEM
    else:
        assert made.cause is not Cause.PROBLEM


def _assert_guarded(made: Plan[Any], record: Row, lab: LabSettings) -> None:
    dated, start, closed = day_of(record), lab.connection.sync_start_date, lab.preferences.book_close_date
    if dated and start and dated < start:
        assert (made.step, made.cause) == ("nothing", Cause.BEFORE_START_DATE)
    elif record.qbo and record.qbo.refused:
        assert made.step == "fail"
        assert made.problem is not None
        assert made.problem.code == "unreadable"
    if made.step == "create" and made.side == "qbo":
        assert not (dated and closed and dated <= closed), "a create in closed books"
        assert not record.known.unconfirmed, "a second one beside an unconfirmed create"
    if made.step in ("create", "update", "adopt") and made.side == "qbo" and record.direction == "lms_to_qbo":
        assert not record.known.foreign_customer
    if made.step in ("create", "update", "adopt") and made.side == "lms" and record.direction == "qbo_to_lms":
        assert getattr(record.fetched, "currency", None) in (lab.preferences.home_currency, None)
