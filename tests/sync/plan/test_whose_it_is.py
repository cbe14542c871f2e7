"""Whose a transaction is, over all that the three versions can say (rule 9)."""

from itertools import product

import pytest

from include.model.payment import Payment
from include.model.record import Owner, RecordKey
from include.model.staged import Payer
from include.sync.plan import whose
from tests.support.planning import DAY, dollars

A, B = RecordKey("billing_account", "1"), RecordKey("billing_account", "2")
PAIR = RecordKey("doctor_office", "3")


def money(customer: RecordKey, owner: Owner | None) -> Payment:
    return Payment(date=DAY, customer=customer, amount=dollars(10), owner=owner)


@pytest.mark.rule("2.d", "2.e", "9.a")
def test_only_another_account_or_pair_is_another_customer() -> None:
    owners = (Owner("1"), Owner("1", "3"), Owner("2"), None)
    for agreed, said, now in product(owners, owners, (A, B, PAIR)):
        base, ours = money(A, agreed), money(now, said)
        changed = agreed is not None and said is not None and agreed != said
        assert whose.names_another(ours, base) is changed
        assert whose.customer_in_lms(ours, base) == (now if changed else A), (
            "what is booked stays when only the structure changes"
        )
        assert whose.customer_in_lms(ours, None) == now


@pytest.mark.rule("9.b")
def test_a_customer_in_quickbooks_is_whom_it_is_linked_to() -> None:
    assert whose.customer_in_quickbooks(None, A, B) is None
    assert whose.customer_in_quickbooks(Payer(key=B, owner=Owner("2")), A, A) == B
    assert whose.customer_in_quickbooks(Payer(key=A, owner=Owner("1"), keys=(A,)), None, None) == A


def test_a_customer_that_is_linked_twice_is_whichever_of_the_two_was_agreed_on() -> None:
    twice = Payer(key=A, owner=Owner("1"), keys=(A, PAIR))
    assert whose.customer_in_quickbooks(twice, PAIR, A) == PAIR
    assert whose.customer_in_quickbooks(twice, B, PAIR) == PAIR
    assert whose.customer_in_quickbooks(twice, B, None) == A
