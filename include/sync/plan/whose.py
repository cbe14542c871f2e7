"""Whose a transaction is: customer and sub-customer are part of what both sides agree on (rule 9).

The LMS names an account and perhaps a pair; which customer that is, the account's structure says at the time (rule 2).
What is booked on a customer stays there when only the structure changes: so the LMS has changed a transaction's
customer only where it names another account or pair than before.
"""

from typing import Protocol

from include.model.record import Owner, RecordKey
from include.model.staged import Payer


class Billed(Protocol):
    """An invoice, payment or credit."""

    @property
    def customer(self) -> RecordKey:
        """The account or pair that its customer stands for."""

    @property
    def owner(self) -> Owner | None:
        """What the LMS names; None: not known."""


def names_another(ours: Billed, base: Billed) -> bool:
    """Whether the LMS names another account or pair than was agreed on."""
    return base.owner is not None and ours.owner is not None and ours.owner != base.owner


def customer_in_lms(ours: Billed, base: Billed | None, theirs: RecordKey | None = None) -> RecordKey:
    """Whom the LMS's version is for. `base`: what was agreed on, if anything was; `theirs`: whom QuickBooks' version is
    for, which may have followed the account's new structure."""
    if base is None or names_another(ours, base) or theirs == ours.customer:
        return ours.customer
    return base.customer


def customer_in_quickbooks(payer: Payer | None, *known: RecordKey | None) -> RecordKey | None:
    """Whom QuickBooks' version is for; None: its customer is linked to nothing.

    `known`: whom the base and the LMS say. A customer that is linked twice stands for whichever of its two is one.
    """
    if payer is None:
        return None
    return next((key for key in known if key in (payer.key, *payer.keys)), payer.key)
