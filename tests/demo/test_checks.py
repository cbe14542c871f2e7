"""The comparison of both ledgers finds what is wrong, and nothing where nothing is."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from include.demo.balances import check_outcomes, compare_records, read_entries
from include.demo.bookkeeper import ENTERED_BY_HAND
from include.demo.checks import (
    OpenError,
    check_duplicates,
    check_gone,
    check_held_back,
    check_hierarchy,
    check_planted,
    read_open_errors,
)
from include.demo.generator import generate
from include.demo.ledger import Books, expected_to_be_held_back
from include.demo.loader import find_planted, load_initial
from include.demo.proof import check_proof, customers, ledgers
from include.demo.records import DemoData, Planted
from include.demo.sync import work_left

DATA = generate(dt.date(2026, 3, 31))
REALMS = ("realm-1", "realm-2")


@dataclass
class World:
    """An LMS with the demo's data, and two QuickBooks companies that hold what they should."""

    db: psycopg.Connection
    data: DemoData
    books: list[Books]
    planted: list[Planted]

    def wrong(self) -> list[str]:
        entries = read_entries(self.db, self.data.labs)
        return [
            *check_planted(self.planted, read_open_errors(self.db, REALMS)),
            *compare_records(entries, self.books, {}),
            *check_held_back(entries, expected_to_be_held_back(self.db, self.planted), self.planted),
            *check_outcomes(entries),
            *check_gone(self.db, REALMS),
            *check_duplicates(self.db, self.books, self.data),
            *check_hierarchy(self.db, self.books),
        ]


@pytest.fixture(scope="module")
def world(module_database: str) -> Iterator[World]:
    with psycopg.connect(module_database) as db:
        load_initial(db, DATA)
        planted = find_planted(db, DATA, phase=1)
        books = _sync_perfectly(db, planted)
        db.commit()
        yield World(db, DATA, books, planted)


@pytest.fixture(autouse=True)
def _put_back(world: World) -> Iterator[None]:
    yield
    world.db.rollback()


def _sync_perfectly(db: psycopg.Connection, planted: list[Planted]) -> list[Books]:
    """What the sync would leave behind, by SQL."""
    for realm, (name, labs) in zip(REALMS, DATA.companies, strict=True):
        db.execute("insert into qbo_sync.company (realm_id, name) values (%s, %s)", [realm, name])
        db.execute(
            """insert into qbo_sync.connection (billing_lab_id, realm_id, income_account_id, deposit_account_id)
               select id, %s, '1', '2' from lms.billing_lab where name = any(%s)""",
            [realm, list(labs)],
        )
    for each in planted:
        db.execute(
            """insert into qbo_sync.sync_error (realm_id, entity, record_entity, direction, operation, lms_id,
                      record_id, error_code, message, resolution)
               values ('realm-1', %(entity)s, %(entity)s, 'lms_to_qbo', 'create', %(id)s,
                       %(id)s, %(code)s, 'm', 'r')""",
            {"entity": each.entity, "id": each.lms_id, "code": each.expected_error_code},
        )
    held_back = list(expected_to_be_held_back(db, planted))
    # One customer for each account in each company, whatever its structure.
    db.execute(
        """insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id)
           select c.realm_id, 'billing_account', a.id, 'a' || a.id
             from lms.billing_account a cross join qbo_sync.company c"""
    )
    for table in ("invoice", "credit", "payment"):
        db.execute(
            f"""insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id, base)
                select n.realm_id, '{table}', r.id, 'q' || r.id,
                       jsonb_build_object('customer', jsonb_build_array('billing_account', r.billing_account_id::text))
                  from lms.{table} r join qbo_sync.connection n using (billing_lab_id)
                 where '{table}' <> 'invoice' or r.id <> all(%s)""".encode(),
            [held_back],
        )
        db.execute(
            f"""insert into qbo_sync.sync_outcome (realm_id, direction, entity, record_id, outcome, dag_id, run_id)
                select n.realm_id, 'lms_to_qbo', '{table}', r.id::text,
                       case when '{table}' <> 'invoice' then 'created' when r.id = any(%s) then 'failed'
                            when r.id = any(%s) then 'waiting' else 'created' end, 'd', 'r'
                  from lms.{table} r join qbo_sync.connection n using (billing_lab_id)""".encode(),
            [[each.lms_id for each in planted if each.entity == "invoice"], held_back],
        )
    db.execute(
        """insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id)
           select 'realm-1', 'doctor_office', min(id), 'pair' from lms.doctor_office"""
    )
    return [_books(db, realm, name) for realm, (name, _) in zip(REALMS, DATA.companies, strict=True)]


