"""The plans from QuickBooks to the LMS, with generated states: an answer for each, and none against the rules."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from include.model.invoice import Invoice, InvoiceLine
from include.model.money import ZERO
from include.model.payment import Application, Payment, ordered
from include.model.record import RecordKey
from include.sync.plan.inbound import InboundPlan
from include.sync.plan.invoice_inbound import (
    Alike,
    InvoiceInbound,
    LmsInvoice,
    QboInvoice,
    plan_invoice_inbound,
    target_balance,
)
from include.sync.plan.payment_inbound import (
    LeftOut,
    PaymentInbound,
    QboPayment,
    plan_payment_inbound,
    within,
)

DAY = date(2026, 6, 1)
CUSTOMER = RecordKey("billing_account", "1")
directions = st.sampled_from(["lms_to_qbo", "qbo_to_lms", "both"])
starts = st.sampled_from([None, DAY, date(2026, 6, 2)])
amounts = st.sampled_from([ZERO, Decimal("10.00"), Decimal("25.50")])


@st.composite
def invoices(draw: st.DrawFn, origin: str) -> Invoice:
    price, discount, shipping, tax = (draw(amounts) for _ in range(4))
    line = InvoiceLine(product=None, quantity=Decimal("1.000"), unit_price=price + 30, amount=price + 30)
    total = line.amount - discount + shipping + tax
    return Invoice(
        number="1",
        date=DAY,
        customer=CUSTOMER,
        lines=(line,),
        total=total,
        discount=discount,
        shipping=shipping,
        tax=tax,
        origin=origin,
    )


@st.composite
def invoice_states(draw: st.DrawFn) -> InvoiceInbound:
    origin = draw(st.sampled_from(["lms", "qbo"]))
    linked = draw(st.booleans())
    lms = draw(st.none() | invoices(origin)) if linked else None
    theirs = draw(st.none() | invoices("qbo"))
    known = linked or draw(st.booleans())
    qbo = (
        theirs
        if theirs is None
        else QboInvoice(
            number="1",
            date=DAY,
            total=theirs.total,
            balance=theirs.total - draw(amounts),
            customer_id="7",
            customer_name="Lakeside",
            voided=False,
            lines_lost=draw(st.booleans()) and draw(st.booleans()),
            invoice=theirs if known else None,
        )
    )
    alike = [
        Alike(
            lms_id=str(n),
            lab_id=n,
            lab=f"Lab {n}",
            linked=draw(st.booleans()),
            customer=CUSTOMER,
            date=DAY,
            total=theirs.total if theirs and draw(st.booleans()) else Decimal("1.00"),
        )
        for n in range(draw(st.integers(0, 2)) if not linked else 0)
    ]
    return InvoiceInbound(
        linked=linked,
        base=draw(st.none() | invoices(origin)) if linked else None,
        lms=lms
        if lms is None
        else LmsInvoice(invoice=lms, billing_lab_id=1, balance=draw(amounts), not_in_quickbooks=draw(amounts)),
        qbo=qbo,
        direction=draw(directions),
        start_date=draw(starts),
        receiving_lab=1,
        alike=alike,
        on_its_way=draw(st.booleans()),
    )


def check_rules(plan: InboundPlan, linked: bool, direction: str) -> None:
    assert plan.reason
    assert (plan.action == "fail") <= (plan.problem is not None)
    if linked:
        assert plan.action not in ("create", "adopt")
    else:
        assert plan.action in ("create", "adopt", "nothing", "wait", "fail")
    if direction == "lms_to_qbo":
        assert plan.action not in ("create", "update", "delete", "adopt")


@settings(max_examples=400, deadline=None)
@given(invoice_states())
def test_an_invoice_has_a_plan_in_every_state_and_none_against_the_rules(now: InvoiceInbound) -> None:
    plan = plan_invoice_inbound(now)
    check_rules(plan, now.linked, now.direction)
    if plan.action == "adopt":
        assert [one.lms_id for one in now.alike if not one.linked] == [plan.lms_id]


@settings(max_examples=400, deadline=None)
@given(invoice_states())
def test_an_invoice_that_was_brought_in_step_stays_so(now: InvoiceInbound) -> None:
    plan = plan_invoice_inbound(now)
    if plan.action not in ("create", "update", "rebase") or now.qbo is None or now.qbo.invoice is None:
        return
    origin = now.lms.invoice.origin if now.lms else "qbo"
    theirs = replace(now.qbo.invoice, origin=origin)
    ahead = now.lms.not_in_quickbooks if now.lms else ZERO
    balance = target_balance(now.qbo.balance, ahead, voided=False)
    kept = now.lms.invoice if now.lms and plan.reason == "balance changed" else theirs
    after = replace(
        now,
        linked=True,
        base=theirs,
        lms=LmsInvoice(invoice=kept, billing_lab_id=1, balance=balance, not_in_quickbooks=ahead),
        alike=(),
    )
    assert plan_invoice_inbound(after).action == "nothing"


@st.composite
def payments(draw: st.DrawFn) -> Payment:
    amount = draw(amounts) + 30
    applied = [
        Application(invoice=RecordKey("invoice", str(n)), amount=draw(amounts) + 1)
        for n in range(draw(st.integers(0, 2)))
    ]
    return Payment(date=DAY, customer=CUSTOMER, amount=amount, applications=within(amount, applied))


@st.composite
def payment_states(draw: st.DrawFn) -> PaymentInbound:
    linked = draw(st.booleans())
    theirs = draw(st.none() | payments())
    qbo = (
        theirs
        if theirs is None
        else QboPayment(
            date=DAY,
            amount=theirs.amount if draw(st.integers(0, 4)) else ZERO,
            customer_id="7",
            customer_name="Lakeside",
            payment=theirs if linked or draw(st.booleans()) else None,
            coming=draw(st.sampled_from([(), (), ("9",)])),
            left_out=draw(st.sampled_from([(), (LeftOut(kind="CreditMemo", qbo_id="3", amount=Decimal(5)),)])),
        )
    )
    return PaymentInbound(
        linked=linked,
        base=draw(st.none() | payments()) if linked else None,
        lms=draw(st.none() | payments()) if linked else None,
        qbo=qbo,
        direction=draw(directions),
        start_date=draw(starts),
        ours=draw(st.integers(0, 5)) == 0,
        on_its_way=draw(st.booleans()),
    )


@settings(max_examples=400, deadline=None)
@given(payment_states())
def test_a_payment_has_a_plan_in_every_state_and_none_against_the_rules(now: PaymentInbound) -> None:
    plan = plan_payment_inbound(now)
    check_rules(plan, now.linked, now.direction)
    if now.ours:
        assert plan.action == "nothing"


@settings(max_examples=400, deadline=None)
@given(payment_states())
def test_a_payment_that_was_brought_in_step_stays_so(now: PaymentInbound) -> None:
    plan = plan_payment_inbound(now)
    if plan.action not in ("create", "update", "rebase") or now.qbo is None or now.qbo.payment is None:
        return
    after = replace(now, linked=True, base=now.qbo.payment, lms=now.qbo.payment)
    again = plan_payment_inbound(after)
    assert again.action == "nothing"
    assert (again.problem is None) == (not now.qbo.left_out), "what is left out is told as long as it is"


@given(amounts, st.lists(amounts, max_size=3))
def test_no_more_is_applied_than_the_payment_has(amount: Decimal, shares: list[Decimal]) -> None:
    applied = [Application(invoice=RecordKey("invoice", str(n)), amount=share) for n, share in enumerate(shares)]
    kept = within(amount, applied)
    assert sum((one.amount for one in kept), ZERO) == min(amount, sum(shares, ZERO))
    assert kept == ordered(list(kept))
