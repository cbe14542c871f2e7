"""Poison: records of the LMS that no bookkeeper meant, written by SQL as the LMS would, healthy ones between.

The LMS's tables take whatever their types take: names of any characters but NUL (half a surrogate is no text to
PostgreSQL), days from 4713 BC to infinity, amounts that are no number. Each seed is another mixture.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg

from tests.support.quickbooks import Json
from tests.support.world import World

#: (entity, LMS id)
Key = tuple[str, int]

_CONTROLS = [chr(code) for code in (*range(1, 0x20), *range(0x7F, 0xA0))]
#: Of every plane one character, a private one and one that is none.
_PLANES = [chr(plane * 0x10000 + code) for plane in range(17) for code in (0x1D5, 0xE123, 0xFFFE)]
_ODD = [
    "\u202e",
    "\u200b",
    "\u2028",
    "\ufeff",
    "\u0301",
    "'",
    "\\",
    '"',
    "%",
    "{}",
    "<b>",
    "&amp;",
    ":",
    "\ud7ff",
    "(deleted)",
]
#: Names that are nothing but blank.
_BLANK = ["", " ", "\u00a0", "\t", "\u3000", "\u200b", "\r\n", "\x1f"]
_MONEY = [
    "0",
    "-0.01",
    "-100",
    "0.01",
    "9999999999.99",
    "-9999999999.99",
    "99999999999.99",
    "NaN",
    "100000000000",
    "999999999.99",
]
_QUANTITY = ["0", "-1", "0.001", "999999999.999", "-999999999.999", "NaN", "0.333"]
_DAYS = [
    "1900-01-01", "2100-12-31", "0001-01-01", "9999-12-31", "10000-01-01", "5874897-12-31",
    "4713-01-01 BC", "infinity", "-infinity", "2024-02-29", "1582-10-10",
]  # fmt: skip
_MAIL = ["", "nobody", "a@b", "@", "a@b.c," * 40, "é@ü.de", "a b@c.de", "<script>@x.y", "x" * 200 + "@example.com"]


@dataclass
class Planted:
    """What was written: names of records, and of the poison what is wrong with it."""

    healthy: list[Key] = field(default_factory=list)
    poison: dict[Key, str] = field(default_factory=dict)


class Poisoner:
    """Writes records by a seed. Every second one is healthy."""

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._random = world, random.Random(seed)
        self._serial = 0
        self.planted = Planted()
        account = world.account(f"Healthy Dental {seed}")
        self._account, self._pair = account, world.pair(account)
        self._product = world.product(f"Healthy Crown {seed}")

    def plant(self, count: int) -> Planted:
        """So many records, a quarter of them healthy."""
        kinds: Sequence[Callable[[], None]] = [
            self._bad_account, self._bad_pair, self._bad_product, self._bad_invoice, self._bad_invoice,
            self._bad_invoice, self._bad_case, self._bad_payment, self._bad_payment, self._bad_credit,
            self._healthy_invoice, self._healthy_payment, self._healthy_credit, self._healthy_invoice,
        ]  # fmt: skip
        with self._world.connection.transaction():
            while len(self.planted.healthy) + len(self.planted.poison) < count:
                self._random.choice(kinds)()
        return self.planted

    # ------------------------------------------------------------------ texts

    def _text(self, length: int = 12) -> str:
        """Words with something in them that does not belong there."""
        self._serial += 1
        dice = self._random
        kind = dice.randrange(8)
        if kind == 0:
            return dice.choice(_BLANK)
        if kind == 1:
            return f"{'x' * dice.choice([length, 100, 101, 500, 501, 4001, 70_000])}{self._serial}"
        odd = dice.choice([_CONTROLS, _PLANES, _ODD])
        middle = "".join(dice.choices(odd, k=dice.choice([1, 1, 2, 9])))
        return f"Odd {middle} {self._serial}" if kind < 7 else f"{middle}{self._serial}{middle}"

    def _number(self) -> str:
        """An invoice number. The LMS has each once, and a blank one with more blanks is another."""
        text = self._text(22)
        return text + " " * self._serial if text in _BLANK else text

    def _id(self, statement: str, *parameters: Any) -> int:
        with self._world.connection.transaction():
            row = self._world.connection.execute(statement.encode(), parameters).fetchone()
        assert row
        return int(row[0])

    # ------------------------------------------------------------------ lists

    def _add_account(self, name: str, **more: Any) -> int:
        return self._id(
            "insert into lms.billing_account (name, accounting_structure, email, phone, active)"
            " values (%s, %s, %s, %s, %s) returning id",
            name, more.get("structure", "combined"), more.get("email"), more.get("phone"), more.get("active", True),
        )  # fmt: skip

    def _add_pair(self, account: int, name: str) -> int:
        return self._id(
            "insert into lms.doctor_office (billing_account_id, doctor_name, office_name, child_subaccount_name)"
            " values (%s, 'Dr. Odd', '', %s) returning id",
            account, name,
        )  # fmt: skip

    def _add_product(self, name: str, price: str, description: str | None) -> int:
        return self._id(
            "insert into lms.product (name, description, unit_price) values (%s, %s, %s)"
            " on conflict (name) do update set description = excluded.description returning id",
            name, description, price,
        )  # fmt: skip

    def _bad_account(self) -> None:
        dice = self._random
        more: dict[str, Any]
        if dice.random() < 0.3:
            name, more = f"Fine {self._serial} ", {"email": dice.choice(_MAIL), "phone": self._text(31)}
            self._serial += 1
        else:
            name, more = self._text(), {"active": dice.random() < 0.8}
        account = self._add_account(name, **more)
        self._note("billing_account", account, f"{name[:40]!r} {str(more)[:60]}")
        self._invoice(pair=self._add_pair(account, f"Pair {self._serial}"), poison="of a poisoned account")

    def _bad_pair(self) -> None:
        self._serial += 1
        account = self._add_account(f"Detailed {self._serial}", structure="detailed")
        name = self._text()
        pair = self._add_pair(account, name)
        self._note("doctor_office", pair, repr(name[:40]))
        self._invoice(pair=pair, poison="of a poisoned pair")

    def _bad_product(self) -> None:
        name, price = self._text(), self._random.choice(_fitting(_MONEY))
        product = self._add_product(name, price, self._text())
        self._note("product", product, f"{name[:40]!r} {price}")
        self._invoice(product=product, poison="of a poisoned product")

    # ------------------------------------------------------------------ transactions

    def _invoice(self, *, pair: int | None = None, product: int | None = None, poison: str | None = None) -> int:
        """An invoice of a case over $100, as the LMS makes it."""
        invoice = self._id("select lms.invoice_case(%s, '2026-06-01')", self._case(pair, product))
        self._note("invoice", invoice, poison)
        return invoice

    def _case(self, pair: int | None = None, product: int | None = None, notes: str | None = None) -> int:
        self._serial += 1
        case = self._id(
            "insert into lms.lab_case (billing_lab_id, doctor_office_id, case_number, billing_notes, status)"
            " values (%s, %s, %s, %s, 'completed') returning id",
            self._world.lab, pair or self._pair, f"P-{self._serial}", notes,
        )  # fmt: skip
        self._line(case, product, "1", "100.00")
        return case

    def _line(self, case: int, product: int | None, quantity: str, price: str, note: str | None = None) -> None:
        self._world.connection.execute(
            "insert into lms.case_line_item (case_id, position, product_id, quantity, unit_price, discount_amount,"
            " notation) values (%s, 1, %s, %s, %s, 0, %s)",
            [case, product or self._product, quantity, price, note],
        )

    def _bad_case(self) -> None:
        """Poison that the LMS's own action turns into an invoice."""
        dice = self._random
        notes, day = self._text(), dice.choice(_DAYS[:4])
        quantity, price = dice.choice(_QUANTITY), dice.choice(["0.01", "-5", "33.33", "10.00"])
        case = self._case(notes=notes)
        self._line(case, None, quantity, price, self._text())
        try:
            with self._world.connection.transaction():
                row = self._world.connection.execute(
                    "select lms.invoice_case(%s, %s::date, %s, %s)",
                    [case, day, dice.choice(["0", "-3", "5"]), dice.choice(["0", "-1", "2.50"])],
                ).fetchone()
        except psycopg.DataError:
            return  # too much for the LMS itself
        assert row
        self._note("invoice", row[0], f"case of {quantity} at {price} on {day}, {notes[:30]!r}")

    def _bad_invoice(self) -> None:
        """An invoice that the LMS has made and something has spoiled."""
        dice, invoice = self._random, self._invoice()
        column, value = dice.choice(
            [
                ("invoice_number", self._number()),
                ("invoice_number", self._number()),
                ("memo", self._text()),
                ("invoice_date", dice.choice(_DAYS)),
                ("due_date", dice.choice(_DAYS)),
                *(
                    (f"{part}_amount", dice.choice(_fitting(_MONEY)))
                    for part in ("total", "discount", "shipping", "tax")
                ),
                ("balance", dice.choice(_fitting(_MONEY))),
                ("subtotal", dice.choice(_fitting(_MONEY))),
                ("line quantity", dice.choice(_QUANTITY)),
                ("line unit_price", dice.choice(_fitting(_MONEY))),
                ("line amount", dice.choice(_fitting(_MONEY))),
                ("line description", self._text()),
                ("line product_id", None),
                ("no lines", ""),
            ]
        )
        run = self._world.connection.execute
        if column == "no lines":
            run("delete from lms.invoice_line_item where invoice_id = %s", [invoice])
        elif column.startswith("line "):
            name = column.removeprefix("line ")
            run(f"update lms.invoice_line_item set {name} = %s where invoice_id = %s".encode(), [value, invoice])
        else:
            run(f"update lms.invoice set {column} = %s where id = %s".encode(), [value, invoice])
        self._spoil(invoice, f"{column} {str(value)[:40]!r}")
        if dice.random() < 0.2:
            self._money("payment", "10.00", {invoice: "10.00"}, poison="pays a poisoned invoice")

    def _bad_payment(self) -> None:
        self._bad_money("payment")

    def _bad_credit(self) -> None:
        self._bad_money("credit")

    def _bad_money(self, table: str) -> None:
        dice = self._random
        spoiled = dice.choice(["amount", "day", "text", "applied", "more than it is", "no money"])
        amount, applied, more = "50.00", {}, {}
        if spoiled == "amount":
            amount = dice.choice(_fitting(_MONEY))
        elif spoiled == "day":
            more["day"] = dice.choice(_DAYS)
        elif spoiled == "text":
            more["text"] = self._text()
        else:
            invoice = self._invoice()
            self._spoil(invoice, "poison is applied to it")
            applied = {invoice: dice.choice(_fitting(_MONEY)) if spoiled == "applied" else "60.00"}
            amount = "0" if spoiled == "no money" else amount
        self._money(table, amount, applied, poison=f"{spoiled}: {amount} {applied} {str(more)[:50]}", **more)

    def _money(self, table: str, amount: str, applied: dict[int, str], *, poison: str | None, **more: Any) -> None:
        day, texts = (
            ("payment_date", ("method", "reference")) if table == "payment" else ("credit_date", ("reference", "note"))
        )
        text = more.get("text")
        record = self._id(
            f"insert into lms.{table} (billing_lab_id, billing_account_id, {day}, amount, {texts[0]}, {texts[1]})"
            " values (%s, %s, %s, %s, %s, %s) returning id",
            self._world.lab, self._account, more.get("day", "2026-06-15"), amount, text, text,
        )  # fmt: skip
        for invoice, part in applied.items():
            self._world.connection.execute(
                f"insert into lms.{table}_application ({table}_id, invoice_id, amount) values (%s, %s, %s)".encode(),
                [record, invoice, part],
            )
            # As far as the type goes.
            self._world.connection.execute(
                "update lms.invoice set balance = case when abs(balance - %(part)s) < 1e10 or %(part)s = 'NaN'"
                " then balance - %(part)s else sign(balance - %(part)s) * 9999999999.99 end where id = %(id)s",
                {"part": Decimal(part), "id": invoice},
            )
        self._note(table, record, poison)

    # ------------------------------------------------------------------ healthy ones

    def _healthy_invoice(self) -> None:
        self._invoice()

    def _healthy_payment(self) -> None:
        self._money("payment", "40.00", {self._invoice(): "40.00"}, poison=None)

    def _healthy_credit(self) -> None:
        self._money("credit", "30.00", {self._invoice(): "30.00"}, poison=None)

    def _spoil(self, invoice: int, how: str) -> None:
        self.planted.healthy.remove(("invoice", invoice))
        self._note("invoice", invoice, how)

    def _note(self, entity: str, lms_id: int, poison: str | None) -> None:
        if poison is None:
            self.planted.healthy.append((entity, lms_id))
        else:
            self.planted.poison[entity, lms_id] = poison


