"""Makes cases: what was ordered, for whom, with which words, and how it is billed."""

import datetime as dt
import random
from decimal import Decimal

from include.demo.catalogue import Product
from include.demo.names import (
    ARCH_NOTES,
    BILLING_NOTES,
    FAMILY_NAMES,
    GIVEN_NAMES,
    SHADES,
    SHIPPING,
    TOOTH_NOTES,
    listed,
)
from include.demo.records import Case, Line, cents

DAYS = 90
MEMO_LIMIT = 4000  # QuickBooks' limit: a few notes are longer, to be seen cut with an ellipsis
TAX_RATE = Decimal("0.0625")
FRACTIONS = [Decimal(text) for text in ("1.5", "0.5", "2.25", "0.333", "1.125")]


class CaseMaker:
    """Makes one case after the other, with numbers that follow each other."""

    def __init__(self, rng: random.Random, today: dt.date, products: tuple[Product, ...]) -> None:
        self._rng = rng
        self._today = today
        self._products = [product for product in products if product.unit_price or product.notation == "tooth"]
        self._priced = [product for product in products if product.unit_price]
        self._made = 0
        self._given = GIVEN_NAMES.split()
        self._family = FAMILY_NAMES.split()
        self._notes = {"tooth": listed(TOOTH_NOTES), "arch": listed(ARCH_NOTES), "none": [""]}
        self._billing_notes = listed(BILLING_NOTES)

    def make(self, lab: str, pair: str, lines: tuple[Line, ...] = (), days_ago: int | None = None) -> Case:
        """A case invoiced within the last 90 days; with these lines, if there are any."""
        self._made += 1
        chosen = lines or self._lines()
        net = sum((line.amount - line.discount for line in chosen), Decimal("0.00"))
        ago = self._rng.randrange(DAYS) if days_ago is None else days_ago
        return Case(
            number=f"LD-{10000 + self._made}",
            lab=lab,
            pair=pair,
            lines=chosen,
            patient=self._patient(),
            notes=self._case_notes(),
            invoiced_on=self._today - dt.timedelta(days=ago),
            shipping=Decimal(self._rng.choice(SHIPPING)) if self._rng.random() < 0.35 else Decimal("0.00"),
            tax=cents(net * TAX_RATE) if self._rng.random() < 0.12 else Decimal("0.00"),
        )

    def line(self, product: Product, quantity: str = "1", discount: str = "0.00") -> Line:
        """A line of a given product at its price."""
        notation = self._notation(product)
        return Line(product.name, Decimal(quantity), product.unit_price, Decimal(discount), notation)

    def _lines(self) -> tuple[Line, ...]:
        count = self._rng.choices(range(1, 7), weights=(30, 30, 18, 12, 6, 4))[0]
        first = self._rng.choice(self._priced)  # never an order of free things only
        return tuple(
            self._random_line(product)
            for product in [first, *(self._rng.choice(self._products) for _ in range(count - 1))]
        )

    def _random_line(self, product: Product) -> Line:
        if product.name.endswith("per Gram"):
            quantity = Decimal(self._rng.randrange(400, 6900)) / 1000
        elif self._rng.random() < 0.06:
            quantity = self._rng.choice(FRACTIONS)
        else:
            quantity = Decimal(self._rng.choices((1, 2, 3, 4), weights=(70, 18, 8, 4))[0])
        line = Line(product.name, quantity, product.unit_price, notation=self._notation(product))
        if self._rng.random() >= 0.12:
            return line
        percent = Decimal(self._rng.choice((5, 10, 15, 50))) / 100
        return Line(line.product, quantity, line.unit_price, cents(line.amount * percent), line.notation)

    def _notation(self, product: Product) -> str | None:
        words = self._rng.choice(self._notes[product.notation])
        if product.notation == "tooth":
            words = f"#{self._rng.randint(1, 32)}, shade {self._rng.choice(SHADES)}; {words}".strip("; ")
        return words or None

    def _patient(self) -> str | None:
        if self._rng.random() < 0.1:
            return None
        return f"{self._rng.choice(self._family)}, {self._rng.choice(self._given)[0]}."

    def _case_notes(self) -> str | None:
        if self._made % 250 == 7:
            return self._long_notes(MEMO_LIMIT + 400)
        if self._rng.random() < 0.03:
            return self._long_notes(1200)
        if self._rng.random() < 0.4:
            return None
        return "\n".join(self._rng.sample(self._billing_notes, self._rng.choice((1, 1, 2))))

    def _long_notes(self, length: int) -> str:
        notes: list[str] = []
        while sum(map(len, notes)) < length:
            notes.append(self._rng.choice(self._billing_notes))
        return " ".join(notes)
