"""The matrix of the sync rules, cell by cell: how often each was exercised, counted in what the sync has recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

OUT, IN, BOTH = "LMS → QBO", "QBO → LMS", "LMS ↔ QBO"
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
    row: str
    way: str
    what: str
    #: An SQL expression with %(realms)s that is a number.
    count: str


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


_VOIDED = "s.qbo ->> 'voided' = 'true'"
_AMOUNTS = f"s.plan ->> 'reason' = 'amounts changed' and not {_VOIDED}"
_NEW_OUT, _NEW_IN, _OLD = "s.lms", "s.qbo -> 'payment'", "s.link -> 'base'"


def _changed(new: str, name: str) -> str:
    return f"{new} -> '{name}' is distinct from {_OLD} -> '{name}'"


def _component(name: str) -> str:
    """An amount of an invoice that came with it, or that was changed in QuickBooks."""
    new = f"(s.qbo -> 'invoice' ->> '{name}')::numeric"
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

_QUESTIONS = (
    _Question("billing account", OUT, "create: customer", _ended("billing_account", OUT, "created")),
    _Question("billing account", OUT, "create: there already, adopted", _ended("billing_account", OUT, "adopted")),
    _Question("billing account", OUT, "create: sub-customer of a pair", _ended("doctor_office", OUT, "created")),
    _Question("billing account", OUT, "update: combined → detailed", _TO_DETAILED),
    _Question("billing account", OUT, "update: detailed → combined", _TO_COMBINED),
    _Question("billing account", OUT, "update: pair moves", _ended("doctor_office", OUT, "updated")),
    _Question("product", OUT, "create: item", _ended("product", OUT, "created")),
    _Question("product", OUT, "create: there already, adopted", _ended("product", OUT, "adopted")),
    _Question("product", OUT, "create: Tax, Lab Credit", _ended("special_item", OUT, "created")),
    _Question("invoice", OUT, "create: case invoiced", _ended("invoice", OUT, "created")),
    # Whichever side looks first links the two.
    _Question("invoice", BOTH, "create: there already, adopted", _ADOPTED),
    _Question("invoice", OUT, "delete: case un-invoiced", _ended("invoice", OUT, "deleted")),
    _Question("invoice", IN, "create", _ended("invoice", IN, "created")),
    _Question(
        "invoice",
        IN,
        "update: amounts, written in the LMS",
        _staged("invoice", IN, f"{_AMOUNTS} and s.lms -> 'invoice' ->> 'origin' = 'lms'"),
    ),
    _Question(
        "invoice",
        IN,
        "update: amounts and lines, written in QBO",
        _staged("invoice", IN, f"{_AMOUNTS} and s.lms -> 'invoice' ->> 'origin' = 'qbo'"),
    ),
    _Question(
        "invoice", IN, "update: balance alone", _staged("invoice", IN, "s.plan ->> 'reason' = 'balance changed'")
    ),
    _Question("invoice", IN, "update: void", _staged("invoice", IN, _VOIDED)),
    _Question("invoice", IN, "delete", _ended("invoice", IN, "deleted")),
    _Question("credit", OUT, "create", _ended("credit", OUT, "created")),
    _Question("credit", OUT, "update: amount", _ended("credit", OUT, "updated")),
    _Question("credit", OUT, "update: first applied", _ended("credit_application", OUT, "created")),
    _Question("credit", OUT, "update: applied otherwise", _ended("credit_application", OUT, "updated")),
    _Question("credit", OUT, "update: not applied any more", _ended("credit_application", OUT, "deleted")),
    _Question("credit", OUT, "delete", _ended("credit", OUT, "deleted")),
    _Question("payment", OUT, "create", _ended("payment", OUT, "created")),
    _Question("payment", OUT, "update: amount", _staged("payment", OUT, _changed(_NEW_OUT, "amount"))),
    _Question("payment", OUT, "update: applications", _staged("payment", OUT, _changed(_NEW_OUT, "applications"))),
    _Question("payment", OUT, "delete", _ended("payment", OUT, "deleted")),
    _Question("payment", IN, "create", _ended("payment", IN, "created")),
    _Question("payment", IN, "update: amount", _staged("payment", IN, _changed(_NEW_IN, "amount"))),
    _Question("payment", IN, "update: applications", _staged("payment", IN, _changed(_NEW_IN, "applications"))),
    _Question("payment", IN, "update: void, to amount 0", _staged("payment", IN, "(s.qbo ->> 'amount')::numeric = 0")),
    _Question("payment", IN, "delete", _ended("payment", IN, "deleted")),
    _Question("shipping cost", OUT, "the shipping box", _linked("invoice", "(l.base ->> 'shipping')::numeric > 0")),
    _Question("shipping cost", IN, "the shipping box", _component("shipping")),
    _Question("tax", OUT, "a line item", _linked("invoice", "(l.base ->> 'tax')::numeric > 0")),
    _Question("tax", IN, "a line item, or QuickBooks' own", _component("tax")),
    _Question("discount", OUT, "the discount box", _linked("invoice", "(l.base ->> 'discount')::numeric > 0")),
    _Question("discount", IN, "the discount box", _component("discount")),
    _Question("both sides edit", IN, "QuickBooks' version stays", _conflicts("conflict_qbo_kept", IN)),
    _Question("both sides edit", IN, "deleted in QBO: deleted in the LMS", _conflicts("conflict_deleted", IN)),
    _Question("both sides edit", OUT, "deleted in the LMS: deleted in QBO", _conflicts("conflict_deleted", OUT)),
)


def read_cells(connection: psycopg.Connection, realms: Sequence[str]) -> list[Cell]:
    """Every cell with its count."""
    cells = []
    for each in _QUESTIONS:
        row = connection.execute(each.count.encode(), {"realms": list(realms)}).fetchone()
        cells.append(Cell(each.row, each.way, each.what, int(row[0]) if row else 0))
    return cells


def check_cells(cells: Sequence[Cell]) -> list[str]:
    """None was left out."""
    return [f"never happened: {cell.row}, {cell.way}, {cell.what}" for cell in cells if not cell.times]
