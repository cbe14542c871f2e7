"""The plan for payments from QuickBooks to the LMS (sync rules, sections 1, 7 and 8)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from include.model.money import ZERO, show
from include.model.payment import Application, Payment, ordered
from include.model.plain import to_plain
from include.model.problem import Problem
from include.sync.plan.inbound import (
    InboundPlan,
    conflict,
    customer_not_linked,
    leave,
    leave_until_settings_move,
    refuse,
    wait,
)
from include.sync.plan.two_way import Decision, allowed, decide

_OPERATIONS = {"create", "update", "delete"}

#: Seconds before looking again whether a payment of ours, on its way out, is this one.
ON_ITS_WAY_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A line of a payment that the LMS does not have: it settles something else, or a credit memo helps to pay."""

    #: “Invoice”, “CreditMemo”, …
    kind: str
    qbo_id: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class QboPayment:
    """A payment as QuickBooks has it."""

    date: date
    amount: Decimal
    customer_id: str
    customer_name: str
    #: The part of it that the LMS can have; None: its customer is linked to nothing.
    payment: Payment | None
    #: QuickBooks invoices of it that are about to come to the LMS.
    coming: Sequence[str] = field(default_factory=tuple)
    left_out: Sequence[LeftOut] = field(default_factory=tuple)


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentInbound:
    """What is known of one payment of QuickBooks."""

    linked: bool
    base: Payment | None
    lms: Payment | None
    qbo: QboPayment | None
    direction: str
    start_date: date | None = None
    #: It applies a credit of ours.
    ours: bool = False
    #: Not linked: a payment of the LMS that looks the same is on its way out.
    on_its_way: bool = False
    #: What the LMS applies of it to invoices that cannot be in QuickBooks.
    aside: Sequence[Application] = field(default_factory=tuple)


def plan_payment_inbound(now: PaymentInbound) -> InboundPlan:
    """Amount and applications, both ways."""
    if now.ours:
        return leave("it applies a credit of the LMS")
    if now.linked:
        shown = now.lms or now.base
        if shown and now.start_date and shown.date < now.start_date:
            return leave_until_settings_move("dated before the sync's start date")
    else:
        plan = _unlinked(now)
        if plan:
            return plan
    if now.qbo and now.qbo.coming:
        return InboundPlan(
            action="wait", reason="an invoice of it is not in the LMS yet", waits_for_invoice=now.qbo.coming[0]
        )
    if not now.linked:
        return InboundPlan(action="create", reason="created in QuickBooks", problem=_left_out(now))
    theirs = now.qbo.payment if now.qbo else None
    lms = _agreed(now.lms) if now.lms else None
    qbo = _agreed(theirs) if theirs else None
    base = _agreed(now.base) if now.base else lms or qbo  # linked by hand: QuickBooks' version counts
    return _linked(now, decide(base, lms, qbo, allowed(_OPERATIONS, _OPERATIONS, now.direction)))


def within(
    money: Decimal, applications: Sequence[Application], agreed: Sequence[Application] = ()
) -> tuple[Application, ...]:
    """The applications as far as the payment's own money goes: a credit memo in it may have paid the rest.

    Of which invoice, QuickBooks does not say: what both sides have agreed on stays as long as it fits.
    """
    there = {one.invoice: one.amount for one in applications}
    fits = all(one.amount <= there.get(one.invoice, ZERO) for one in agreed)
    if agreed and fits and _sum(agreed) == min(money, _sum(applications)):
        return ordered(list(agreed))
    kept, left = [], money
    for one in applications:
        share = min(one.amount, left)
        if share > 0:
            kept.append(Application(invoice=one.invoice, amount=share))
            left -= share
    return ordered(kept)


def stays_aside(payment: Payment, aside: Sequence[Application]) -> tuple[Application, ...]:
    """Of what the LMS applies to invoices that cannot be in QuickBooks: what QuickBooks' version leaves money for."""
    return within(payment.amount - _sum(payment.applications), aside)


def _sum(applications: Sequence[Application]) -> Decimal:
    return sum((one.amount for one in applications), ZERO)


def _agreed(payment: Payment) -> tuple[Any, ...]:
    return payment.amount, tuple((one.invoice.id, one.amount) for one in ordered(list(payment.applications)))


def _unlinked(now: PaymentInbound) -> InboundPlan | None:
    qbo = now.qbo
    if qbo is None:
        return leave("deleted before it came")
    if qbo.amount == ZERO:
        return leave("no money moved: credits that QuickBooks applied, or a void")
    if now.start_date and qbo.date < now.start_date:
        return leave("dated before the sync's start date")
    if "create" not in allowed(_OPERATIONS, _OPERATIONS, now.direction).to_lms:
        return leave("nothing comes from QuickBooks")
    if qbo.payment is None:
        what = f"The payment of {show(qbo.amount)} of {qbo.date:%m/%d/%Y}"
        return refuse(customer_not_linked(what, qbo.customer_id, qbo.customer_name))
    if now.on_its_way:
        return wait("a payment of the LMS that looks the same is on its way out", ON_ITS_WAY_SECONDS)
    return None


