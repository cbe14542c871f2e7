"""The plan for products and special items (rules 1 and 3)."""

from dataclasses import dataclass

from include.model.plan import Cause, Plan, nothing
from include.model.product import Product
from include.model.record import Entity
from include.model.settings import LabSettings
from include.model.staged import Context, NamedRecord, StagedRecord, Version, WantedName
from include.sync.plan.decide import decide
from include.sync.plan.matrix import allowed
from include.sync.plan.names import create_or_adopt, proposals


@dataclass(kw_only=True, slots=True)
class ProductContext(Context):
    """What is known around a product."""

    #: Not linked: items of its name.
    bearers: tuple[NamedRecord, ...] = ()
    #: Where its name is another's: one that nobody in QuickBooks has.
    free_name: str | None = None


StagedProduct = StagedRecord[Product, Product, Version, ProductContext]


def plan_product(record: StagedProduct, lab: LabSettings) -> Plan[Product]:
    """Items are created once; from then on they are the bookkeeper's."""
    lms = record.lms
    if lms is None:
        # The item stays, and is free to be linked to another product.
        return Plan(step="unlink", cause=Cause.REMOVED_FROM_LMS) if record.link else nothing(Cause.NEVER_SYNCED)
    # That it is there is all that both sides keep in step.
    there = True if record.link else None
    decision = decide(there, True, there, allowed(record.entity, lab.connection))
    if decision.step != "create":
        return nothing(Cause.IN_STEP if record.link else Cause.DIRECTION)
    # Every currency sells the same items.
    known = record.known
    return create_or_adopt(lms, _wanted(record.entity, lms), known.bearers, known.free_name, home_currency=None)


def name_proposals(record: StagedProduct) -> tuple[str, ...]:
    """Where the name of a new item is another's: names to propose, if QuickBooks says that they are free."""
    if record.link or record.lms is None:
        return ()
    return proposals(_wanted(record.entity, record.lms), record.known.bearers)


def _wanted(entity: Entity, lms: Product) -> WantedName:
    return WantedName(noun="product" if entity == "product" else "item", name=lms.name)