def _books(db: psycopg.Connection, realm: str, name: str) -> Books:
    """QuickBooks as it would be, made of what the LMS says."""
    records: dict[str, dict[str, dict[str, Any]]] = {"invoice": {}, "credit": {}, "payment": {}}
    owed: dict[str, Decimal] = {}
    for entry in read_entries(db, DATA.labs):
        if entry.realm_id != realm or entry.qbo_id is None or entry.customer is None:
            continue
        records[entry.entity][entry.qbo_id] = {
            "Id": entry.qbo_id,
            "DocNumber": f"{entry.entity} {entry.label}",
            "TotalAmt": entry.total,
            "UnappliedAmt" if entry.entity == "payment" else "Balance": entry.open,
            "CustomerRef": {"value": entry.customer},
            "Line": [
                {
                    "DetailType": "SalesItemLineDetail",
                    "Amount": entry.shipping,
                    "SalesItemLineDetail": {"ItemRef": {"value": "SHIPPING_ITEM_ID"}},
                },
                {"DetailType": "DiscountLineDetail", "Amount": entry.discount},
            ],
            "TxnTaxDetail": {"TotalTax": entry.tax},
        }
        sign = 1 if entry.entity == "invoice" else -1
        owed[entry.customer] = owed.get(entry.customer, Decimal(0)) + sign * entry.open
    records["invoice"]["own"] = {
        **{"Id": "own", "TotalAmt": 150, "Balance": 150, "DocNumber": "own", "PrivateNote": ENTERED_BY_HAND},
        **{"CustomerRef": {"value": "a1"}, "Line": []},
    }
    owed["a1"] = owed.get("a1", Decimal(0)) + 150
    links = db.execute(
        "select qbo_id from qbo_sync.entity_link where realm_id = %s and entity = 'billing_account'", [realm]
    ).fetchall()
    customers = {
        qbo_id: {"Id": qbo_id, "DisplayName": f"Customer {qbo_id}", "Balance": owed.get(qbo_id, Decimal(0))}
        for (qbo_id,) in links
    }
    if realm == REALMS[0]:
        row = db.execute(
            "select 'a' || billing_account_id from lms.doctor_office where id = (select min(id) from lms.doctor_office)"
        ).fetchone()
        parent = {"value": row[0] if row else ""}
        customers["pair"] = {"Id": "pair", "DisplayName": "A pair", "ParentRef": parent, "Balance": 0}
    items = {"1": {"Id": "1", "Name": "Services", "FullyQualifiedName": "Services"}}
    return Books(realm, name, customers, items, records["invoice"], records["credit"], records["payment"])


def test_nothing_is_wrong_where_nothing_is(world: World) -> None:
    assert world.wrong() == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "delete from qbo_sync.entity_link where lms_id = 500 and entity = 'invoice'",
            ["neither synced nor failed nor waiting", "linked to nothing"],
        ),
        (
            "update lms.invoice set total_amount = total_amount + 0.01 where id = 500",
            ["amount", "in QuickBooks"],
        ),
        (
            "update lms.invoice set balance = balance - 0.01 where id = 500",
            ["open amount"],
        ),
        ("update lms.invoice set shipping_amount = shipping_amount + 0.01 where id = 500", ["shipping"]),
        ("update lms.invoice set discount_amount = discount_amount + 0.01 where id = 500", ["discount"]),
        ("update lms.invoice set tax_amount = tax_amount + 0.01 where id = 500", ["tax"]),
        (
            "update lms.payment set amount = amount + 0.01 where reference = 'PAY-1001'",
            ["payment PAY-1001", "amount", "open amount"],
        ),
        (
            "update lms.credit_application set amount = amount - 0.01 where invoice_id ="
            " (select min(invoice_id) from lms.credit_application)",
            ["credit", "open amount"],
        ),
        (
            "delete from lms.payment where reference = 'PAY-1002'",
            ["no longer in the LMS, but its last outcome is created"],
        ),
        (
            "update lms.credit set billing_account_id = billing_account_id % 60 + 1 where id = 2",
            ["not with its own"],
        ),
        (
            "update qbo_sync.sync_error set status = 'resolved' where error_code = 'qbo_6140'",
            ["number_taken", "0 open errors"],
        ),
        (
            "update qbo_sync.sync_error set error_code = 'qbo_6000' where error_code = 'total_mismatch'",
            ["qbo_6000 instead of total_mismatch"],
        ),
        (
            """insert into qbo_sync.sync_error (realm_id, entity, record_entity, direction, operation, lms_id,
                      record_id, error_code, message, resolution)
               select realm_id, 'invoice', 'invoice', 'lms_to_qbo', 'create', 500, '500', 'qbo_1', 'm', 'r'
                 from qbo_sync.entity_link where lms_id = 500 and entity = 'invoice'""",
            ["nobody planted", "which no planted problem explains"],
        ),
        (
            "update qbo_sync.sync_outcome set outcome = 'deleted' where record_id = '500'",
            ["is synced, but its last outcome is deleted"],
        ),
        (
            "update qbo_sync.sync_outcome set record_id = '99999' where record_id = '500'",
            ["is synced, but its last outcome is None", "invoice 99999 is no longer in the LMS"],
        ),
        (
            "update qbo_sync.entity_link set qbo_id = 'elsewhere'"
            " where lms_id = (select billing_account_id from lms.doctor_office order by id limit 1)"
            "   and entity = 'billing_account' and realm_id = 'realm-1'",
            ["instead of elsewhere", "is in QuickBooks and linked to nothing"],
        ),
        (
            "update lms.payment set origin = 'qbo' where reference = 'PAY-1003';"
            "delete from qbo_sync.entity_link where entity = 'payment'"
            "   and lms_id = (select id from lms.payment where reference = 'PAY-1003')",
            ["came from QuickBooks into the LMS and is linked to nothing"],
        ),
    ],
)
def test_finds_what_is_wrong_in_the_lms_or_the_links(world: World, statement: str, words: list[str]) -> None:
    world.db.execute(statement.encode())
    said = "\n".join(world.wrong())
    for each in words:
        assert each in said


