"""The plan for products and special items (sync rules, sections 1 and 3)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from include.model.product import Product
from include.sync.plan.action import Plan, nothing
from include.sync.plan.names import NameHolder, create_or_adopt


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductSituation:
    """What is known of one product in one company."""

    linked: bool
    lms: Product | None
    #: Items with the wanted name; observed when there is no link.
    holders: Sequence[NameHolder] = field(default_factory=tuple)


def plan_product(now: ProductSituation) -> Plan:
    """Items are created once; from then on they are the bookkeeper's."""
    if now.lms is None:
        # The item stays, and is free to be linked to another product.
        gone = "not in the LMS any more; items are never deleted"
        return Plan(action="unlink", reason=gone) if now.linked else nothing(gone)
    if now.linked:
        return nothing("in QuickBooks already; items are the bookkeeper's from then on")
    return create_or_adopt(now.lms.name, "product", now.holders)