def _fitting(amounts: Sequence[str]) -> list[str]:
    """Those that the type numeric(12, 2) takes."""
    return [text for text in amounts if text == "NaN" or abs(Decimal(text)) < Decimal("1e10")]


# ---------------------------------------------------------------------- what became of it

_MONEY_OF = {
    "invoice": ("Invoice", "total_amount"),
    "payment": ("Payment", "amount"),
    "credit": ("CreditMemo", "amount"),
}


def judge_sent(world: World, planted: Planted) -> Counter[str]:
    """How many records of the LMS came to which end. Asserts that each is synced right, or is one sync error in words,
    or waits for a record that is one; and that the healthy ones are synced."""
    linked = {(row["entity"], row["lms_id"]): row["qbo_id"] for row in world.sql("select * from qbo_sync.entity_link")}
    errors = {(row["record_entity"], row["record_id"]): row for row in world.errors()}
    waiting = {
        (row["entity"], row["record_id"]): (row["waits_for_entity"], row["waits_for_id"])
        for row in world.sql("select * from qbo_sync.change_mark where direction = 'lms_to_qbo'")
    }
    for error in errors.values():
        assert_in_words(error)
    assert world.value("select count(*) from qbo_sync.due_mark") == 0
    unequal = _unequal(world, linked, errors)
    ends: Counter[str] = Counter()
    for entity, lms_id in planted.healthy:
        assert (entity, lms_id) in linked, f"healthy {entity} {lms_id}: {errors.get((entity, str(lms_id)))}"
        assert (entity, str(lms_id)) not in errors, errors[entity, str(lms_id)]
        assert (entity, lms_id) not in unequal
        ends["healthy: synced"] += 1
    for (entity, lms_id), what in planted.poison.items():
        key: tuple[str, str] = (entity, str(lms_id))
        if key in errors:
            ends[f"poison: {errors[key]['error_code']}"] += 1
        elif (entity, lms_id) in linked:
            assert (entity, lms_id) not in unequal, f"{entity} {lms_id} ({what}): {unequal[entity, lms_id]}"
            ends["poison: synced"] += 1
        else:
            assert key in waiting, f"{entity} {lms_id} ({what}) is lost"
            assert _last_of(key, waiting) in errors, f"{entity} {lms_id} ({what}) waits for {_last_of(key, waiting)}"
            ends["poison: waits for a record that is a sync error"] += 1
    assert sum(ends.values()) == len(planted.healthy) + len(planted.poison)
    return ends


