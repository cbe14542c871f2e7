"""The files in include/migrations/sql are the present state: of a database that the migrations built, and run again."""

import re
from collections import Counter
from typing import Any

import psycopg
import pytest

from include.migrations import runner, upgrade

#: What a schema consists of, each as (name, definition). Tables without the order of their columns, which an
#: `alter table` does not keep.
LISTINGS = {
    "columns": """
        select table_schema || '.' || table_name || '.' || column_name,
               concat_ws(' ', data_type, numeric_precision, numeric_scale, is_nullable, column_default,
                         identity_generation)
          from information_schema.columns where table_schema in ('lms', 'qbo_sync')""",
    "constraints": """
        select conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid)
          from pg_constraint where connamespace in ('lms'::regnamespace, 'qbo_sync'::regnamespace)""",
    "indexes": """
        select schemaname || '.' || indexname, indexdef from pg_indexes where schemaname in ('lms', 'qbo_sync')""",
    "relations": """
        select oid::regclass::text, concat_ws(' ', relkind, reloptions, relacl)
          from pg_class where relnamespace in ('lms'::regnamespace, 'qbo_sync'::regnamespace)""",
    "sequences": """
        select schemaname || '.' || sequencename, concat_ws(' ', data_type, start_value, increment_by)
          from pg_sequences where schemaname in ('lms', 'qbo_sync')""",
    "views": """
        select oid::regclass::text, pg_get_viewdef(oid)
          from pg_class where relkind = 'v' and relnamespace in ('lms'::regnamespace, 'qbo_sync'::regnamespace)""",
    "functions": """
        select oid::regprocedure::text, pg_get_functiondef(oid)
          from pg_proc where pronamespace in ('lms'::regnamespace, 'qbo_sync'::regnamespace)""",
    "triggers": """
        select t.tgrelid::regclass || ' ' || t.tgname, pg_get_triggerdef(t.oid)
          from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where not t.tgisinternal and c.relnamespace in ('lms'::regnamespace, 'qbo_sync'::regnamespace)""",
    "comments": """
        select concat_ws(' ', d.objoid::regclass, d.objsubid), d.description
          from pg_description d join pg_class c on d.classoid = 'pg_class'::regclass and c.oid = d.objoid
         where c.relnamespace in ('lms'::regnamespace, 'qbo_sync'::regnamespace)""",
}


def schema(database_url: str) -> dict[str, dict[str, Any]]:
    """What is in both schemas: {kind: {name: definition}}."""
    with psycopg.connect(database_url) as db:
        return {kind: dict(db.execute(query.encode()).fetchall()) for kind, query in LISTINGS.items()}


def run_files(database_url: str, files: tuple[str, ...]) -> None:
    with psycopg.connect(database_url) as db:
        for file in files:
            db.execute((runner.SQL / file).read_bytes())


def test_migrations_build_what_the_files_describe(lms_database: str, empty_database: str) -> None:
    run_files(empty_database, runner.TABLES + runner.CODE)
    migrated, described = schema(lms_database), schema(empty_database)
    assert all(migrated.values()), "a listing that lists nothing proves nothing"
    assert migrated == described


def test_all_but_the_tables_can_be_run_again(lms_database: str) -> None:
    before = schema(lms_database)
    run_files(lms_database, runner.CODE)
    assert schema(lms_database) == before


def test_a_file_that_changed_runs_with_the_next_upgrade_and_no_other(lms_database: str) -> None:
    before = schema(lms_database)
    with psycopg.connect(lms_database) as db:
        # As an older version had it: other text, other hash.
        db.execute("update public.pilot_schema_file set sha256 = 'older' where path = 'qbo_sync/due.sql'")
        db.execute("create or replace view qbo_sync.pending_mark as select * from qbo_sync.due_mark")
        touched = db.execute("select xmin::text from pg_proc where proname = 'dispatch_change'").fetchall()
    upgrade(lms_database)
    assert schema(lms_database) == before
    with psycopg.connect(lms_database) as db:
        assert db.execute("select xmin::text from pg_proc where proname = 'dispatch_change'").fetchall() == touched


def test_every_file_is_listed() -> None:
    assert {str(path.relative_to(runner.SQL)) for path in runner.SQL.rglob("*.sql")} == {*runner.TABLES, *runner.CODE}


@pytest.mark.parametrize("kind", ["table", "view", "function"])
def test_each_stands_once_in_the_files(kind: str) -> None:
    text = "\n".join((runner.SQL / file).read_text() for file in {*runner.TABLES, *runner.CODE})
    created = Counter(re.findall(rf"^create (?:or replace )?{kind} ([a-z_.]+)", text, re.MULTILINE))
    assert set(created.values()) == {1}, created.most_common(3)
