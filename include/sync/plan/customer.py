"""The plan for billing accounts and doctor–office pairs (sync rules, sections 1 and 2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from include.model.customer import Customer
from include.sync.plan.action import Plan, nothing
from include.sync.plan.names import NameHolder, create_or_adopt


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerSituation:
    """What is known of one billing account or pair in one company."""

    base: Customer | None
    lms: Customer | None
    qbo_id: str | None = None
    sync_token: str | None = None
    #: The QuickBooks id of the wanted parent; None: not linked yet, or no parent.
    parent_id: str | None = None
    #: Customers, vendors and employees with the wanted name; observed when there is no link.
    holders: Sequence[NameHolder] = field(default_factory=tuple)


def plan_customer(now: CustomerSituation) -> Plan:
    """Customers are created and moved, never renamed and never deleted: the bookkeeper owns them."""
    if now.lms is None:
        # The customer stays, and is free to be linked to another record.
        gone = "not in the LMS any more; customers are never deleted"
        return Plan(action="unlink", reason=gone) if now.qbo_id else nothing(gone)
    if now.base is None:
        if not now.lms.wanted:
            return nothing("its billing account is combined: no customer of its own")
        if now.lms.parent and now.parent_id is None and now.holders:
            # Whether the holder of the name is ours to take is known once its account has a customer.
            return Plan(action="wait", reason="its account's customer comes first", waits_for=now.lms.parent)
        noun = "sub-customer" if now.lms.parent else "customer"
        return create_or_adopt(now.lms.name, noun, now.holders, now.parent_id)
    if now.base.parent != now.lms.parent:
        return Plan(
            action="update",
            reason="moved to another billing account",
            qbo_id=now.qbo_id,
            sync_token=now.sync_token,
        )
    return nothing("in QuickBooks already; name and contact changes are the bookkeeper's")
