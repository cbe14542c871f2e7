"""Who holds a name in QuickBooks: adopted when it is ours to take, a problem when it is not.

Sync rules, section 2: a record of the same name that is linked to nothing is linked, not duplicated; a name taken by
a vendor, an employee or an inactive customer is a sync error that says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from include.model.problem import Problem
from include.sync.plan.action import Plan, fail
from include.sync.plan.currency import foreign_namesake


@dataclass(frozen=True, kw_only=True, slots=True)
class NameHolder:
    """A QuickBooks record that bears the wanted name."""

    #: Customer, Vendor, Employee or Item.
    kind: str
    qbo_id: str
    sync_token: str
    name: str
    active: bool
    #: Linked to an LMS record already.
    linked: bool
    #: The customer or category above it; None at the top.
    parent_id: str | None = None
    #: False for an item that cannot stand on an invoice line, such as a category.
    usable: bool = True
    #: The currency that it is billed in, where that is not the company's own.
    foreign_currency: str | None = None


def create_or_adopt(name: str, noun: str, holders: Sequence[NameHolder], parent_id: str | None = None) -> Plan:
    """Adopt the one holder that can be this record, fail if another holds the name, else create."""
    free = [
        holder
        for holder in holders
        if holder.kind in ("Customer", "Item") and holder.active and not holder.linked and holder.usable
    ]
    # A sub-customer of another customer is another one; a product is the same in whatever category it is kept.
    ours = [holder for holder in free if holder.parent_id == parent_id] or [
        holder for holder in free if holder.kind == "Item"
    ]
    if len(ours) == 1 and ours[0].foreign_currency:
        return fail(foreign_namesake(noun, name, ours[0].foreign_currency))
    if len(ours) == 1:
        return Plan(
            action="adopt",
            reason="same name, linked to nothing",
            qbo_id=ours[0].qbo_id,
            sync_token=ours[0].sync_token,
        )
    if holders:
        return fail(_taken(name, noun, holders[0]))
    return Plan(action="create", reason="not in QuickBooks yet")


def _taken(name: str, noun: str, holder: NameHolder) -> Problem:
    return Problem(
        code="name_taken",
        message=f"The {noun} “{name}” cannot be created in QuickBooks: {_who(holder)} already has this name.",
        resolution=_what_to_do(noun, holder),
        detail={"holder": holder.kind, "holder_id": holder.qbo_id, "holder_active": holder.active},
    )


def _who(holder: NameHolder) -> str:
    if holder.kind == "Vendor":
        return "a vendor"
    if holder.kind == "Employee":
        return "an employee"
    noun = "product or service" if holder.kind == "Item" else "customer"
    if not holder.active:
        return f"an inactive {noun}"
    if not holder.usable:
        return f"a {noun} that cannot be sold (such as a category)"
    if holder.linked:
        return f"a {noun} that stands for another Pilot record"
    if holder.kind == "Item":
        return f"a {noun}"
    return "a sub-customer of another customer" if holder.parent_id else "a customer at the top level"


def _what_to_do(noun: str, holder: NameHolder) -> str:
    if holder.kind in ("Vendor", "Employee"):
        who = holder.kind.lower()
        return f"Rename the {who} in QuickBooks (for example “{holder.name} ({who})”), or the {noun} in Pilot."
    if not holder.active:
        return "Make it active again in QuickBooks, and it will be used; or rename it there."
    return f"Rename it in QuickBooks, or rename the {noun} in Pilot, so that the names differ."
