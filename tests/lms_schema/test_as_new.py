"""Each test finds the database as new, although one database serves them all."""

import psycopg
import pytest

from tests.support.database import ReusedDatabase

#: All that a session may keep beyond its transactions.
SESSION = (
    "select current_setting('statement_timeout'), array(select pg_listening_channels()), to_regclass('pg_temp.kept'),"
    "  (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())"
)


def counts(url: str) -> list[int]:
    """Billing labs, changes to sync, and the id that the next lab gets."""
    with psycopg.connect(url) as db:
        rows = db.execute(
            "select (select count(*) from lms.billing_lab), (select count(*) from qbo_sync.lms_change)"
        ).fetchone()
        new = db.execute("insert into lms.billing_lab (name) values ('New') returning id").fetchone()
        db.rollback()
    assert rows and new
    return [*rows, *new]


def test_rows_ids_and_sessions_of_another_test_are_gone(reused_database: ReusedDatabase) -> None:
    reused_database.empty()
    url = reused_database.url
    before = counts(url)
    with psycopg.connect(url) as db, pytest.raises(psycopg.OperationalError):
        db.execute("insert into lms.billing_lab (name) values ('Bright Dental Lab')")
        db.execute(
            "insert into lms.billing_account (name, accounting_structure, active) values ('A', 'combined', true)"
        )
        db.commit()
        assert counts(url)[0] == 1
        db.execute("lock table lms.billing_lab in access exclusive mode")
        reused_database.empty()  # or it would wait for that lock
        db.execute("select 1")
    assert (reused_database.url, counts(url)) == (url, before)


def test_what_a_test_has_set_in_its_session_does_not_stay(reused_database: ReusedDatabase) -> None:
    reused_database.empty()
    session = reused_database.owner()
    as_new = session.execute(SESSION).fetchone()
    session.autocommit = False
    session.execute("set statement_timeout = '9s'; listen changes; create temp table kept (id int)")
    session.execute("select pg_advisory_lock(42)")
    session.commit()
    assert session.execute(SESSION).fetchone() != as_new
    session.execute("insert into kept values (1)")
    assert reused_database.owner() is session
    assert session.autocommit and session.execute(SESSION).fetchone() == as_new
    session.close()
    assert not reused_database.owner().closed


@pytest.mark.parametrize(
    "change",
    [
        "create table lms.kept (id int)",
        "alter table lms.invoice add column odd text",
        "alter table lms.invoice alter column memo set default 'odd'",
        "alter table lms.invoice disable trigger user",
        "drop view qbo_sync.pending_mark cascade",
        "create or replace view qbo_sync.pending_mark as select * from qbo_sync.due_mark",
        "create or replace function qbo_sync.dispatch_needed() returns boolean language sql as 'select false'",
        "create index on lms.invoice (memo)",
        "alter table lms.invoice add constraint odd check (memo <> 'odd')",
    ],
)
def test_a_changed_schema_does_not_stay(reused_database: ReusedDatabase, change: str) -> None:
    reused_database.empty()
    url = reused_database.url
    with psycopg.connect(url) as db:
        db.execute(change.encode())
    reused_database.empty()
    assert reused_database.url != url
