"""The plan for credits and for what they are applied to: towards QuickBooks only (rules 1, 6 and 8)."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from include.model.money import ZERO
from include.model.payment import Application, Credit, CreditApplication
from include.model.plan import Cause, Plan, fail, nothing
from include.model.record import RecordKey
from include.model.settings import LabSettings
from include.model.staged import Context, QboCreditMemo, QboPayment, StagedRecord
from include.sync.plan import problems
from include.sync.plan.allocation import release_first, total_of
from include.sync.plan.decide import decide
from include.sync.plan.matrix import allowed

StagedCredit = StagedRecord[Credit, Credit, QboCreditMemo, Context]


def plan_credit(record: StagedCredit, lab: LabSettings) -> Plan[Credit]:
    """What the bookkeeper changes in QuickBooks stays there, and wins over a change in the LMS (rule 8.4)."""
    lms, link = record.lms, record.link
    lms_amount = lms.amount if lms else None
    qbo_amount = record.fetched.amount if record.fetched else None
    # Linked by hand, nothing was agreed on yet: what there is counts.
    base = (link.base.amount if link.base else lms_amount or qbo_amount) if link else None
    qbo = base if record.qbo is None else qbo_amount
    if link and base is None:
        return Plan(step="unlink", cause=Cause.DELETED_ON_BOTH_SIDES)
    decision = decide(base, lms_amount, qbo, allowed("credit", lab.connection))
    if decision.step == "unlink":
        return Plan(step="unlink", cause=Cause.DELETED_ON_BOTH_SIDES)
    if decision.step == "rebase":
        return Plan(step="rebase", cause=Cause.CHANGED_ALIKE, target=lms)
    if decision.step == "delete":
        version = {"amount": qbo} if record.fetched else None
        problem = problems.money_deleted_in_lms(credit_noun(record), lms, version) if decision.conflict else None
        return Plan(step="delete", cause=Cause.DELETED, side="qbo", problem=problem)
    if decision.step == "nothing" or lms is None:
        if link and record.qbo and record.fetched is None and lms_amount != base:
            return fail(problems.deleted_in_quickbooks(credit_noun(record)), "qbo")
        return nothing(Cause.IN_STEP if link else Cause.DIRECTION if lms else Cause.NEVER_SYNCED)
    if decision.step == "update" and qbo != base:
        problem = problems.credit_changed_on_both_sides(credit_noun(record), lms.amount, qbo or ZERO)
        return fail(problem, "qbo", lms)
    if record.known.missing:
        return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=record.known.missing[0])
    cause = Cause.NEW if decision.step == "create" else Cause.CHANGED
    return Plan(step=decision.step, cause=cause, side="qbo", target=lms)


def credit_needs_quickbooks(record: StagedCredit) -> bool:
    """Whether QuickBooks' version matters: the credit has changed in the LMS. Otherwise nothing depends on it."""
    if record.link is None:
        return False
    return record.lms is None or bool(record.link.base and record.lms.amount != record.link.base.amount)


def credit_dated(record: StagedCredit) -> dt.date | None:
    """Its day."""
    ours = record.lms or (record.link.base if record.link else None)
    return ours.date if ours else None


def credit_noun(record: StagedCredit) -> str:
    """How a bookkeeper would name it at the beginning of a sentence."""
    ours = record.lms or (record.link.base if record.link else None)
    return problems.named("credit", ours.amount, ours.date) if ours else "The credit"


def applied_noun(applied: CreditApplication | None) -> str:
    """How a bookkeeper would name what of a credit is applied, at the beginning of a sentence."""
    if applied is None:
        return "The applied credit"
    return problems.named("applied credit", total_of(applied.applications), applied.date)


# ------------------------------------------------------------------ what credits are applied to


@dataclass(kw_only=True, slots=True)
class ApplicationContext(Context):
    """What is known around the applications of a credit."""

    #: Invoices that are linked, and those that are not yet but will be: the LMS is about to send them.
    synced_invoices: tuple[RecordKey, ...] = ()
    expected_invoices: tuple[RecordKey, ...] = ()
    #: What is open in QuickBooks of the invoices that take more than before, by LMS id.
    open_balances: Mapping[str, Decimal] = field(default_factory=dict)


StagedApplication = StagedRecord[CreditApplication, CreditApplication, QboPayment, ApplicationContext]


def plan_application(record: StagedApplication, lab: LabSettings) -> Plan[CreditApplication]:
    """One payment of $0.00 applies a credit; one that somebody deleted in QuickBooks is made again when needed."""
    link, known = record.link, record.known
    lms = flowing(record)
    base = link.base if link else None
    deleted = record.qbo is not None and record.fetched is None
    later = known.expected_invoices
    if link and base and record.fetched and lms:
        open_balances = {RecordKey("invoice", id_): amount for id_, amount in known.open_balances.items()}
        left = release_first(base.applications, lms.applications, open_balances)
        if left is not None:
            later += tuple(one.invoice for one in lms.applications if one not in left)
            lms = replace(lms, applications=left) if left else None
    # Linked by hand, nothing was agreed on yet: the LMS's applications count.
    agreed = base.applications if base else (lms.applications if lms else ()) if link else None
    base_value = None if deleted and lms else agreed
    qbo_value = None if deleted else base_value
    decision = decide(
        base_value, lms.applications if lms else None, qbo_value, allowed("credit_application", lab.connection)
    )
    waits_for = later[0] if later else None
    if decision.step == "unlink":
        return Plan(step="unlink", cause=Cause.DELETED_ON_BOTH_SIDES)
    if decision.step == "delete":
        return Plan(step="delete", cause=Cause.DELETED, side="qbo", waits_for=waits_for)
    if decision.step == "nothing" or lms is None:
        if later:
            return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=waits_for)
        return nothing(Cause.IN_STEP if link else Cause.DIRECTION if lms else Cause.NEVER_SYNCED)
    if decision.step == "rebase":
        return Plan(step="rebase", cause=Cause.CHANGED_ALIKE, target=lms)
    if known.missing:
        return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=known.missing[0])
    cause = Cause.NEW if decision.step == "create" else Cause.CHANGED
    return Plan(step=decision.step, cause=cause, side="qbo", target=lms, waits_for=waits_for)


def flowing(record: StagedApplication) -> CreditApplication | None:
    """What of it can be in QuickBooks now: the applications to invoices that are there."""
    if record.lms is None:
        return None
    kept = tuple(one for one in record.lms.applications if one.invoice in record.known.synced_invoices)
    return replace(record.lms, applications=kept) if kept else None


def application_needs_quickbooks(record: StagedApplication) -> bool:
    """Whether QuickBooks' version matters: the applications that can be there have changed in the LMS."""
    if record.link is None:
        return False
    lms = flowing(record)
    before: tuple[Application, ...] | None = record.link.base.applications if record.link.base else None
    return (lms.applications if lms else None) != before


def application_dated(record: StagedApplication) -> dt.date | None:
    """Its day: the credit's."""
    ours = record.lms or (record.link.base if record.link else None)
    return ours.date if ours else None


def releases_money(record: StagedApplication) -> bool:
    """Whether it takes money off invoices: that goes before the credit memo itself shrinks or goes (rule 8.5)."""
    plan = record.planned
    if plan.step == "delete":
        return True
    before = record.link.base if record.link else None
    if plan.step != "update" or plan.target is None or before is None:
        return False
    return total_of(plan.target.applications) < total_of(before.applications)