def assert_in_words(error: Json) -> None:
    """A sentence that says what is wrong, one that says what to do, both short enough to be read."""
    for text in (error["message"], error["resolution"]):
        assert text.strip().endswith((".", "”)."))
        assert len(text) < 1200, text[:300]
    for jargon in ("Traceback", "Error:", "NaN", "Decimal(", "None", "KeyError"):
        assert jargon not in error["message"] or "QuickBooks refused" in error["message"], error["message"]


def _last_of(key: tuple[str, str], waiting: dict[tuple[str, str], tuple[str, str]]) -> tuple[str, str]:
    """What it waits for in the end."""
    seen = {key}
    while key in waiting and waiting[key][0] and waiting[key] not in seen:
        key = waiting[key]
        seen.add(key)
    return key


def _unequal(world: World, linked: dict[Key, str], errors: dict[tuple[str, str], Json]) -> dict[Key, str]:
    """The linked transactions whose money differs between the sides."""
    unequal: dict[Key, str] = {}
    for entity, (resource, column) in _MONEY_OF.items():
        ours = {row["id"]: row["money"] for row in world.sql(f"select id, {column} as money from lms.{entity}")}
        theirs = {one["Id"]: one["TotalAmt"] for one in _all(world, resource)}
        for (kind, lms_id), qbo_id in linked.items():
            if kind == entity and theirs.get(qbo_id) != ours.get(lms_id):
                unequal[kind, lms_id] = f"{ours.get(lms_id)} in the LMS, {theirs.get(qbo_id)} in QuickBooks"
    return unequal


def _all(world: World, resource: str) -> list[Json]:
    found: list[Json] = []
    while True:
        page = world.qbo.query(f"SELECT * FROM {resource} ORDERBY Id STARTPOSITION {len(found) + 1} MAXRESULTS 1000")
        found += page
        if len(page) < 1000:
            return found
