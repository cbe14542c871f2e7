"""THE matrix: what happens to a record on one side when it changes on the other (rule 1).

Everything asks this one table: the planner which steps it may plan, the load whether a setting has stopped a
transaction meanwhile, the demo which cells it exercised, the tests which cells they prove (`pytest.mark.cell`), and the
README, whose table `python -m include.sync.plan.matrix` prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from include.model.record import LISTS, Direction, Entity, Operation, Side
from include.model.settings import ConnectionSettings

#: What can happen to a record. A void is QuickBooks' own: the transaction stays, with all its amounts 0.
Change = Literal["create", "update", "void", "delete"]

#: The boxes of an invoice that have rules of their own.
Box = Literal["shipping", "tax", "discount"]


class Verdict(Enum):
    """What becomes of a change."""

    FLOWS = "flows to the other side"
    NEVER = "stays where it was made"
    REPORTED = "stays where it was made; a sync error says so where the two sides then disagree"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell of the matrix."""

    verdict: Verdict
    #: For the README: what happens, in a few words.
    words: str
    #: The step that it is on the other side. A void is an update, a delete is a delete.
    becomes: Operation | None = None


def _flows(becomes: Operation, words: str) -> Cell:
    return Cell(verdict=Verdict.FLOWS, words=words, becomes=becomes)


def _never(words: str = "–") -> Cell:
    return Cell(verdict=Verdict.NEVER, words=words)


def _reported(words: str) -> Cell:
    return Cell(verdict=Verdict.REPORTED, words=words)


_OWNED_BY_BOOKKEEPER = "not pushed: the item belongs to the bookkeeper"

#: (what changed, the side on which it changed, how) → what becomes of it.
MATRIX: Mapping[tuple[Entity | Box, Side, Change], Cell] = {
    # ------------------------------------------------------------------ customers (rule 2)
    ("billing_account", "lms", "create"): _flows("create", "customer, when its first invoice needs it"),
    ("billing_account", "lms", "update"): _never("not pushed: name and contact belong to the bookkeeper"),
    ("billing_account", "lms", "delete"): _never("the customer stays"),
    ("billing_account", "qbo", "create"): _never(),
    ("billing_account", "qbo", "update"): _never(),
    ("billing_account", "qbo", "delete"): _never(),
    ("doctor_office", "lms", "create"): _flows("create", "sub-customer, if the account is detailed"),
    ("doctor_office", "lms", "update"): _flows("update", "moves under its new account's customer"),
    ("doctor_office", "lms", "delete"): _never("the sub-customer stays"),
    ("doctor_office", "qbo", "create"): _never(),
    ("doctor_office", "qbo", "update"): _never(),
    ("doctor_office", "qbo", "delete"): _never(),
    # ------------------------------------------------------------------ items (rule 3)
    ("product", "lms", "create"): _flows("create", "item, when its first invoice line needs it"),
    ("product", "lms", "update"): _never(_OWNED_BY_BOOKKEEPER),
    ("product", "lms", "delete"): _never("the item stays"),
    ("product", "qbo", "create"): _never(),
    ("product", "qbo", "update"): _never(),
    ("product", "qbo", "delete"): _never(),
    ("special_item", "lms", "create"): _flows("create", "`Tax` and `Lab Credit`, when first needed"),
    ("special_item", "lms", "update"): _never(),
    ("special_item", "lms", "delete"): _never(),
    ("special_item", "qbo", "create"): _never(),
    ("special_item", "qbo", "update"): _never(),
    ("special_item", "qbo", "delete"): _never(),
    # ------------------------------------------------------------------ invoices (rules 4 and 5)
    ("invoice", "lms", "create"): _flows("create", "invoice, when a case is invoiced"),
    ("invoice", "lms", "update"): _reported("edits are not pushed; a total that differs is a sync error"),
    ("invoice", "lms", "delete"): _flows("delete", "deleted when the case is un-invoiced, even if it is paid"),
    ("invoice", "qbo", "create"): _flows("create", "invoice of origin 'qbo', for a linked customer"),
    ("invoice", "qbo", "update"): _flows("update", "amounts and balance are updated, never the case"),
    ("invoice", "qbo", "void"): _flows("update", "the invoice stays, with amounts and balance 0"),
    ("invoice", "qbo", "delete"): _flows("delete", "the invoice is deleted, and its case is back to completed"),
    # ------------------------------------------------------------------ credits (rule 6)
    ("credit", "lms", "create"): _flows("create", "credit memo"),
    ("credit", "lms", "update"): _flows("update", "the amount is updated"),
    ("credit", "lms", "delete"): _flows("delete", "the credit memo is deleted, with its applications"),
    ("credit", "qbo", "create"): _never(),
    ("credit", "qbo", "update"): _reported("stays in QuickBooks; a later change in the LMS is a sync error"),
    ("credit", "qbo", "void"): _reported("stays in QuickBooks; a later change in the LMS is a sync error"),
    ("credit", "qbo", "delete"): _reported("stays deleted in QuickBooks; a later change in the LMS is a sync error"),
    ("credit_application", "lms", "create"): _flows("create", "a payment of $0.00 that links credit memo and invoices"),
    ("credit_application", "lms", "update"): _flows("update", "the links are updated"),
    ("credit_application", "lms", "delete"): _flows("delete", "the links are deleted"),
    ("credit_application", "qbo", "create"): _never(),
    ("credit_application", "qbo", "update"): _reported("stays in QuickBooks; a sync error says so"),
    ("credit_application", "qbo", "void"): _reported("stays in QuickBooks; a sync error says so"),
    ("credit_application", "qbo", "delete"): _reported("stays in QuickBooks; a sync error says so"),
    # ------------------------------------------------------------------ payments (rule 7)
    ("payment", "lms", "create"): _flows("create", "payment, with the invoices that it pays"),
    ("payment", "lms", "update"): _flows("update", "amount and applications are updated"),
    ("payment", "lms", "delete"): _flows("delete", "the payment is deleted"),
    ("payment", "qbo", "create"): _flows("create", "payment of origin 'qbo', with the invoices that it pays"),
    ("payment", "qbo", "update"): _flows("update", "amount and applications are updated"),
    ("payment", "qbo", "void"): _flows("update", "the payment stays, with the amount 0"),
    ("payment", "qbo", "delete"): _flows("delete", "the payment is deleted"),
    # ------------------------------------------------------------------ boxes of the invoice (rules 4 and 5)
    ("shipping", "lms", "create"): _flows("create", "the shipping box"),
    ("shipping", "qbo", "create"): _flows("create", "from the shipping box"),
    ("shipping", "qbo", "update"): _flows("update", "from the shipping box"),
    ("tax", "lms", "create"): _flows("create", "a line with the item `Tax`"),
    ("tax", "qbo", "create"): _flows("create", "QuickBooks' own tax and the `Tax` lines"),
    ("tax", "qbo", "update"): _flows("update", "QuickBooks' own tax and the `Tax` lines"),
    ("discount", "lms", "create"): _flows("create", "the discount box, an amount"),
    ("discount", "qbo", "create"): _flows("create", "from the discount box"),
    ("discount", "qbo", "update"): _flows("update", "from the discount box"),
}

