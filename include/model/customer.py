"""A customer of a billing lab: a billing account, or a doctor–office pair below it."""

from dataclasses import dataclass

from include.model.record import RecordKey

#: Characters of a name that QuickBooks takes (fact 9.1).
NAME_LIMIT = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Customer:
    """What QuickBooks is told of a customer (rule 2)."""

    name: str
    email: str | None = None
    phone: str | None = None
    #: The billing account that a sub-customer stands under; None for a billing account.
    parent: RecordKey | None = None
    #: Whether this customer gets a record in QuickBooks of its own accord: accounts do once an invoice needs them,
    #: pairs where their account is detailed.
    wanted: bool = True
