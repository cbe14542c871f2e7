"""The comparison of both ledgers finds what is wrong, and nothing where nothing is."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from include.demo.bookkeeper import ENTERED_BY_HAND
from include.demo.checks import (
    OpenError,
    check_duplicates,
    check_hierarchy,
    check_invoices,
    check_outcomes,
    check_planted,
    check_sums,
    read_open_errors,
)
from include.demo.generator import generate
from include.demo.ledger import Books, InvoiceState, expected_to_be_held_back, lab_sums, read_invoices
from include.demo.loader import find_planted, load_initial
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
        invoices = read_invoices(self.db, self.data.labs)
        return [
            *check_planted(self.planted, read_open_errors(self.db, REALMS)),
            *check_invoices(invoices, self.books, expected_to_be_held_back(self.db, self.planted)),
            *check_outcomes(self.db, invoices),
            *check_sums(lab_sums(invoices, self.books, self.data.labs)),
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
    db.execute(
        """insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id)
           select n.realm_id, 'invoice', i.id, 'q' || i.id from lms.invoice i join qbo_sync.connection n
            using (billing_lab_id) where i.id <> all(%s)""",
        [held_back],
    )
    db.execute(
        """insert into qbo_sync.sync_outcome (realm_id, direction, entity, record_id, outcome, dag_id, run_id)
           select n.realm_id, 'lms_to_qbo', 'invoice', i.id::text,
                  case when i.id = any(%s) then 'failed' when i.id = any(%s) then 'waiting' else 'created' end, 'd', 'r'
             from lms.invoice i join qbo_sync.connection n using (billing_lab_id)""",
        [[each.lms_id for each in planted if each.entity == "invoice"], held_back],
    )
    pair = db.execute(
        """insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id)
           select 'realm-1', 'doctor_office', id, 'pair' from lms.doctor_office limit 1 returning lms_id"""
    ).fetchone()
    db.execute(
        """insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id)
           select 'realm-1', 'billing_account', billing_account_id, 'account' from lms.doctor_office where id = %s""",
        pair,
    )
    return [_books(db, realm, name) for realm, (name, _) in zip(REALMS, DATA.companies, strict=True)]


def _books(db: psycopg.Connection, realm: str, name: str) -> Books:
    rows = db.execute(
        """select l.qbo_id, i.total_amount, i.invoice_number from qbo_sync.entity_link l
             join lms.invoice i on i.id = l.lms_id where l.realm_id = %s and l.entity = 'invoice'""",
        [realm],
    )
    invoices: dict[str, dict[str, Any]] = {
        qbo_id: {"Id": qbo_id, "TotalAmt": total, "DocNumber": number} for qbo_id, total, number in rows
    }
    invoices["own"] = {"Id": "own", "TotalAmt": 150, "DocNumber": "own", "PrivateNote": ENTERED_BY_HAND}
    customers: dict[str, dict[str, Any]] = {}
    if realm == REALMS[0]:
        customers["account"] = {"Id": "account", "DisplayName": "An account"}
        customers["pair"] = {"Id": "pair", "DisplayName": "A pair", "ParentRef": {"value": "account"}}
    items = {"1": {"Id": "1", "Name": "Services", "FullyQualifiedName": "Services"}}
    return Books(realm, name, customers, items, invoices)


def test_nothing_is_wrong_where_nothing_is(world: World) -> None:
    assert world.wrong() == []
    sums = lab_sums(read_invoices(world.db, DATA.labs), world.books, DATA.labs)
    assert sum(each.invoices for each in sums) == 1000
    assert all(each.lms_total >= each.qbo_total > 0 for each in sums)
    assert any(each.failed for each in sums)
    assert any(each.waiting for each in sums)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "delete from qbo_sync.entity_link where lms_id = 500 and entity = 'invoice'",
            ["neither synced nor failed nor waiting", "linked to nothing"],
        ),
        ("update lms.invoice set total_amount = total_amount + 0.01 where id = 500", ["in QuickBooks", "differs by"]),
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
            "update qbo_sync.entity_link set qbo_id = 'elsewhere' where qbo_id = 'account'",
            ["stands under account instead of elsewhere", "An account is in QuickBooks and linked to nothing"],
        ),
    ],
)
def test_finds_what_is_wrong_in_the_lms_or_the_links(world: World, statement: str, words: list[str]) -> None:
    world.db.execute(statement.encode())
    said = "\n".join(world.wrong())
    for each in words:
        assert each in said


def test_finds_an_invoice_that_is_there_twice(world: World) -> None:
    book = world.books[1]
    first = next(iter(book.invoices.values()))
    book.invoices["again"] = {**first, "Id": "again"}
    try:
        assert len(world.wrong()) == 2  # linked to nothing, and its number twice
    finally:
        del book.invoices["again"]


def test_finds_an_invoice_that_is_gone(world: World) -> None:
    book = world.books[1]
    gone = book.invoices.pop(next(iter(book.invoices)))
    try:
        assert "which is not there" in "\n".join(world.wrong())
    finally:
        book.invoices[gone["Id"]] = gone


def test_work_left_counts_undispatched_changes(world: World) -> None:
    assert work_left(world.db) > 1000


def test_states_of_an_invoice() -> None:
    def state(qbo_id: str | None, error: str | None, outcome: str | None) -> str:
        return InvoiceState(1, "n", "lab", "realm", Decimal(1), qbo_id, error, outcome).state

    assert state("7", None, "created") == "synced"
    assert state("7", "total_mismatch", "failed") == "failed"
    assert state(None, "qbo_6140", "failed") == "failed"
    assert state(None, None, "waiting") == "waiting"
    assert state(None, None, None) == "unaccounted"


def test_the_same_error_in_two_companies_is_two_errors() -> None:
    planted = Planted("kind", "product", 7, "name_taken", "why")
    error = OpenError("realm-1", "product", 7, None, "name_taken", "m", "r")
    assert check_planted([planted], [error]) == []
    assert check_planted([planted], [error, error]) == ["planted problem kind (product 7): 2 open errors"]
