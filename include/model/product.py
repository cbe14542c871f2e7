"""A product or service that a lab sells, or one of the special items that stand for tax and credits."""

from dataclasses import dataclass
from decimal import Decimal

#: Characters of a name that QuickBooks takes (fact 9.2).
NAME_LIMIT = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """What QuickBooks is told of an item (rule 3)."""

    name: str
    description: str | None = None
    #: Dollars; None for a special item, whose price stands on each line.
    unit_price: Decimal | None = None
