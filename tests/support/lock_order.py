"""Which locks the transactions of the sync take, one after the other, and whether two of them could deadlock.

Triggers note each row that a statement inserts, updates or deletes as soon as PostgreSQL has locked it, whatever
function or trigger the statement stands in; rows that are locked to be read (`for update`) are noted after their
statement. What is noted is a part of the transaction: what is rolled back leaves nothing.

One test calls the paths one after the other; what they would do side by side follows from the orders: two transactions
that take the same two locks in opposite orders can deadlock, unless another lock lets in only one of them at a time.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import psycopg
from psycopg.abc import Params

from include.company.runtime import Runtime
from tests.support.world import World

_INSTALL = """
create schema lock_order;
create table lock_order.taken (
    n           bigint generated always as identity,
    transaction xid8 not null default pg_current_xact_id(),
    relation    text not null,
    kind        text not null default '',
    key         text not null,
    statement   text not null default current_query()
);
grant usage on schema lock_order to public;
grant select, insert on lock_order.taken to public;
create function lock_order.note() returns trigger language plpgsql as $$
declare
    noted jsonb := to_jsonb(coalesce(old, new));
begin
    insert into lock_order.taken (relation, kind, key)
    select tg_argv[0], concat_ws(' ', noted ->> 'direction', coalesce(noted ->> 'record_entity', noted ->> 'entity')),
           string_agg(noted ->> name, '/' order by place)
      from unnest(tg_argv[1:]) with ordinality as columns (name, place);
    return coalesce(new, old);
end
$$;
alter function qbo_sync.lock_marks(boolean) rename to lock_marks_itself;
create function qbo_sync.lock_marks(p_alone boolean) returns void language plpgsql as $$
begin
    perform qbo_sync.lock_marks_itself(p_alone);
    insert into lock_order.taken (relation, key)
    values ('lock_marks', case when p_alone then 'alone' else 'shared' end);
end
$$;
"""
#: Tables with the columns of their primary keys, and whether the database gives these: nobody waits for a new row then.
_TABLES = """
select format('%I.%I', n.nspname, c.relname) as relation,
       array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum)) as key,
       bool_or(a.attidentity <> '') as generated
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_index i on i.indrelid = c.oid and i.indisprimary
  join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey::int2[])
 where n.nspname in ('lms', 'qbo_sync') and c.relkind = 'r'
 group by n.nspname, c.relname
"""
_MARKS_LOCK = "lock_marks"

#: The one order of rows (decision 0032). Of one table: first what the transaction is about, then what hangs on it.
LEVELS = {
    "qbo_sync.change_mark": 1,
    **dict.fromkeys(
        (
            "lms.billing_account",
            "lms.doctor_office",
            "lms.product",
            "lms.lab_case",
            "lms.case_line_item",
            "lms.invoice",
            "lms.invoice_line_item",
            "lms.credit",
            "lms.credit_application",
            "lms.payment",
            "lms.payment_application",
        ),
        2,
    ),
    **dict.fromkeys(("qbo_sync.entity_link", "qbo_sync.special_item", "qbo_sync.credit_application_link"), 3),
    "qbo_sync.possible_duplicate": 4,
    "qbo_sync.sync_error": 5,
}

#: Rows of one load or run, which the load's own lock keeps for it.
_NOT_SHARED = {"qbo_sync.write_request", "qbo_sync.write_intent", "qbo_sync.staged_record", "qbo_sync.sync_run"}
#: How tests let time pass.
_TIME_PASSES = (
    "update qbo_sync.change_mark set attempt_after = null, extracted_at = null",
    "update qbo_sync.change_mark set extracted_at = null, attempt_after = case",
)

_TO_READ = re.compile(r"\bfor (no key )?update\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A row; `kind` says which direction and entity it is of, where it has them."""

    relation: str
    kind: str
    key: str

    @property
    def rank(self) -> tuple[str, int, str]:
        """Where it comes among those of its kind: by company, then in the order of the ids."""
        before, _, last = self.key.rpartition("/")
        return before, len(last), last


@dataclass(kw_only=True, slots=True)
class Taken:
    """What one transaction has locked, in order, each lock once."""

    #: How it holds the lock of the marks: alone, shared or not at all ('').
    marks: str = ""
    rows: list[Lock] = field(default_factory=list)
    #: Which statement has locked each row.
    statements: dict[Lock, str] = field(default_factory=dict)
    #: What nobody may do.
    wrong: list[str] = field(default_factory=list)


