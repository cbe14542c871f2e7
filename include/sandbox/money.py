"""Money and numbers: Decimal inside, minimal JSON numbers outside (fact 2.5)."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import simplejson

ZERO = Decimal(0)
_CENT = Decimal("0.01")
_TENTH = Decimal("0.1")
_ONE = Decimal(1)


def cents(value: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def money(value: Decimal) -> Decimal:
    """Rounded to the cent and shaped so that it prints as Intuit prints it: 0, 100.0, 362.07."""
    rounded = value.quantize(_CENT, ROUND_HALF_UP)
    if not rounded:
        return ZERO
    tenths = rounded.quantize(_TENTH, ROUND_HALF_UP)
    return tenths if tenths == rounded else rounded


def plain(value: Decimal) -> Decimal:
    """A quantity or price with all its decimals and no trailing zeros: 1, 0.5306667."""
    if value == value.to_integral_value():
        return value.quantize(_ONE)
    return value.normalize()


def decimal_of(value: Any) -> Decimal | None:
    """The number in a JSON value (clients send strings too), or None if it is none."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, str):
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            return None
        return number if number.is_finite() else None
    return None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def loads(raw: bytes | str) -> Any:
    """JSON in, with Decimal for every number."""
    return json.loads(raw, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant)


def loads_plain(raw: bytes | str) -> Any:
    """JSON in, with int for whole numbers: the server's own notes and settings."""
    return json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)


def dumps(value: Any) -> bytes:
    """JSON out, exact."""
    return simplejson.dumps(value, use_decimal=True, separators=(",", ":"), ensure_ascii=False).encode()
