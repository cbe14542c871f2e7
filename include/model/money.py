"""Money and quantities: exact decimals, rounded in one place.

QuickBooks rounds an amount half up to the cent (facts 9.4, 9.7); so does the LMS (contract 2).
"""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")

#: Stands for an amount or quantity that is none (PostgreSQL's NaN): beyond all that the LMS's columns hold, so that it
#: is never taken for one. The expectations refuse it.
NO_NUMBER = Decimal("-100000000000.00")


def to_cents(value: Decimal) -> Decimal:
    """Round half up to the cent. Raises TypeError for a float: it has lost the exact value already."""
    if not isinstance(value, Decimal):
        raise TypeError(f"money is Decimal, not {type(value).__name__}")
    return value.quantize(CENT, ROUND_HALF_UP)


def extend(quantity: Decimal, unit_price: Decimal) -> Decimal:
    """The amount of a line: quantity × unit price, half up to the cent."""
    return to_cents(quantity * unit_price)


def show(amount: Decimal) -> str:
    """An amount as a bookkeeper reads it: $1,234.50."""
    sign = "-" if amount < 0 else ""
    return f"{sign}${abs(to_cents(amount)):,.2f}"
