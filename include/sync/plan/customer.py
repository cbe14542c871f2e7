"""The plan for billing accounts and doctor–office pairs (rules 1 and 2)."""

from dataclasses import dataclass

from include.model.customer import Customer
from include.model.plan import Cause, Plan, nothing
from include.model.settings import LabSettings
from include.model.staged import Context, NamedRecord, StagedRecord, Version, WantedName
from include.sync.plan.decide import decide
from include.sync.plan.matrix import allowed
from include.sync.plan.names import create_or_adopt, proposals


@dataclass(kw_only=True, slots=True)
class CustomerContext(Context):
    """What is known around a customer."""

    #: Not linked: customers, vendors and employees of its name.
    bearers: tuple[NamedRecord, ...] = ()
    #: The QuickBooks id of its parent; None: not linked yet, or no parent.
    parent_id: str | None = None
    #: A pair's billing account, by its name in the LMS.
    account: str | None = None
    #: Where its name is another's: one that nobody in QuickBooks has.
    free_name: str | None = None


StagedCustomer = StagedRecord[Customer, Customer, Version, CustomerContext]


def plan_customer(record: StagedCustomer, lab: LabSettings) -> Plan[Customer]:
    """Customers are created and moved, never renamed and never deleted: the bookkeeper owns them."""
    lms, link, known = record.lms, record.link, record.known
    if lms is None:
        # The customer stays, and is free to be linked to another record.
        return Plan(step="unlink", cause=Cause.REMOVED_FROM_LMS) if link else nothing(Cause.NEVER_SYNCED)
    if link is None and not lms.wanted:
        return nothing(Cause.NO_RECORD_OF_ITS_OWN)
    # What both sides keep in step is the parent. A link made by hand has no base: what the LMS says counts as agreed.
    base = ((link.base or lms).parent,) if link else None
    decision = decide(base, (lms.parent,), base, allowed(record.entity, lab.connection))
    if decision.step == "update":
        return Plan(step="update", cause=Cause.MOVED, side="qbo", target=lms)
    if decision.step != "create":
        return nothing(Cause.IN_STEP if link else Cause.DIRECTION)
    if _waits_for_its_account(lms, known):
        return Plan(step="wait", cause=Cause.REFERENCE, side="qbo", target=lms, waits_for=lms.parent)
    home = lab.preferences.home_currency
    return create_or_adopt(lms, _wanted(lms, known), known.bearers, known.free_name, home)


def name_proposals(record: StagedCustomer) -> tuple[str, ...]:
    """Where the name of a new customer is another's: names to propose, if QuickBooks says that they are free."""
    lms, known = record.lms, record.known
    if record.link or lms is None or not lms.wanted or _waits_for_its_account(lms, known):
        return ()
    return proposals(_wanted(lms, known), known.bearers)


def _waits_for_its_account(lms: Customer, known: CustomerContext) -> bool:
    """Whether the bearer of the name can be ours is known once its account has a customer. A pair that is named like
    its account (a solo practitioner) will find that customer with its name."""
    if lms.parent is None or known.parent_id is not None:
        return False
    return bool(known.bearers) or (known.account or "").casefold() == lms.name.casefold()


def _wanted(lms: Customer, known: CustomerContext) -> WantedName:
    if lms.parent is None:
        return WantedName(noun="customer", name=lms.name)
    return WantedName(noun="sub-customer", name=lms.name, account=known.account, parent_id=known.parent_id)


def has_moved(record: StagedCustomer) -> bool:
    """Whether its parent in the LMS is another than was agreed on: then QuickBooks is asked for its version."""
    return bool(record.link and record.link.base and record.lms and record.link.base.parent != record.lms.parent)
