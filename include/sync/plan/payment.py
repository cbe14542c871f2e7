"""The plan for payments, credits and their applications on their way to QuickBooks (sync rules, sections 6 to 8)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from include.model.money import ZERO, show
from include.model.problem import Problem
from include.model.record import RecordKey
from include.sync.plan.action import Plan, fail, nothing
from include.sync.plan.two_way import Allowed, decide

#: What both sides keep in step, in a form that compares: an amount, or applications, or both.
Agreed = Any


@dataclass(frozen=True, kw_only=True, slots=True)
class MoneySituation:
    """What is known of one payment, credit, or credit's applications in one company."""

    #: E.g. “The payment of $100.00 of 06/01/2026”.
    noun: str
    base: Agreed | None
    lms: Agreed | None
    #: None: not in QuickBooks (any more).
    qbo: Agreed | None
    may: Allowed
    qbo_id: str | None = None
    sync_token: str | None = None
    dated: date | None = None
    start_date: date | None = None
    #: Came from QuickBooks: never created there.
    from_qbo: bool = False
    #: Of two updates QuickBooks' stays there although it cannot flow back (credits).
    keeps_qbo: bool = False
    #: What must be linked before it can be written.
    missing: Sequence[RecordKey] = field(default_factory=tuple)
    #: Both versions as JSON, kept in a conflict's detail.
    lms_version: Any = None
    qbo_version: Any = None


def plan_money(now: MoneySituation) -> Plan:
    """One step towards QuickBooks; a step towards the LMS is handed over to the other direction's DAG."""
    if now.base is None and now.from_qbo:
        return nothing("it came from QuickBooks")
    if now.dated and now.start_date and now.dated < now.start_date:
        return nothing("dated before the sync's start date")
    decision = decide(now.base, now.lms, now.qbo, now.may)
    if decision.side == "lms":
        return Plan(
            action="nothing", reason="changed in QuickBooks: that direction's DAG sees to it", hand_over=now.qbo_id
        )
    if decision.step == "unlink":
        return Plan(action="unlink", reason="gone on both sides")
    if decision.step == "rebase":
        return Plan(action="rebase", reason="changed alike on both sides", qbo_id=now.qbo_id, sync_token=now.sync_token)
    if decision.step == "nothing":
        return _nothing(now)
    if now.keeps_qbo and decision.step == "update" and now.qbo != now.base:
        return fail(_kept(now))
    if decision.step != "delete" and now.missing:
        return Plan(action="wait", reason="what it belongs to is not in QuickBooks yet", waits_for=now.missing[0])
    return Plan(
        action=decision.step,
        reason={"create": "new", "update": "changed", "delete": "deleted"}[decision.step],
        qbo_id=now.qbo_id,
        sync_token=now.sync_token,
        problem=_conflict(now) if decision.conflict else None,
    )


def _nothing(now: MoneySituation) -> Plan:
    if now.base is not None and now.qbo is None and now.lms is not None and now.lms != now.base:
        return fail(
            Problem(
                code="deleted_in_quickbooks",
                message=f"{now.noun} was changed in Pilot, but somebody has deleted it in QuickBooks.",
                resolution="Delete it in Pilot too, or enter it in Pilot anew.",
            )
        )
    return nothing("in step")


def _conflict(now: MoneySituation) -> Problem:
    """Deleted in the LMS while it was changed in QuickBooks: the delete wins (section 8.4)."""
    return Problem(
        code="conflict_deleted",
        message=f"{now.noun} was deleted in Pilot while it was changed in QuickBooks. It was deleted there too.",
        resolution="If the change in QuickBooks was meant to stay, enter it again; the lost version is in the details.",
        detail={"lost": "qbo", "qbo": now.qbo_version, "lms": now.lms_version},
    )


def _kept(now: MoneySituation) -> Problem:
    """Changed on both sides: QuickBooks' version wins (section 8.4)."""
    here, there = show(now.lms or ZERO), show(now.qbo or ZERO)
    return Problem(
        code="conflict_qbo_kept",
        message=f"{now.noun} was changed in Pilot ({here}) and in QuickBooks ({there}). QuickBooks' stays there.",
        resolution="Make the amounts the same, in Pilot or in QuickBooks; the version that lost is in the details.",
        detail={"lost": "lms", "qbo": now.qbo_version, "lms": now.lms_version},
    )


def named(what: str, amount: Any, day: date) -> str:
    """How a bookkeeper would name it."""
    return f"The {what} of {show(amount)} of {day:%m/%d/%Y}"
