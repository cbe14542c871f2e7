"""Money that is allocated to invoices and released from them: none is created, none is lost (rules 6 and 7)."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import permutations

from hypothesis import assume, given
from hypothesis import strategies as st

from include.model.money import ZERO
from include.model.payment import Application, ordered
from include.model.record import RecordKey
from include.sync.plan.allocation import (
    allocate,
    only_releases,
    other_amounts,
    release_first,
    takes_more_from,
    total_of,
    without,
)
from tests.support.planning import applied, dollars

AMOUNTS = st.sampled_from([ZERO, Decimal("10.00"), Decimal("25.50")])
CENTS = st.integers(1, 10_000).map(lambda cents: Decimal(cents) / 100)
INVOICES = st.sampled_from(["1", "2", "3", "10"])
Applications = tuple[Application, ...]


def applications(min_size: int = 0) -> st.SearchStrategy[Applications]:
    return st.dictionaries(INVOICES, CENTS, min_size=min_size, max_size=4).map(
        lambda amounts: tuple(
            Application(invoice=RecordKey("invoice", id_), amount=one) for id_, one in amounts.items()
        )
    )


APPLICATIONS, SOME = applications(), applications(min_size=1)
OPEN = st.dictionaries(INVOICES, CENTS).map(
    lambda amounts: {RecordKey("invoice", id_): one for id_, one in amounts.items()}
)


def by_invoice(applications: Applications) -> dict[RecordKey, Decimal]:
    return {one.invoice: one.amount for one in applications}


def keys(*ids: str) -> tuple[RecordKey, ...]:
    return tuple(RecordKey("invoice", id_) for id_ in ids)


# ------------------------------------------------------------------ allocate


@given(AMOUNTS, st.lists(AMOUNTS, max_size=3))
def test_no_more_is_applied_than_the_payment_has(amount: Decimal, shares: list[Decimal]) -> None:
    on_it = [Application(invoice=RecordKey("invoice", str(n)), amount=share) for n, share in enumerate(shares)]
    kept = allocate(amount, on_it)
    assert sum((one.amount for one in kept), ZERO) == min(amount, sum(shares, ZERO))
    assert kept == ordered(list(kept))


@given(CENTS | st.just(ZERO), APPLICATIONS, APPLICATIONS)
def test_all_the_money_is_allocated_and_no_invoice_gets_more_than_it_takes(
    money: Decimal, there: Applications, agreed: Applications
) -> None:
    kept = allocate(money, there, agreed)
    assert total_of(kept) == min(money, total_of(there))
    takes = by_invoice(there)
    assert len(by_invoice(kept)) == len(kept), "an invoice stands on it once"
    assert all(ZERO < one.amount <= takes[one.invoice] for one in kept)
    assert kept == ordered(list(kept)), "in an order that two sides can compare"


@given(APPLICATIONS)
def test_money_that_is_enough_pays_each_invoice_whole(there: Applications) -> None:
    assert by_invoice(allocate(total_of(there), there)) == by_invoice(there)


@given(st.data(), APPLICATIONS)
def test_what_was_agreed_on_stays_when_it_fits(data: st.DataObject, there: Applications) -> None:
    assume(there)
    agreed = ordered(
        [
            Application(invoice=one.invoice, amount=data.draw(st.sampled_from([one.amount, one.amount / 2])))
            for one in there[data.draw(st.integers(0, len(there) - 1)) :]
        ]
    )
    assert allocate(total_of(agreed), there, agreed) == agreed


def test_of_which_invoice_a_credit_memo_has_paid_the_rest_the_agreement_says() -> None:
    there = applied(i1=60, i2=60)
    assert allocate(dollars(60), there) == applied(i1=60)
    assert allocate(dollars(60), there, applied(i2=60)) == applied(i2=60)
    assert allocate(dollars(60), there, applied(i1=30, i2=30)) == applied(i1=30, i2=30)


def test_what_was_agreed_on_does_not_stay_when_it_does_not_fit() -> None:
    there = applied(i1=60, i2=60)
    assert allocate(dollars(60), there, applied(i2=70)) == applied(i1=60), "more than the invoice takes"
    assert allocate(dollars(60), there, applied(i3=60)) == applied(i1=60), "an invoice that is not on it any more"
    assert allocate(dollars(60), there, applied(i2=50)) == applied(i1=60), "not all of the money"
    assert allocate(dollars(60), there, applied(i1=60, i2=60)) == applied(i1=60), "more than the money"


@given(CENTS, APPLICATIONS, APPLICATIONS)
def test_to_allocate_what_was_allocated_changes_nothing(
    money: Decimal, there: Applications, agreed: Applications
) -> None:
    kept = allocate(money, there, agreed)
    assert allocate(money, kept) == kept
    assert allocate(money, there, kept) == kept, "the next run finds the same"


@given(APPLICATIONS)
def test_applications_compare_whatever_order_they_were_read_in(there: Applications) -> None:
    for order in permutations(there):
        assert ordered(list(order)) == ordered(list(there))
    numbers = [int(one.invoice.id) for one in ordered(list(there))]
    assert numbers == sorted(numbers), "as numbers: 2 before 10"


# ------------------------------------------------------------------ release


@given(APPLICATIONS, APPLICATIONS)
def test_those_that_take_more_are_named_only_if_others_give_some(before: Applications, wanted: Applications) -> None:
    takes = takes_more_from(before, wanted)
    held, then = by_invoice(before), by_invoice(wanted)
    more = {key for key, amount in then.items() if amount > held.get(key, ZERO)}
    gives = any(then.get(key, ZERO) < amount for key, amount in held.items())
    assert set(takes) == (more if gives else set())


@given(SOME, SOME)
def test_what_is_left_is_on_no_invoice_above_before_nor_above_what_is_wanted(
    before: Applications, wanted: Applications
) -> None:
    left = release_first(before, wanted, {})
    assume(left is not None)
    assert left is not None
    held, then = by_invoice(before), by_invoice(wanted)
    assert by_invoice(left) == {key: min(held[key], then[key]) for key in held.keys() & then.keys()}
    assert total_of(left) < total_of(before), "something is released"
    assert total_of(left) < total_of(wanted), "and something is still to be taken"
    assert only_releases(before, left), "so it goes before all that take"


@given(SOME, SOME)
def test_what_was_released_first_takes_the_rest_once_there_is_room(before: Applications, wanted: Applications) -> None:
    left = release_first(before, wanted, {})
    assume(left is not None)
    assert left is not None
    assert release_first(left, wanted, {}) is None, "it does not release forever"


@given(APPLICATIONS, APPLICATIONS, OPEN)
def test_they_change_at_once_if_every_invoice_has_room_for_what_it_takes(
    before: Applications, wanted: Applications, open_balances: Mapping[RecordKey, Decimal]
) -> None:
    takes = takes_more_from(before, wanted)
    held, then = by_invoice(before), by_invoice(wanted)
    room = all(then[key] - held.get(key, ZERO) <= open_balances.get(key, ZERO) for key in takes)
    assert (release_first(before, wanted, open_balances) is None) == (not takes or room)


def test_two_that_swap_their_invoices_both_let_go_first() -> None:
    one, other = applied(i1=100), applied(i2=100)
    assert takes_more_from(one, other) == keys("2")
    assert release_first(one, other, {}) == ()
    assert release_first(other, one, {}) == ()
    assert release_first(one, other, {RecordKey("invoice", "2"): dollars(100)}) is None
    assert release_first(one, other, {RecordKey("invoice", "2"): dollars("99.99")}) == ()


def test_only_what_an_invoice_takes_more_than_it_has_needs_room() -> None:
    before, wanted = applied(i1=50, i2=50), applied(i1=60, i2=40)
    assert release_first(before, wanted, {RecordKey("invoice", "1"): dollars(10)}) is None
    assert release_first(before, wanted, {RecordKey("invoice", "1"): dollars("9.99")}) == applied(i1=50, i2=40)


def test_a_part_that_moves_leaves_the_rest_where_it_is() -> None:
    before, wanted = applied(i1=60, i2=40), applied(i1=20, i2=40, i3=40)
    assert release_first(before, wanted, {}) == applied(i1=20, i2=40)


def test_money_that_only_comes_or_only_leaves_changes_at_once() -> None:
    assert release_first((), applied(i1=50), {}) is None
    assert release_first(applied(i1=50), (), {}) is None
    assert release_first(applied(i1=50, i2=20), applied(i1=40), {}) is None
    assert release_first(applied(i1=50), applied(i1=50, i2=20), {}) is None


# ------------------------------------------------------------------ only releases, without


@given(APPLICATIONS, APPLICATIONS)
def test_only_releases_means_that_no_invoice_has_more_and_one_has_less(
    before: Applications, after: Applications
) -> None:
    held, now = by_invoice(before), by_invoice(after)
    every = held.keys() | now.keys()
    no_more = all(now.get(key, ZERO) <= held.get(key, ZERO) for key in every)
    less = any(now.get(key, ZERO) < held.get(key, ZERO) for key in every)
    assert only_releases(before, after) == (no_more and less)


@given(APPLICATIONS, st.sets(INVOICES))
def test_without_leaves_the_others_as_they_were(there: Applications, ids: set[str]) -> None:
    leaving = set(keys(*ids))
    kept = without(there, leaving)
    assert [one for one in there if one.invoice not in leaving] == list(kept)
    assert total_of(kept) + sum(by_invoice(there).get(key, ZERO) for key in leaving) == total_of(there)


@given(APPLICATIONS, APPLICATIONS)
def test_invoices_of_which_another_amount_is_settled(before: Applications, after: Applications) -> None:
    was, now = by_invoice(before), by_invoice(after)
    assert other_amounts(before, after) == {key for key in {*was, *now} if was.get(key) != now.get(key)}
