"""How the money of payments and credits is allocated to invoices, and released from them (rules 6 and 7)."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from include.model.money import ZERO
from include.model.payment import Application, ordered
from include.model.record import RecordKey


def total_of(applications: Sequence[Application]) -> Decimal:
    """The amounts added up."""
    return sum((one.amount for one in applications), ZERO)


def allocate(
    money: Decimal, applications: Sequence[Application], agreed: Sequence[Application] = ()
) -> tuple[Application, ...]:
    """The applications as far as the payment's own money goes: a credit memo in it may have paid the rest.

    Of which invoice, QuickBooks does not say: what both sides have agreed on stays as long as it fits.
    """
    there = {one.invoice: one.amount for one in applications}
    fits = all(one.amount <= there.get(one.invoice, ZERO) for one in agreed)
    if agreed and fits and total_of(agreed) == min(money, total_of(applications)):
        return ordered(list(agreed))
    kept, left = [], money
    for one in applications:
        share = min(one.amount, left)
        if share > 0:
            kept.append(Application(invoice=one.invoice, amount=share))
            left -= share
    return ordered(kept)


def takes_more_from(before: Sequence[Application], wanted: Sequence[Application]) -> tuple[RecordKey, ...]:
    """The invoices that would take more money than before; none if no money would leave another one for that."""
    held = {one.invoice: one.amount for one in before}
    takes = tuple(one.invoice for one in wanted if one.amount > held.get(one.invoice, ZERO))
    return takes if takes and _kept(held, wanted) != held else ()


def release_first(
    before: Sequence[Application], wanted: Sequence[Application], open_balances: Mapping[RecordKey, Decimal]
) -> tuple[Application, ...] | None:
    """What is left of the applications once they have been released from the invoices that they leave; None: they can
    change at once.

    Money that moves from one invoice to another cannot get there while another payment or credit still holds it, and
    that one may be waiting for the first (they swap). So each releases what it leaves, and takes the rest next time.
    `open_balances`: in QuickBooks, of the invoices that take more.
    """
    held = {one.invoice: one.amount for one in before}
    takes = takes_more_from(before, wanted)
    if not takes:
        return None
    amounts = {one.invoice: one.amount for one in wanted}
    if all(amounts[key] - held.get(key, ZERO) <= open_balances.get(key, ZERO) for key in takes):
        return None
    return tuple(Application(invoice=key, amount=amount) for key, amount in _kept(held, wanted).items())


def _kept(held: Mapping[RecordKey, Decimal], wanted: Sequence[Application]) -> dict[RecordKey, Decimal]:
    return {one.invoice: min(one.amount, held[one.invoice]) for one in wanted if one.invoice in held}


def only_releases(before: Sequence[Application], after: Sequence[Application]) -> bool:
    """Whether money only leaves invoices: such writes go first, others may be about to put theirs there (rule 8.5)."""
    held = {one.invoice: one.amount for one in before}
    now = {one.invoice: one.amount for one in after}
    return now != held and all(amount <= held.get(invoice, ZERO) for invoice, amount in now.items())


def other_amounts(before: Sequence[Application], after: Sequence[Application]) -> set[RecordKey]:
    """The invoices that another amount is applied to than before."""
    return {one.invoice for one in {*before} ^ {*after}}


def without(applications: Sequence[Application], invoices: Collection[RecordKey]) -> tuple[Application, ...]:
    """The applications, less those to these invoices."""
    return tuple(one for one in applications if one.invoice not in invoices)
