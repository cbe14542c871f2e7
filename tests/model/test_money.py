"""Money: exact, half up to the cent, never a float."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.model.money import extend, show, to_cents


@given(st.decimals(-(10**9), 10**9, places=5))
def test_rounding_is_half_up_and_at_most_half_a_cent_off(value: Decimal) -> None:
    rounded = to_cents(value)
    assert abs(rounded - value) <= Decimal("0.005")
    assert rounded == rounded.quantize(Decimal("0.01"))


@pytest.mark.rule("8.6.a")
@pytest.mark.parametrize(
    ("value", "cents"), [("0.005", "0.01"), ("1.115", "1.12"), ("2.675", "2.68"), ("-0.005", "-0.01")]
)
def test_half_a_cent_goes_away_from_zero(value: str, cents: str) -> None:
    assert to_cents(Decimal(value)) == Decimal(cents)


@pytest.mark.rule("8.6.a")
def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError, match="money is Decimal, not float"):
        to_cents(1.1)  # type: ignore[arg-type]


def test_a_line_is_quantity_times_price() -> None:
    assert extend(Decimal("1.5"), Decimal("33.33")) == Decimal("50.00")


def test_amounts_read_as_a_bookkeeper_writes_them() -> None:
    assert [show(Decimal(x)) for x in ("1234.5", "-0.1", "0")] == ["$1,234.50", "-$0.10", "$0.00"]
