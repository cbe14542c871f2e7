"""Who bears a name in QuickBooks: adopted when it can be ours, a name conflict when it is another's (rule 2)."""

from collections.abc import Sequence
from typing import TypeVar

from include.model import customer, product
from include.model.plan import Cause, Match, Plan, fail
from include.model.record import CREDIT_ITEM, TAX_ITEM
from include.model.staged import NamedRecord, WantedName
from include.sync.plan import problems

T = TypeVar("T")

#: Names of items that belong to the sync (rule 3), as QuickBooks compares them.
_RESERVED = {key.id.casefold(): key for key in (TAX_ITEM, CREDIT_ITEM)}

#: Characters that QuickBooks takes.
_LIMIT = {
    "customer": customer.NAME_LIMIT,
    "sub-customer": customer.NAME_LIMIT,
    "product": product.NAME_LIMIT,
    "item": product.NAME_LIMIT,
}


def create_or_adopt(
    target: T, wanted: WantedName, bearers: Sequence[NamedRecord], free_name: str | None, home_currency: str | None
) -> Plan[T]:
    """Adopt the one record of the name that can be this one; a name conflict if another bears it; else create.

    `free_name`: the first of the `proposals` that nobody in QuickBooks has.
    """
    match = _match(wanted, bearers)
    if match:
        if match.currency and home_currency and match.currency != home_currency:
            return fail(problems.foreign_name_match(wanted.noun, wanted.name, match.currency), "qbo", target)
        return Plan(
            step="adopt",
            cause=Cause.MATCH,
            side="qbo",
            target=target,
            match=Match(id=match.qbo_id, sync_token=match.sync_token),
        )
    if is_reserved(wanted):
        special = _RESERVED[wanted.name.casefold()]
        return fail(problems.name_reserved(wanted.name, special, free_name), "qbo", target)
    if bearers:
        return fail(problems.name_taken(wanted, _holder(bearers), free_name), "qbo", target)
    return Plan(step="create", cause=Cause.NEW, side="qbo", target=target)


def is_reserved(wanted: WantedName) -> bool:
    """Whether a product is named like a special item: the two would be one item in QuickBooks, taken for tax or for a
    credit on every invoice that comes back."""
    return wanted.noun == "product" and wanted.name.casefold() in _RESERVED


def proposals(wanted: WantedName, bearers: Sequence[NamedRecord]) -> tuple[str, ...]:
    """In the order in which they are to be tried: names that end the conflict, if they are free; () without one.

    The name of the vendor or employee, or of what stands in a special item's way; else that of the new record.
    """
    if not is_reserved(wanted) and (not bearers or _match(wanted, bearers)):
        return ()
    base, limit = wanted.name, _LIMIT[wanted.noun]
    return tuple(
        f"{base[: limit - len(qualifier) - 3].rstrip()} ({qualifier})"
        for qualifier in (*_qualifiers(wanted, bearers), "2", "3", "4", "5")
        # The qualifier can be any account's name: one that is endless or that QuickBooks does not take is no help.
        if len(qualifier) <= limit // 2 and not set(":\t\r\n") & set(qualifier)
    )


def _qualifiers(wanted: WantedName, bearers: Sequence[NamedRecord]) -> tuple[str, ...]:
    holder = _holder(bearers) if bearers else None
    if holder and holder.kind in ("Vendor", "Employee"):
        return (holder.kind.lower(),)
    if wanted.noun == "sub-customer" and wanted.account:
        return ("Main",) if wanted.account.casefold() == wanted.name.casefold() else (wanted.account, "Main")
    if wanted.noun == "customer":
        # Two accounts of one name are told apart by a number.
        return ("Main",) if holder and holder.parent_id else ()
    sold = holder is not None and holder.usable and wanted.noun == "product"
    return () if sold and not is_reserved(wanted) else ("Product",)


def _match(wanted: WantedName, bearers: Sequence[NamedRecord]) -> NamedRecord | None:
    """The one that can be ours."""
    if is_reserved(wanted):
        return None
    free = [
        one
        for one in bearers
        if one.kind in ("Customer", "Item") and one.active and one.linked_to is None and one.usable
    ]
    # A sub-customer of another customer is another one; a product is the same in whatever category it is kept.
    ours = [one for one in free if one.parent_id == wanted.parent_id] or [one for one in free if one.kind == "Item"]
    return ours[0] if len(ours) == 1 else None


def _holder(bearers: Sequence[NamedRecord]) -> NamedRecord:
    """Of several, who has the name rather than who had it before it was deactivated."""
    return next((one for one in bearers if one.active), bearers[0])
