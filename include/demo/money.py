"""Makes the LMS's payments and credits: what is paid with what, and what changes about it later."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from include.demo.records import Assignments, Case, MoneyChanges, Receipt, cents

METHODS = ("Check", "Cash", "Visa", "MasterCard", None, "Lockbox")  # the last is no method of QuickBooks'
REASONS = ("Remake, half price", "Goodwill: late delivery", "Shade complaint", None)
SMALLEST = Decimal(80)  # dollars: an invoice that is partly paid, edited and credited needs some substance

#: Single invoices that the bookkeeper of a company works on, by what is done to them.
TASKS = (
    *("quantity", "rate", "shipping", "discount", "tax", "deleted", "voided", "paid_full", "paid_part", "credited"),
    *("mixed", "both_edited", "uninvoiced_and_edited", "edited_and_deleted", "given_away"),
)


class Pool:
    """The invoices that nothing else in the demo touches. Each is handed out once."""

    def __init__(self, cases: Iterable[Case], account_of: Mapping[str, str], detailed: set[str]) -> None:
        self._account_of, self._detailed = account_of, detailed
        self._free: dict[tuple[str, str], list[Case]] = defaultdict(list)
        for case in cases:
            self._free[case.lab, case.pair].append(case)

    def take(self, lab: str, count: int = 1) -> tuple[Case, ...]:
        """Invoices of one pair: of the one that has most left. LookupError if none has so many."""
        pair = max((key for key in self._free if key[0] == lab), key=lambda key: (len(self._free[key]), key))
        if len(self._free[pair]) < count:
            raise LookupError(f"no pair of {lab} has {count} invoices left")
        return tuple(self._free[pair].pop() for _ in range(count))

    def take_family(self, lab: str) -> tuple[Case, ...]:
        """An invoice each of two pairs of one detailed account."""
        pairs: dict[str, list[str]] = defaultdict(list)
        for own, pair in sorted(key for key, cases in self._free.items() if key[0] == lab and cases):
            if self._account_of[pair] in self._detailed:
                pairs[self._account_of[pair]].append(self._free[own, pair][-1].pair)
        siblings = next(found for found in pairs.values() if len(found) > 1)
        return tuple(self._free[lab, pair].pop() for pair in siblings[:2])


@dataclass(frozen=True)
class LabMoney:
    """The payments and credits of one lab before the first sync, by what they are."""

    payments: Mapping[str, Sequence[Receipt]]
    credits: Mapping[str, Sequence[Receipt]]

    def all(self) -> tuple[Receipt, ...]:
        """Every one of them."""
        return tuple(each for group in (*self.payments.values(), *self.credits.values()) for each in group)


class MoneyMaker:
    """Makes payments and credits with references that follow each other."""

    def __init__(
        self, rng: random.Random, today: dt.date, pool: Pool, account_of: Mapping[str, str], combined: set[str]
    ) -> None:
        self._rng, self._today, self._pool = rng, today, pool
        self._account_of, self._combined, self._made = account_of, combined, 0

    def before(self, lab: str) -> LabMoney:
        """What a lab has taken in and given before the first sync."""
        return LabMoney(
            payments={
                "full": self._many(10, lambda: self._payment(self._pool.take(lab), lambda total: total)),
                "part": self._many(4, lambda: self._payment(self._pool.take(lab), _half)),
                "several": self._many(4, lambda: self._payment(self._pool.take(lab, 3), lambda total: total)),
                "rest": self._many(
                    2, lambda: self._payment(self._pool.take(lab), lambda total: total, Decimal("37.5"))
                ),
                "on_account": self._many(1, lambda: self._payment(self._pool.take(lab), _nothing, Decimal(250))),
                "family": self._many(1, lambda: self._for_account(self._pool.take_family(lab))),
            },
            credits={
                "one": self._many(3, lambda: self._credit(self._pool.take(lab), _tenth)),
                "several": self._many(1, lambda: self._credit(self._pool.take(lab, 2), _tenth)),
                "rest": self._many(1, lambda: self._credit(self._pool.take(lab), _tenth, Decimal("18.25"))),
                "unapplied": self._many(2, lambda: self._credit(self._pool.take(lab), _nothing, Decimal(45))),
            },
        )

    def later(self, money: LabMoney, new: Sequence[Case]) -> MoneyChanges:
        """What the lab does after the first sync: pays and credits new invoices, edits, takes back.

        Where there are too few new ones, older ones stand in.
        """
        new = [*new[:2], *self._pool.take(money.payments["full"][0].lab, 2)][:2]
        part, several, rest = (money.payments[kind] for kind in ("part", "several", "rest"))
        one, both, more = (money.credits[kind] for kind in ("one", "several", "rest"))
        return MoneyChanges(
            entered=(
                self._payment(new[:1], lambda total: total),
                self._payment(new[1:2], _half),
                self._credit(new[1:2], _tenth),
            ),
            edited=(
                _raised(part[0], Decimal(10)),
                replace(rest[0], amount=rest[0].amount + 25),
                replace(several[0], applied=several[0].applied[:-1]),
                replace(more[0], amount=more[0].amount + 15),
                _raised(one[0], Decimal("-3.50")),
                replace(both[0], applied=both[0].applied[:-1]),
            ),
            deleted=(money.payments["full"][0], several[1], one[1], money.credits["unapplied"][0]),
        )

    def _many(self, count: int, make: Callable[[], Receipt]) -> tuple[Receipt, ...]:
        return tuple(make() for _ in range(count))

    def _payment(
        self, cases: Sequence[Case], share: Callable[[Decimal], Decimal], more: Decimal = Decimal("0.00")
    ) -> Receipt:
        return self._receipt("payment", cases, share, more, self._rng.choice(METHODS))

    def _credit(
        self, cases: Sequence[Case], share: Callable[[Decimal], Decimal], more: Decimal = Decimal("0.00")
    ) -> Receipt:
        return self._receipt("credit", cases, share, more, self._rng.choice(REASONS))

    def _for_account(self, cases: Sequence[Case]) -> Receipt:
        return replace(self._payment(cases, lambda total: total), pair=None)

    def _receipt(
        self,
        kind: Literal["payment", "credit"],
        cases: Sequence[Case],
        share: Callable[[Decimal], Decimal],
        more: Decimal,
        words: str | None,
    ) -> Receipt:
        """For the pair of the first invoice. A combined account's may be entered without the pair: it is the same."""
        self._made += 1
        applied = tuple((case.number, share(case.total)) for case in cases if share(case.total))
        account = self._account_of[cases[0].pair]
        without_pair = account in self._combined and self._made % 2
        return Receipt(
            kind=kind,
            reference=f"{'PAY' if kind == 'payment' else 'CR'}-{1000 + self._made}",
            lab=cases[0].lab,
            account=account,
            pair=None if without_pair else cases[0].pair,
            day=self._today - dt.timedelta(days=self._rng.randrange(10)),
            amount=sum((amount for _, amount in applied), more),
            applied=applied,
            words=words,
        )


