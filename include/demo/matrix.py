"""The matrix of the sync rules, cell by cell: how often each was exercised, counted in what the sync has recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import psycopg

from include.model.plan import Cause
from include.model.record import Entity, Side
from include.sync.plan.matrix import MATRIX, Box, Change, Verdict

OUT, IN = "LMS → QBO", "QBO → LMS"
_DIRECTION = {OUT: "lms_to_qbo", IN: "qbo_to_lms"}


@dataclass(frozen=True)
class Cell:
    """One cell: whose row, which way, what happens, and how often it did."""

    row: str
    way: str
    what: str
    times: int


@dataclass(frozen=True)
class _Question:
    cell: tuple[Entity | Box, Side, Change]
    what: str
    #: An SQL expression with %(realms)s that is a number.
    count: str

    @property
    def row(self) -> str:
        return self.cell[0].replace("_", " ")

    @property
    def way(self) -> str:
        return OUT if self.cell[1] == "lms" else IN


def _ended(entity: str, way: str, outcome: str) -> str:
    """Records that once ended so."""
    return (
        "select count(distinct (o.realm_id, o.record_id)) from qbo_sync.sync_outcome o"  # noqa: S608 - words of this module
        f" where o.realm_id = any(%(realms)s) and o.entity = '{entity}'"
        f"   and o.direction = '{_DIRECTION[way]}' and o.outcome = '{outcome}'"
    )


def _staged(entity: str, way: str, condition: str, outcome: str = "updated") -> str:
    """Records that a run once brought there, with something true of both versions in its hands."""
    return (
        "select count(distinct (s.realm_id, s.record_id)) from qbo_sync.staged_record s"  # noqa: S608 - words of this module
        f" where s.realm_id = any(%(realms)s) and s.entity = '{entity}'"
        f"   and s.direction = '{_DIRECTION[way]}' and s.outcome = '{outcome}' and {condition}"
    )


def _linked(entity: str, condition: str) -> str:
    """Links of which something is true."""
    return (
        f"select count(*) from qbo_sync.entity_link l join lms.{entity} r on r.id = l.lms_id"  # noqa: S608 - as above
        f" where l.realm_id = any(%(realms)s) and l.entity = '{entity}' and {condition}"
    )


_VOIDED = f"s.plan ->> 'cause' = '{Cause.VOIDED.value}'"
_AMOUNTS = f"s.plan ->> 'cause' = '{Cause.CHANGED.value}'"
_BALANCE = f"s.plan ->> 'cause' = '{Cause.BALANCE.value}'"
_ORIGIN = "s.lms -> 'invoice' ->> 'origin'"
_NEW, _OLD = "s.plan -> 'target'", "s.link -> 'base'"


def _changed(name: str) -> str:
    return f"{_NEW} -> '{name}' is distinct from {_OLD} -> '{name}'"


def _component(name: str) -> str:
    """An amount of an invoice that came with it, or that was changed in QuickBooks."""
    new = f"({_NEW} ->> '{name}')::numeric"
    return (
        "select count(distinct (s.realm_id, s.record_id)) from qbo_sync.staged_record s"  # noqa: S608 - words of this module
        " where s.realm_id = any(%(realms)s) and s.entity = 'invoice' and s.direction = 'qbo_to_lms'"
        f"   and s.outcome in ('created', 'updated') and {new} <> 0"
        f"   and {new} is distinct from ({_OLD} ->> '{name}')::numeric"
    )


def _conflicts(code: str, way: str) -> str:
    return (
        "select count(*) from qbo_sync.sync_error e where e.realm_id = any(%(realms)s)"  # noqa: S608 - words of this module
        f"   and e.error_code = '{code}' and e.direction = '{_DIRECTION[way]}'"
    )


#: A pair of an account that is detailed now has an invoice from the days when it was combined.
_TO_DETAILED = """
    select count(distinct a.id) from lms.billing_account a
      join lms.doctor_office o on o.billing_account_id = a.id
      join qbo_sync.entity_link pair on pair.entity = 'doctor_office' and pair.lms_id = o.id
      join lms.invoice i on i.doctor_office_id = o.id and i.billing_account_id = a.id and i.origin = 'lms'
      join qbo_sync.entity_link l on l.entity = 'invoice' and l.lms_id = i.id and l.realm_id = pair.realm_id
     where pair.realm_id = any(%(realms)s) and a.accounting_structure = 'detailed'
       and l.base -> 'customer' ->> 0 = 'billing_account'"""

#: An account that is combined now has an invoice on a sub-customer, and one on the main customer.
_TO_COMBINED = """
    select count(distinct a.id) from lms.billing_account a
     where a.accounting_structure = 'combined'
       and (select count(distinct l.base -> 'customer' ->> 0) from lms.invoice i
              join qbo_sync.entity_link l on l.entity = 'invoice' and l.lms_id = i.id
             where i.billing_account_id = a.id and i.origin = 'lms' and l.realm_id = any(%(realms)s)) = 2"""

_ADOPTED = """
    select count(*) from qbo_sync.sync_outcome o
     where o.realm_id = any(%(realms)s) and o.entity = 'invoice' and o.outcome = 'adopted'"""

#: Every cell of the matrix that flows, some of them in several ways.
_QUESTIONS = (
    _Question(("billing_account", "lms", "create"), "customer", _ended("billing_account", OUT, "created")),
    _Question(
        ("billing_account", "lms", "create"), "there already, adopted", _ended("billing_account", OUT, "adopted")
    ),
    _Question(("doctor_office", "lms", "create"), "sub-customer of a pair", _ended("doctor_office", OUT, "created")),
    _Question(("doctor_office", "lms", "create"), "combined → detailed", _TO_DETAILED),
    _Question(("doctor_office", "lms", "create"), "detailed → combined", _TO_COMBINED),
    _Question(("doctor_office", "lms", "update"), "pair moves", _ended("doctor_office", OUT, "updated")),
    _Question(("product", "lms", "create"), "item", _ended("product", OUT, "created")),
    _Question(("product", "lms", "create"), "there already, adopted", _ended("product", OUT, "adopted")),
    _Question(("special_item", "lms", "create"), "Tax, Lab Credit", _ended("special_item", OUT, "created")),
    _Question(("invoice", "lms", "create"), "case invoiced", _ended("invoice", OUT, "created")),
    # Whichever side is read first links the two.
    _Question(("invoice", "lms", "create"), "there already, adopted", _ADOPTED),
    _Question(("invoice", "lms", "delete"), "case un-invoiced", _ended("invoice", OUT, "deleted")),
    _Question(("invoice", "qbo", "create"), "written in QuickBooks", _ended("invoice", IN, "created")),
    _Question(
        ("invoice", "qbo", "update"),
        "amounts, written in the LMS",
        _staged("invoice", IN, f"{_AMOUNTS} and {_ORIGIN} = 'lms'"),
    ),
    _Question(
        ("invoice", "qbo", "update"),
        "amounts and lines, written in QuickBooks",
        _staged("invoice", IN, f"{_AMOUNTS} and {_ORIGIN} = 'qbo'"),
    ),
    _Question(("invoice", "qbo", "update"), "balance alone", _staged("invoice", IN, _BALANCE)),
    _Question(("invoice", "qbo", "void"), "amounts and balance 0", _staged("invoice", IN, _VOIDED)),
    _Question(("invoice", "qbo", "delete"), "deleted in QuickBooks", _ended("invoice", IN, "deleted")),
    _Question(("credit", "lms", "create"), "credit memo", _ended("credit", OUT, "created")),
    _Question(("credit", "lms", "update"), "amount", _ended("credit", OUT, "updated")),
    _Question(("credit", "lms", "delete"), "credit memo deleted", _ended("credit", OUT, "deleted")),
    _Question(("credit_application", "lms", "create"), "first applied", _ended("credit_application", OUT, "created")),
    _Question(
        ("credit_application", "lms", "update"), "applied otherwise", _ended("credit_application", OUT, "updated")
    ),
    _Question(
        ("credit_application", "lms", "delete"), "not applied any more", _ended("credit_application", OUT, "deleted")
    ),
    _Question(("payment", "lms", "create"), "entered in the LMS", _ended("payment", OUT, "created")),
    _Question(("payment", "lms", "update"), "amount", _staged("payment", OUT, _changed("amount"))),
    _Question(("payment", "lms", "update"), "applications", _staged("payment", OUT, _changed("applications"))),
    _Question(("payment", "lms", "delete"), "deleted in the LMS", _ended("payment", OUT, "deleted")),
    _Question(("payment", "qbo", "create"), "entered in QuickBooks", _ended("payment", IN, "created")),
    _Question(("payment", "qbo", "update"), "amount", _staged("payment", IN, _changed("amount"))),
    _Question(("payment", "qbo", "update"), "applications", _staged("payment", IN, _changed("applications"))),
    _Question(("payment", "qbo", "void"), "amount 0", _staged("payment", IN, _VOIDED)),
    _Question(("payment", "qbo", "delete"), "deleted in QuickBooks", _ended("payment", IN, "deleted")),
    _Question(
        ("shipping", "lms", "create"), "the shipping box", _linked("invoice", "(l.base ->> 'shipping')::numeric > 0")
    ),
    _Question(("shipping", "qbo", "update"), "the shipping box", _component("shipping")),
    _Question(("tax", "lms", "create"), "a line item", _linked("invoice", "(l.base ->> 'tax')::numeric > 0")),
    _Question(("tax", "qbo", "update"), "a line item, or QuickBooks' own", _component("tax")),
    _Question(
        ("discount", "lms", "create"), "the discount box", _linked("invoice", "(l.base ->> 'discount')::numeric > 0")
    ),
    _Question(("discount", "qbo", "update"), "the discount box", _component("discount")),
)

#: What becomes of changes on both sides at once (rule 8.4): which way, what, how it is counted.
_CONFLICTS = (
    (IN, "QuickBooks' version stays", _conflicts("conflict_qbo_kept", IN)),
    (IN, "deleted in QuickBooks: deleted in the LMS", _conflicts("conflict_deleted", IN)),
    (OUT, "deleted in the LMS: deleted in QuickBooks", _conflicts("conflict_deleted", OUT)),
)


def uncounted() -> set[tuple[Entity | Box, Side, Change]]:
    """Cells of the matrix that flow and are not counted here: none. What comes with a new invoice from QuickBooks in
    its boxes is counted together with what is changed in them."""
    flowing = {key for key, cell in MATRIX.items() if cell.verdict is Verdict.FLOWS}
    boxes = {key for key in flowing if key[0] in get_args(Box) and key[1:] == ("qbo", "create")}
    return flowing - boxes - {question.cell for question in _QUESTIONS}


def read_cells(connection: psycopg.Connection, realms: Sequence[str]) -> list[Cell]:
    """Every cell with its count."""
    questions = [
        *((each.row, each.way, f"{each.cell[2]}: {each.what}", each.count) for each in _QUESTIONS),
        *(("both sides edit", way, what, count) for way, what, count in _CONFLICTS),
    ]
    cells = []
    for row, way, what, count in questions:
        found = connection.execute(count.encode(), {"realms": list(realms)}).fetchone()
        cells.append(Cell(row, way, what, int(found[0]) if found else 0))
    return cells


def check_cells(cells: Sequence[Cell]) -> list[str]:
    """None was left out."""
    return [f"never happened: {cell.row}, {cell.way}, {cell.what}" for cell in cells if not cell.times]