#: The lab's switch that stops an entity's transactions, both ways. Customers and items know none: they come with the
#: invoices that need them.
SWITCHES: Mapping[Entity, str] = {
    "invoice": "sync_invoices",
    "credit": "sync_credits",
    "credit_application": "sync_credits",
    "payment": "sync_payments",
}

_FROM: Mapping[Side, Direction] = {"lms": "lms_to_qbo", "qbo": "qbo_to_lms"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """The operations that may be written to each side."""

    to_qbo: frozenset[Operation]
    to_lms: frozenset[Operation]


def allowed(entity: Entity, settings: ConnectionSettings, *, voided: bool = False) -> Allowed:
    """What of an entity flows, less what the lab's direction stops.

    `voided`: QuickBooks shows a void, so what becomes of a change there stands in the cell for voids, not in the one
    for updates.
    """
    not_so: Change = "update" if voided else "void"
    return Allowed(
        to_qbo=_writes(entity, "lms", settings, not_so="void"), to_lms=_writes(entity, "qbo", settings, not_so=not_so)
    )


def _writes(entity: Entity, changed_on: Side, settings: ConnectionSettings, *, not_so: Change) -> frozenset[Operation]:
    """What changes on a side become on the other one, those of the kind `not_so` left out."""
    if settings.direction not in (_FROM[changed_on], "both"):
        return frozenset()
    return frozenset(
        cell.becomes
        for (what, side, change), cell in MATRIX.items()
        if what == entity and side == changed_on and change != not_so and cell.becomes
    )


def is_on(entity: Entity, direction: Direction, settings: ConnectionSettings) -> bool:
    """Whether the lab is started and its settings let records of an entity flow that way (the view due_mark says the
    same).

    What is off stays marked, and is synced once it is on again.
    """
    if not settings.started or settings.direction not in (direction, "both"):
        return False
    return entity in LISTS or bool(getattr(settings, SWITCHES[entity]))


def as_markdown() -> str:
    """The README's table: one row for what changes, one column for how, both ways."""
    rows = ["| what | changed in | create | update | void | delete |", "| --- | --- | --- | --- | --- | --- |"]
    sides: Mapping[Side, str] = {"lms": "LMS", "qbo": "QuickBooks"}
    for what in dict.fromkeys(what for what, _, _ in MATRIX):
        for side, name in sides.items():
            changes: tuple[Change, ...] = ("create", "update", "void", "delete")
            cells = [MATRIX.get((what, side, change)) for change in changes]
            if any(cells):
                words = [cell.words if cell else "" for cell in cells]
                rows.append(f"| {what.replace('_', ' ')} | {name} | {' | '.join(words)} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(as_markdown())