def assign(pool: Pool, labs: Sequence[str], money: LabMoney) -> Assignments:
    """What the bookkeeper of a company has on the setup after the first sync; `money` is the first lab's."""
    full, part, several = (money.payments[kind] for kind in ("full", "part", "several"))
    lab_of = {"quantity": labs[-1], "deleted": labs[-1]}  # also of the lab that does not receive what is new
    return Assignments(
        cases={
            **{task: tuple(case.number for case in pool.take(lab_of.get(task, labs[0]))) for task in TASKS},
            "paid_together": tuple(case.number for case in pool.take(labs[0], 3)),
            "uninvoiced_paid": (full[6].applied[0][0],),
            "uninvoiced_credited": (money.credits["one"][2].applied[0][0],),
            "deleted_paid": (full[7].applied[0][0],),
        },
        payments={
            "edited": part[1],
            "voided": full[1],
            "deleted": full[2],
            "applied_otherwise": several[2],
            "both_edited": full[3],
            "edited_and_deleted": full[4],
            "deleted_and_edited": full[5],
        },
    )


def at_the_same_time(desks: Sequence[Assignments]) -> MoneyChanges:
    """What the LMS changes while the bookkeepers change the same records in QuickBooks."""
    return MoneyChanges(
        edited=tuple(
            _raised(setup.payments[task], Decimal(-7))
            for setup in desks
            for task in ("both_edited", "edited_and_deleted")
        ),
        deleted=tuple(setup.payments["deleted_and_edited"] for setup in desks),
        shipped_again=tuple(
            number for setup in desks for task in ("both_edited", "edited_and_deleted") for number in setup.cases[task]
        ),
    )


def _half(total: Decimal) -> Decimal:
    return cents(total / 2)


def _tenth(total: Decimal) -> Decimal:
    return cents(total / 10)


def _nothing(total: Decimal) -> Decimal:
    return Decimal("0.00")


def _raised(receipt: Receipt, more: Decimal) -> Receipt:
    """Its amount, and what its first invoice gets of it, by so much higher."""
    (number, amount), *others = receipt.applied
    return replace(receipt, amount=receipt.amount + more, applied=((number, amount + more), *others))
