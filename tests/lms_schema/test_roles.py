"""The roles of the pipeline and of the page: what they may do is listed, and what is not listed is refused."""

import re
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from include.migrations import roles, runner, upgrade
from include.migrations.__main__ import main
from include.stack.postgres import ThrowawayServer
from tests.support.connections import as_role

MASTER_DATA = ("billing_lab", "billing_account", "doctor_office", "product", "case_line_item", "credit")
TRANSACTIONS = (
    "invoice", "invoice_line_item", "credit_application", "payment", "payment_application", "lab_case",
)  # fmt: skip
WRITES = ("insert into lms.{} default values", "update lms.{} set updated_at = now()", "delete from lms.{}")
STRUCTURE = (
    "truncate {} cascade",
    "drop table {} cascade",
    "alter table {} add column odd text",
    "alter table {} disable trigger user",
    "create trigger odd after insert on {} execute function qbo_sync.audit_lms_row()",
    "create rule odd as on insert to {} do instead nothing",
)


@pytest.fixture(params=[roles.PIPELINE, roles.PAGE])
def either(lms_database: str, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    with closing(psycopg.connect(as_role(lms_database, request.param), autocommit=True)) as connection:
        yield connection


@pytest.fixture
def pipeline(lms_database: str) -> Iterator[psycopg.Connection]:
    with closing(psycopg.connect(as_role(lms_database, roles.PIPELINE), autocommit=True)) as connection:
        yield connection


@pytest.fixture
def page(lms_database: str) -> Iterator[psycopg.Connection]:
    with closing(psycopg.connect(as_role(lms_database, roles.PAGE), autocommit=True)) as connection:
        yield connection


def refused(connection: psycopg.Connection, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        connection.execute(statement.encode())


def relations(connection: psycopg.Connection, kinds: str) -> set[str]:
    rows = connection.execute(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('lms', 'qbo_sync') and c.relkind = any(%s)",
        [list(kinds)],
    )
    return {name for (name,) in rows}


def test_every_table_and_view_is_listed(lms_database: str) -> None:
    listed = re.findall(r"^\s+\('([a-z_.]+)', ", (runner.SQL / "qbo_sync/roles.sql").read_text(), re.MULTILINE)
    with psycopg.connect(lms_database) as connection:
        there = relations(connection, "rpvmf")
    assert len(there) > 50 and set(listed) == there, "list it in include/migrations/sql/qbo_sync/roles.sql"
    assert len(listed) == len(set(listed))


def test_neither_can_empty_drop_or_alter_a_table(either: psycopg.Connection) -> None:
    for table in relations(either, "r"):
        for statement in STRUCTURE:
            refused(either, statement.format(table))


def test_neither_can_become_more_than_it_is(either: psycopg.Connection) -> None:
    for statement in (
        "create table lms.odd (id int)",
        "create table qbo_sync.odd (id int)",
        "create table public.odd (id int)",
        "create schema odd",
        "create role odd",
        "create database odd",
        f"alter role {roles.PIPELINE} createrole",
        "set role pilot",
        "set role lms_dashboard",
        "set session_replication_role = replica",  # no trigger would write the audit
        "select pg_read_file('/etc/passwd')",
        "copy (select 1) to program 'true'",
        "select 1 from public.pilot_schema_version",
        "create or replace function lms.uninvoice_case(case_id bigint) returns void language sql as 'select'",
    ):
        refused(either, statement)


def test_the_pipeline_only_reads_the_lms_s_master_data(pipeline: psycopg.Connection) -> None:
    for table in MASTER_DATA:
        for statement in WRITES:
            refused(pipeline, statement.format(table))


def test_the_pipeline_never_sees_a_patient(pipeline: psycopg.Connection) -> None:
    pipeline.execute("select id, status from lms.lab_case")
    for statement in (
        "select patient_name from lms.lab_case",
        "select * from lms.lab_case",
        "select billing_notes from lms.lab_case",
        "update lms.lab_case set patient_name = ''",
        "update lms.lab_case set status = 'completed' returning patient_name",
        "delete from lms.lab_case",
        "select 1 from lms.case_line_item",
    ):
        refused(pipeline, statement)


def test_the_pipeline_connects_nobody_and_changes_no_audit(pipeline: psycopg.Connection) -> None:
    for statement in (
        "insert into qbo_sync.connection (billing_lab_id, realm_id) values (1, '1')",
        "update qbo_sync.connection set direction = 'both'",
        "select 1 from qbo_sync.oauth_login",
        "insert into qbo_sync.page_change (user_name, action) values ('ada', 'ignore')",
        "update qbo_sync.page_change set user_name = 'ada'",
        "delete from qbo_sync.page_change",
        "insert into qbo_sync.audit_row (table_name) values ('invoice')",
        "update qbo_sync.audit_row set before = null",
        "delete from qbo_sync.audit_row",
    ):
        refused(pipeline, statement)


def test_the_page_writes_nothing_in_the_lms(page: psycopg.Connection) -> None:
    for table in MASTER_DATA + TRANSACTIONS:
        for statement in WRITES:
            refused(page, statement.format(table))
    refused(page, "select 1 from lms.lab_case")
    refused(page, "select lms.uninvoice_case(1)")


def test_the_page_does_not_do_the_pipeline_s_work(page: psycopg.Connection) -> None:
    for statement in (
        "update qbo_sync.audit_entry set before = null",
        "delete from qbo_sync.audit_entry",
        "delete from qbo_sync.audit_row",
        "update qbo_sync.page_change set user_name = 'somebody else'",
        "delete from qbo_sync.page_change",
        "insert into qbo_sync.write_intent default values",
        "delete from qbo_sync.change_mark",
        "delete from qbo_sync.sync_error",
        "update qbo_sync.sync_outcome set outcome = 'created'",
        "delete from qbo_sync.api_call",
        "delete from qbo_sync.company",
        "update qbo_sync.qbo_cursor set captured_at = now()",
    ):
        refused(page, statement)


def test_what_runs_with_the_owner_s_rights_looks_nowhere_else(lms_database: str) -> None:
    """A function of this kind without a path of its own would run whatever its caller puts before our schemas."""
    with psycopg.connect(lms_database) as connection:
        found = connection.execute(
            "select p.oid::regprocedure::text, proconfig, prorettype = 'trigger'::regtype,"
            "       has_function_privilege(%s, p.oid, 'execute'), has_function_privilege(%s, p.oid, 'execute')"
            "  from pg_proc p join pg_namespace n on n.oid = pronamespace"
            " where prosecdef and nspname in ('lms', 'qbo_sync')",
            [roles.PIPELINE, roles.PAGE],
        ).fetchall()
    assert len(found) >= 5
    assert {function for function, path, *_ in found if path != ["search_path=qbo_sync, pg_temp"]} == set()
    # a trigger's function cannot be called; the others are for one of them only
    assert {name: may for name, _, trigger, *may in found if not trigger} == {
        "qbo_sync.lock_payment(bigint)": [False, True]
    }


@pytest.fixture(scope="module")
def older_server() -> Iterator[ThrowawayServer]:
    """A server without the roles, with a database of before."""
    with ThrowawayServer() as server:
        upgrade(server.url)
        with psycopg.connect(server.admin_url, dbname="lms") as admin:
            admin.execute(
                f"drop owned by {roles.PIPELINE}, {roles.PAGE}; drop role {roles.PIPELINE}, {roles.PAGE};"
                " delete from public.pilot_schema_file where path = 'qbo_sync/roles.sql';"
                " update public.pilot_schema_version set version_num = '0001_initial'".encode()
            )
        yield server


def test_a_database_of_before_gets_roles_passwords_and_an_audit_without_patients(
    older_server: ThrowawayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = older_server.url
    case = '{"id": 7, "status": "invoiced", "patient_name": "Ann Example", "billing_notes": "shade A2"}'
    with psycopg.connect(url) as owner:
        owner.execute(
            "with entry as (insert into qbo_sync.audit_entry (side, realm_id, entity, operation)"
            "               values ('lms', '1', 'invoice', 'update') returning id)"
            " insert into qbo_sync.audit_row (entry_id, table_name, entity, lms_id, before, after)"
            " select id, name, 'lab_case', 7, before::jsonb, after::jsonb from entry,"
            f" (values ('lab_case', null, '{case}'), ('lab_case', '{case}', null), ('invoice', null, '{case}'))"
            " rows (name, before, after)".encode()
        )
    monkeypatch.setenv("LMS_DATABASE_URL", url)
    monkeypatch.setenv("PILOT_PIPELINE_PASSWORD", "of the pipeline")
    monkeypatch.setenv("PILOT_PAGE_PASSWORD", "of-the-page'")
    for _ in range(2):
        assert main() == 0
    with psycopg.connect(url) as owner:
        rows = owner.execute("select table_name, before, after from qbo_sync.audit_row order by id").fetchall()
    kept = {"id": 7, "status": "invoiced"}
    assert rows[:2] == [("lab_case", None, kept), ("lab_case", kept, None)]
    assert len(rows[2][2]) == 4, "only cases are shortened"
    for role, password in ((roles.PIPELINE, "of the pipeline"), (roles.PAGE, "of-the-page'")):
        with psycopg.connect(url, user=role, password=password) as connection:
            assert connection.execute("select count(*) from lms.invoice").fetchone() == (0,)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url, user=role, password="throwaway")
