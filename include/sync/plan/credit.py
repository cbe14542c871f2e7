"""The plan for credits and for what they are applied to: towards QuickBooks only (rules 1, 6 and 8)."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from include.model.money import ZERO
from include.model.payment import Application, Credit, CreditApplication, ordered
from include.model.plan import Cause, Plan, fail, nothing
from include.model.problem import Problem
from include.model.record import RecordKey
from include.model.settings import LabSettings
from include.model.staged import Context, Payer, QboCreditMemo, QboPayment, StagedRecord
from include.sync.plan import problems, whose
from include.sync.plan.allocation import release_first, total_of, without
from include.sync.plan.decide import decide
from include.sync.plan.matrix import allowed


@dataclass(kw_only=True, slots=True)
class CreditContext(Context):
    """What is known around a credit."""

    #: Somebody has changed the credit memo in QuickBooks since it was last written.
    changed_in_quickbooks: bool = False
    #: In QuickBooks: whom its customer stands for. In the LMS: the name of whom it is for.
    payer: Payer | None = None
    customer_name: str = ""
    #: The payment that applies it, if the bookkeeper has received money in that.
    received: QboPayment | None = None


StagedCredit = StagedRecord[Credit, Credit, QboCreditMemo, CreditContext]


def lms_version(record: StagedCredit) -> Credit | None:
    """The LMS's version, for the customer on whom it is booked."""
    if record.lms is None:
        return None
    base = record.link.base if record.link else None
    theirs = whose.customer_in_quickbooks(record.known.payer, base.customer if base else None, record.lms.customer)
    return replace(record.lms, customer=whose.customer_in_lms(record.lms, base, theirs))


def _value(credit: Credit | None) -> tuple[RecordKey | None, Decimal] | None:
    return (credit.customer, credit.amount) if credit else None


def _qbo_value(record: StagedCredit) -> tuple[RecordKey | None, Decimal] | None:
    """Customer (None: linked to nothing) and amount in QuickBooks."""
    lms, base = lms_version(record), record.link.base if record.link else None
    if record.fetched is None:
        return None
    known = (base.customer if base else None, lms.customer if lms else None)
    return whose.customer_in_quickbooks(record.known.payer, *known), record.fetched.amount


def plan_credit(record: StagedCredit, lab: LabSettings) -> Plan[Credit]:
    """What the bookkeeper changes in QuickBooks stays there, and wins over a change in the LMS (rule 8.4)."""
    lms, link = lms_version(record), record.link
    lms_value, qbo_value = _value(lms), _qbo_value(record)
    # Linked by hand, nothing was agreed on yet: what there is counts.
    base = (_value(link.base) or lms_value or qbo_value) if link else None
    qbo = base if record.qbo is None else qbo_value
    if link and base is None:
        return Plan(step="unlink", cause=Cause.DELETED_ON_BOTH_SIDES)
    decision = decide(base, lms_value, qbo, allowed("credit", lab.connection))
    if decision.step == "unlink":
        return Plan(step="unlink", cause=Cause.DELETED_ON_BOTH_SIDES)
    if decision.step == "rebase":
        return Plan(step="rebase", cause=Cause.CHANGED_ALIKE, target=lms)
    if record.known.received and decision.step in ("delete", "update"):
        # QuickBooks would take the credit memo out of that payment.
        return fail(problems.received_with_credit(credit_noun(record), record.known.received), "qbo", lms)
    if decision.step == "delete":
        version = {"amount": record.fetched.amount} if record.fetched else None
        problem = problems.money_deleted_in_lms(credit_noun(record), version) if decision.conflict else None
        return Plan(step="delete", cause=Cause.DELETED, side="qbo", problem=problem)
    if lms and record.fetched and qbo_value and qbo_value[0] not in (lms.customer, base[0] if base else None):
        return fail(_other_customer(record, record.fetched), "qbo", lms)
    if decision.step == "nothing" or lms is None:
        if link and record.qbo and record.fetched is None and lms_value != base:
            return fail(problems.deleted_in_quickbooks(credit_noun(record)), "qbo")
        if lms and link and link.base and whose.names_another(lms, link.base):
            return Plan(step="rebase", cause=Cause.CHANGED_ALIKE, target=replace(link.base, owner=lms.owner))
        return nothing(Cause.IN_STEP if link else Cause.DIRECTION if lms else Cause.NEVER_SYNCED)
    if decision.step == "update" and qbo != base:
        problem = problems.credit_changed_on_both_sides(credit_noun(record), lms.amount, qbo[1] if qbo else ZERO)
        return fail(problem, "qbo", lms)
    if record.known.missing:
        return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=record.known.missing[0])
    cause = Cause.NEW if decision.step == "create" else Cause.CHANGED
    return Plan(step=decision.step, cause=cause, side="qbo", target=lms)


def _other_customer(record: StagedCredit, qbo: QboCreditMemo) -> Problem:
    """Moved in QuickBooks, from where nothing of a credit comes back (rule 9)."""
    return problems.customer_changed(
        credit_noun(record),
        record.known.customer_name,
        qbo.customer_id,
        qbo.customer_name,
        document="credit",
        linked=record.known.payer is not None,
    )