@pytest.mark.parametrize("entity", ["invoices", "credits", "payments"])
def test_finds_a_record_that_is_there_twice(world: World, entity: str) -> None:
    held = getattr(world.books[1], entity)
    first = next(iter(held.values()))
    held["again"] = {**first, "Id": "again"}
    try:
        said = "\n".join(world.wrong())
    finally:
        del held["again"]
    assert "is in QuickBooks and linked to nothing" in said


def test_finds_an_invoice_that_is_gone(world: World) -> None:
    book = world.books[1]
    gone = book.invoices.pop(next(iter(book.invoices)))
    try:
        assert "which is not there" in "\n".join(world.wrong())
    finally:
        book.invoices[gone["Id"]] = gone


def test_finds_what_the_ledger_proof_cannot_explain(world: World) -> None:
    world.db.execute(
        """insert into qbo_sync.company (realm_id, name) values ('realm-1', 'One'), ('realm-2', 'Two')
           on conflict do nothing"""
    )
    row = world.db.execute(
        """insert into qbo_sync.reconciliation (realm_id, dag_id, run_id, state, finished_at)
           values ('realm-1', 'd', 'r', 'differs', now()) returning id"""
    ).fetchone()
    proof = row[0] if row else 0
    world.db.execute(
        """insert into qbo_sync.reconciliation_customer
           select %s, min(id), '1', 'Cedar Grove', null, 100, 40, 0, 0, 0, 0, 130, 70, 0, 0, 0, 0, 0, 2, 1
             from lms.billing_lab""",
        [proof],
    )
    world.db.execute(
        """insert into qbo_sync.reconciliation_difference (reconciliation_id, billing_lab_id, entity, lms_id, number,
               lms_amount, lms_open, qbo_amount, qbo_open, cause, explained, reason, what_to_do)
           select %s, b.id, 'invoice', t.id, t.number, 10, 10, t.there, t.there, t.cause, t.cause = 'waiting', 'why', ''
             from (select min(id) as id from lms.billing_lab) b,
                  (values (1, 'A', 20, 'waiting'), (2, 'B', 30, 'drift')) t (id, number, there, cause)""",
        [proof],
    )
    assert check_proof(world.db, "r") == ["invoice B differs (drift): why"]
    by_figure = {one.what: one for one in ledgers(world.db, "r")}
    invoices = by_figure["invoices"]
    assert [invoices.lms, invoices.qbo, invoices.explained, invoices.difference] == [100, 130, 10, 20]
    assert customers(world.db, "r") == 1
    world.db.execute("update qbo_sync.reconciliation set state = 'failed'")
    assert "the ledger proof of realm-1 does not add up" in check_proof(world.db, "r")


def test_work_left_counts_undispatched_changes(world: World) -> None:
    assert work_left(world.db) > 1000


def test_the_same_error_in_two_companies_is_two_errors() -> None:
    planted = Planted("kind", "product", 7, "name_taken", "why")
    error = OpenError("realm-1", "product", 7, None, "name_taken", "m", "r")
    assert check_planted([planted], [error]) == []
    assert check_planted([planted], [error, error]) == ["planted problem kind (product 7): 2 open errors"]


def test_errors_of_both_directions_are_told_apart() -> None:
    """An id of QuickBooks' is no id of the LMS."""
    planted = Planted("kind", "payment", None, "conflict_deleted", "why", "qbo_to_lms", "7")
    error = OpenError("realm-1", "payment", None, None, "conflict_deleted", "m", "r", "qbo_to_lms", "7")
    other = OpenError("realm-1", "payment", 7, None, "conflict_deleted", "m", "r")
    assert check_planted([planted], [error]) == []
    assert len(check_planted([planted], [other])) == 2