@dataclass
class Recorder:
    """Notes the locks of all transactions in the world's database."""

    world: World

    def __post_init__(self) -> None:
        connection = self.world.connection
        with connection.transaction():
            connection.execute(_INSTALL.encode())
            self._keys: dict[str, list[str]] = {}
            for relation, key, generated in connection.execute(_TABLES.encode()).fetchall():
                self._keys[relation] = key
                arguments = ", ".join(f"'{one}'" for one in [relation, *key])
                when = "update or delete" if generated else "insert or update or delete"
                connection.execute(
                    f'create trigger "0_lock_order" before {when} on {relation}'
                    f" for each row execute function lock_order.note({arguments})".encode()
                )
        self.world.runtime = self._recording(self.world.runtime)
        connection.cursor_factory = self._cursors()

    def _recording(self, runtime: Runtime) -> Runtime:
        connect, cursors = runtime.connect, self._cursors()

        @contextmanager
        def recorded() -> Iterator[psycopg.Connection]:
            with connect() as connection:
                usual, connection.cursor_factory = connection.cursor_factory, cursors
                try:
                    yield connection
                finally:
                    connection.cursor_factory = usual

        return replace(runtime, connect=recorded)

    def _cursors(self) -> type[psycopg.Cursor[Any]]:
        keys = self._keys

        class RecordingCursor(psycopg.Cursor[Any]):
            """Notes the rows that a statement locks to read them."""

            def execute(
                self,
                query: Any,
                params: Params | None = None,
                *,
                prepare: bool | None = None,
                binary: bool | None = None,
            ) -> "RecordingCursor":
                super().execute(query, params, prepare=prepare, binary=binary)
                text = query.decode() if isinstance(query, bytes) else str(query)
                if _TO_READ.search(text):
                    for relation, columns in keys.items():
                        if relation in text:
                            _note_locked(self.connection, relation, columns, text)
                return self

        return RecordingCursor

    def transactions(self) -> list[Taken]:
        """All of them, in the order in which they began to lock."""
        found: dict[str, Taken] = defaultdict(Taken)
        noted = self.world.connection.execute(
            "select transaction::text, relation, kind, key, statement from lock_order.taken order by n"
        ).fetchall()
        self.world.connection.commit()
        for transaction, relation, kind, key, statement in noted:
            taken = found[transaction]
            if relation == _MARKS_LOCK:
                _note_marks_lock(taken, key, statement)
                continue
            lock = Lock(relation=relation, kind=kind, key=key)
            if relation not in _NOT_SHARED and lock not in taken.statements:
                taken.rows.append(lock)
                taken.statements[lock] = statement
        return list(found.values())


def _note_marks_lock(taken: Taken, how: str, statement: str) -> None:
    if not taken.marks:
        taken.marks = how
        if any(row.relation in LEVELS for row in taken.rows):
            taken.wrong.append(f"rows before the lock of the marks: {taken.rows}, then {statement}")
    elif taken.marks == "shared" and how == "alone":
        taken.wrong.append(f"the lock of the marks shared, then alone: {statement}")


def violations(transactions: Sequence[Taken]) -> set[str]:
    """Where a transaction does not keep to the one order of locks (decision 0032)."""
    found = {wrong for taken in transactions for wrong in taken.wrong}
    after: dict[tuple[str, str], dict[tuple[str, str], str]] = defaultdict(dict)
    for taken in transactions:
        rows = [row for row in taken.rows if row.relation in LEVELS]
        if not taken.marks:
            # The LMS's own transactions lock its rows in an order of their own.
            ours = [row for row in rows if not row.relation.startswith("lms.")]
            if len(ours) > 1 and not taken.statements[ours[0]].startswith(_TIME_PASSES):
                found.add(f"several rows without the lock of the marks: {_told(taken, ours)}")
        if taken.marks != "shared":
            continue
        for first, second in pairwise(rows):
            if LEVELS[first.relation] > LEVELS[second.relation]:
                found.add(f"{first.relation} before {second.relation}: {_told(taken, [first, second])}")
        last: dict[tuple[str, str], Lock] = {}
        for row in rows:
            kind = row.relation, row.kind
            if kind in last and last[kind].rank > row.rank:
                found.add(f"not in the order of the ids: {_told(taken, [last[kind], row])}")
            for other in last:
                if other != kind:
                    after[other].setdefault(kind, _told(taken, [last[other], row]))
            last[kind] = row
    try:
        TopologicalSorter({kind: list(later) for kind, later in after.items()}).prepare()
    except CycleError as cycle:
        circle = list(reversed(cycle.args[1]))
        found.add("in a circle: " + "; ".join(after[one][two] for one, two in pairwise(circle) if two in after[one]))
    return found


def _told(taken: Taken, rows: Sequence[Lock]) -> str:
    return " | ".join(
        f"{row.relation} {row.kind} {row.key} by {' '.join(taken.statements[row].split())[:150]}" for row in rows
    )


def _note_locked(connection: psycopg.Connection[Any], relation: str, columns: Sequence[str], statement: str) -> None:
    """No other transaction is at work, so whatever is locked since this one began is its own."""
    key = " || '/' || ".join(f"t.{column}::text" for column in columns)
    order = f"order by length(t.{columns[-1]}::text), t.{columns[-1]}" if "order by" in statement else ""
    with psycopg.Cursor(connection) as cursor:
        cursor.execute(
            f"insert into lock_order.taken (relation, kind, key, statement)"
            f" select %s, concat_ws(' ', r ->> 'direction', coalesce(r ->> 'record_entity', r ->> 'entity')), {key}, %s"
            f"   from {relation} t cross join lateral to_jsonb(t) r"
            f"  where t.xmax::text::bigint >= pg_current_xact_id()::xid::text::bigint {order}".encode(),
            [relation, statement],
        )