def credit_needs_quickbooks(record: StagedCredit) -> bool:
    """Whether QuickBooks' version matters: the credit has changed in the LMS, or somebody has changed it there."""
    if record.link is None:
        return False
    changed = record.link.base is not None and _value(lms_version(record)) != _value(record.link.base)
    return record.lms is None or changed or record.known.changed_in_quickbooks


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

    #: What was agreed on of the credit itself, if it is linked.
    credit: Credit | None = None
    #: Invoices that are linked, and those that are not yet but will be: the LMS is about to send them.
    synced_invoices: tuple[RecordKey, ...] = ()
    expected_invoices: tuple[RecordKey, ...] = ()
    #: Somebody has changed it in QuickBooks since it was last written; QuickBooks' invoices on it, with their LMS ids.
    changed_in_quickbooks: bool = False
    invoice_ids: Mapping[str, str] = field(default_factory=dict)
    #: The applied invoices that QuickBooks has for another customer.
    of_other_customers: tuple[RecordKey, ...] = ()
    #: What is open in QuickBooks of the invoices that take more than before, by LMS id.
    open_balances: Mapping[str, Decimal] = field(default_factory=dict)
    #: Invoices of the base that the LMS has deleted and that are about to be deleted in QuickBooks, or kept there (rule
    #: 8.9), while the LMS has the credit.
    kept_invoices: tuple[RecordKey, ...] = ()


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
    if (
        base
        and known.kept_invoices
        and (lms.applications if lms else ()) == without(base.applications, known.kept_invoices)
    ):
        return nothing(Cause.LEAVES_WITH_INVOICE)
    if base and record.fetched and record.fetched.amount != 0:
        # What the bookkeeper has received in it is neither overwritten nor deleted.
        noun = applied_noun(record.lms or base)
        return fail(problems.received_with_credit(noun, record.fetched), "qbo", lms)
    if link and base and lms and lms.customer != base.customer:
        # QuickBooks moves no credit memo that is applied: it is applied anew under its new customer.
        return Plan(step="delete", cause=Cause.MOVED, side="qbo", waits_for=lms.credit)
    there = applied_in_quickbooks(record)
    if lms and base and there is not None and lms.applications == base.applications != there:
        # What the bookkeeper changes stays in QuickBooks.
        return fail(problems.applied_otherwise(applied_noun(lms), lms.applications, there), "qbo", lms)
    if decision.step == "unlink":
        return Plan(step="unlink", cause=Cause.DELETED_ON_BOTH_SIDES)
    if decision.step == "delete":
        return Plan(step="delete", cause=Cause.DELETED, side="qbo", waits_for=waits_for)
    if decision.step == "nothing" or lms is None:
        if later:
            return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=waits_for)
        return nothing(Cause.IN_STEP if link else Cause.DIRECTION if lms else Cause.NEVER_SYNCED)
    if known.missing:
        return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=known.missing[0])
    cause = Cause.NEW if decision.step == "create" else Cause.CHANGED
    kept = without(lms.applications, known.of_other_customers)
    if decision.step == "create" and kept and known.of_other_customers:
        # What can be applied is; QuickBooks then refuses the rest, and the error says whose it is.
        lms, waits_for = replace(lms, applications=kept), known.of_other_customers[0]
    return Plan(step=decision.step, cause=cause, side="qbo", target=lms, waits_for=waits_for)


def flowing(record: StagedApplication) -> CreditApplication | None:
    """What of it can be in QuickBooks now: the applications to invoices that are there."""
    if record.lms is None:
        return None
    kept = tuple(one for one in record.lms.applications if one.invoice in record.known.synced_invoices)
    customer = applied_for(record.lms, record.known.credit)
    return replace(record.lms, applications=kept, customer=customer) if kept else None


def applied_in_quickbooks(record: StagedApplication) -> tuple[Application, ...] | None:
    """What QuickBooks applies of the credit; None: it was not asked."""
    if record.qbo is None or record.qbo.refused is not None:
        return None
    ids = record.known.invoice_ids
    there = record.fetched.invoices if record.fetched else {}
    return ordered(
        [
            # An invoice that the LMS does not have keeps QuickBooks' id, with which nothing of the LMS is equal.
            Application(invoice=RecordKey("invoice", ids.get(qbo_id, f"QuickBooks {qbo_id}")), amount=amount)
            for qbo_id, amount in there.items()
            if amount != 0
        ]
    )


def applied_for(applied: CreditApplication, credit: Credit | None) -> RecordKey:
    """Whose customer it stands under: the one on whom its credit is booked. `credit`: what was agreed on of that."""
    return whose.customer_in_lms(applied, credit)


def application_needs_quickbooks(record: StagedApplication) -> bool:
    """Whether QuickBooks' version matters: the applications that can be there have changed in the LMS."""
    if record.link is None:
        return False
    lms, base = flowing(record), record.link.base
    if lms is None or base is None:
        return lms is not base
    return record.known.changed_in_quickbooks or (lms.applications, lms.customer) != (base.applications, base.customer)


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