def _linked(now: PaymentInbound, decision: Decision) -> InboundPlan:
    problem = _taken_off(now, decision) or _conflict(now, decision) or _left_out(now)
    if decision.side == "qbo":
        return InboundPlan(
            action="nothing", reason="changed in the LMS: that direction's DAG sees to it", problem=_left_out(now)
        )
    if decision.step == "unlink":
        return InboundPlan(action="unlink", reason="gone on both sides")
    if decision.step in ("update", "delete"):
        reason = "changed in QuickBooks" if decision.step == "update" else "deleted in QuickBooks"
        return InboundPlan(action=decision.step, reason=reason, problem=problem)
    if decision.step == "rebase":
        return InboundPlan(action="rebase", reason="changed alike on both sides", problem=problem)
    return InboundPlan(action="nothing", reason="in step", problem=problem)


def _taken_off(now: PaymentInbound, decision: Decision) -> Problem | None:
    """QuickBooks settles other invoices with what the LMS had applied to those that cannot be there."""
    theirs = now.qbo.payment if now.qbo else None
    if decision.step != "update" or decision.side != "lms" or now.lms is None or theirs is None:
        return None
    taken_off = _sum(now.aside) - _sum(stays_aside(theirs, now.aside))
    if taken_off == ZERO:
        return None
    return conflict(
        "conflict_qbo_kept",
        f"The payment of {show(now.lms.amount)} of {now.lms.date:%m/%d/%Y} was changed in QuickBooks: it is "
        f"{show(theirs.amount)} there, {show(_sum(theirs.applications))} of it applied. So {show(taken_off)} was taken "
        "off invoices to which Pilot alone had applied it, because they do not sync.",
        "If Pilot's version was right, apply the payment so again in Pilot; it is in the details.",
        lost="lms",
        lms=to_plain(replace(now.lms, applications=ordered([*now.lms.applications, *now.aside]))),
        qbo=to_plain(theirs),
    )


def _conflict(now: PaymentInbound, decision: Decision) -> Problem | None:
    if decision.conflict is None or decision.side != "lms" or now.lms is None:
        return None
    lms = to_plain(now.lms)
    noun = f"The payment of {show(now.lms.amount)} of {now.lms.date:%m/%d/%Y}"
    if decision.conflict == "conflict_deleted":
        return conflict(
            decision.conflict,
            f"{noun} was deleted in QuickBooks while it was changed in Pilot. It is deleted in Pilot too.",
            "If the payment was meant to stay, enter it again; the lost version is in the details.",
            lost="lms",
            lms=lms,
            qbo=None,
        )
    theirs = now.qbo.payment if now.qbo else None
    return conflict(
        decision.conflict,
        f"{noun} was changed in Pilot and in QuickBooks. QuickBooks' version "
        f"({show(theirs.amount if theirs else ZERO)}) was kept.",
        "If Pilot's version was right, enter it again; it is in the details.",
        lost="lms",
        lms=lms,
        qbo=to_plain(theirs) if theirs else None,
    )


_KINDS = {"Invoice": "an invoice", "JournalEntry": "a journal entry"}


def _left_out(now: PaymentInbound) -> Problem | None:
    if now.qbo is None or not now.qbo.left_out:
        return None
    left_out = now.qbo.left_out
    settled = [one for one in left_out if one.kind != "CreditMemo"]
    credits = [one for one in left_out if one.kind == "CreditMemo"]
    told, to_do = [], []
    if settled:
        named = ", ".join(
            f"{show(one.amount)} for {_KINDS.get(one.kind, one.kind)} (id {one.qbo_id})" for one in settled
        )
        told.append(f"a part of it in QuickBooks settles what Pilot does not have: {named}")
        to_do.append("Apply that part to invoices that Pilot has, or ignore this.")
    if credits:
        named = ", ".join(f"{show(one.amount)} of a credit memo (id {one.qbo_id})" for one in credits)
        told.append(f"in QuickBooks its invoices are also paid with {named}, which Pilot does not show as applied")
        to_do.append(
            "The credit counts in the invoices' balances: ignore this. To see a credit of Pilot's applied there too, "
            "take it off the payment in QuickBooks and apply it in Pilot."
        )
    return Problem(
        code="unsynced_application",
        message=(
            f"The payment of {show(now.qbo.amount)} of {now.qbo.date:%m/%d/%Y} from {now.qbo.customer_name} is in "
            f"Pilot, but {'; and '.join(told)}."
        ),
        resolution=" ".join(["Nothing is lost in QuickBooks.", *to_do]),
        detail={
            "customer_id": now.qbo.customer_id,
            "invoice_ids": [one.qbo_id for one in left_out if one.kind == "Invoice"],
            "left_out": [{"kind": one.kind, "qbo_id": one.qbo_id, "amount": one.amount} for one in left_out],
        },
    )
