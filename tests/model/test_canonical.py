"""What a record of any kind says, as far as its kind has it."""

import pytest

from include.model.canonical import amount_of, customer_of, day_of
from include.model.customer import Customer
from include.model.product import Product
from include.model.typed_json import Canonical
from tests.support.planning import ACCOUNT, DAY, a_credit, a_payment, an_invoice, credit_applied, dollars


@pytest.mark.parametrize(
    "record", [an_invoice(100), a_payment(100, i1=40), a_credit(100), credit_applied(i1=60, i2=40)], ids=type
)
def test_a_transaction_has_a_customer_a_day_and_an_amount(record: Canonical) -> None:
    assert (customer_of(record), day_of(record), amount_of(record)) == (ACCOUNT, DAY, dollars(100))


@pytest.mark.parametrize("record", [None, Customer(name="Lakeside"), Product(name="Crown")], ids=type)
def test_customers_and_items_have_none(record: Canonical | None) -> None:
    assert (customer_of(record), day_of(record), amount_of(record)) == (None, None, None)
