"""Typed records as JSON and back: for staged rows and for the base of a link.

Decimals travel as JSON numbers (PostgreSQL's jsonb keeps them exact), dates as ISO text, record keys as pairs.
"""

from collections.abc import Mapping
from decimal import Decimal
from threading import Lock
from typing import Any, TypeVar

import msgspec

from include.model.customer import Customer
from include.model.invoice import Invoice
from include.model.payment import Credit, CreditApplication, Payment
from include.model.product import Product
from include.model.record import Entity

Canonical = Customer | Product | Invoice | Credit | CreditApplication | Payment

#: What both sides agree on, by entity.
CANONICAL: Mapping[Entity, type[Canonical]] = {
    "billing_account": Customer,
    "doctor_office": Customer,
    "product": Product,
    "special_item": Product,
    "invoice": Invoice,
    "credit": Credit,
    "credit_application": CreditApplication,
    "payment": Payment,
}

T = TypeVar("T")

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def dumps(value: Any) -> str:
    """JSON text of dataclasses, named tuples, enums, dates, Decimals and what JSON knows itself."""
    return _encoder.encode(value).decode()


def loads(text: str | bytes) -> Any:
    """Plain Python values; a number with a point is a Decimal."""
    return _decoder.decode(text)


#: Kinds that msgspec knows by now, and the lock under which it gets to know one: a second thread that meets what it has
#: half noted of a dataclass never comes back.
_known: set[Any] = set()
_learning = Lock()


def typed(plain: Any, kind: type[T]) -> T:
    """Plain values (from `loads`) as a dataclass. Raises msgspec.ValidationError where they do not fit."""
    if kind in _known:
        return msgspec.convert(plain, kind)
    with _learning:
        found = msgspec.convert(plain, kind)
        _known.add(kind)
    return found


def plain(value: Any) -> Any:
    """The value as `loads` would give it back."""
    return loads(_encoder.encode(value))


def base_of(entity: Entity, stored: Any) -> Canonical | None:
    """What was agreed on, out of a link's base; None for a link that somebody made by hand and that has none yet."""
    return typed(stored, CANONICAL[entity]) if stored else None
