"""The staged rows of a run: what `extract` read, `transform` planned, `validate` checked and `load` did."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import psycopg
from psycopg.rows import dict_row

from include.company.runtime import Run
from include.lms.database import jsonb
from include.model.plan import Plan
from include.model.problem import Problem
from include.model.record import Direction, Entity, RecordKey
from include.model.staged import Fetched, Link, StagedRecord
from include.model.typed_json import typed
from include.sync import links
from include.sync.selection import SELECTED, Selection, parameters

Row = StagedRecord[Any, Any, Any, Any]
Column = Literal["lms", "qbo", "context", "plan", "problems", "outcome"]

_TAKE = Path(__file__).with_name("take_due.sql").read_bytes()

#: A dry run looks at the due marks, and at those that it was asked to release (of a lab), and takes none.
_LOOK = b"""
    select * from qbo_sync.due_mark
     where realm_id = %(realm)s and direction = %(direction)s and entity = any(%(entities)s)
     union
    select * from qbo_sync.change_mark
     where realm_id = %(realm)s and direction = %(direction)s and entity = any(%(entities)s)
       and %(release_held)s and waits_for_entity = 'mass_delete'
       and (%(release_lab)s::bigint is null or billing_lab_id = %(release_lab)s)
"""

#: Records that need no mark, as if they had one.
_AS_MARKS = (
    b"select realm_id, %(direction)s::text as direction, entity, record_id, lab as billing_lab_id,"
    b" 0::bigint as generation from (",
    b") e",
)

#: Records that somebody names.
_THESE = (
    b"select %(realm)s::text as realm_id, k.* from"
    b" unnest(%(those)s::text[], %(ids)s::text[], %(labs)s::bigint[]) as k (entity, record_id, lab)"
)

_STAGE = Path(__file__).with_name("stage.sql").read_bytes()

#: From QuickBooks, marks name records by QuickBooks' ids.
_STAGE_BY_QBO_ID = _STAGE.replace(b"l.record_id = d.record_id", b"l.qbo_id = d.record_id")


#: Records that one run takes in hand: no more than its load can write before the marks count as abandoned.
RUN_LIMIT = 2000


def take_due(
    connection: psycopg.Connection, run: Run, realm_id: str, direction: Direction, entities: Sequence[Entity]
) -> None:
    """Stage the due records of these entities in this company, oldest marks first, RUN_LIMIT at most."""
    _stage(connection, run, realm_id, direction, entities, _TAKE, {"limit": RUN_LIMIT})


def look_at(
    connection: psycopg.Connection,
    run: Run,
    realm_id: str,
    direction: Direction,
    entities: Sequence[Entity],
    *,
    release_held: bool,
    release_lab: int | None,
    compare: Selection | None,
) -> None:
    """Stage the due records for a dry run, with them what is held (of a lab) and what is to be compared, marked or not;
    the marks stay as they are."""
    values: dict[str, Any] = {"release_held": release_held, "release_lab": release_lab}
    due = _LOOK
    if compare is not None:
        columns = b"realm_id, direction, entity, record_id, billing_lab_id, generation"
        due = (
            b"select distinct on (entity, record_id) * from ("
            b"select "
            + columns
            + b" from ("
            + _LOOK
            + b") due union all "
            + _as_marks(SELECTED[direction])
            + b") looked_at"
            b" order by entity, record_id, generation desc"
        )
        values |= parameters(entities, realm_id, compare)
    _stage(connection, run, realm_id, direction, entities, due, values)


def stage_these(
    connection: psycopg.Connection,
    run: Run,
    realm_id: str,
    direction: Direction,
    records: Mapping[RecordKey, int | None],
) -> None:
    """Stage these records, with the lab of each, for a preview."""
    _stage(
        connection,
        run,
        realm_id,
        direction,
        sorted({key.entity for key in records}),
        _as_marks(_THESE),
        {
            "those": [key.entity for key in records],
            "ids": [key.id for key in records],
            "labs": list(records.values()),
        },
    )


def _as_marks(records: bytes) -> bytes:
    return _AS_MARKS[0] + records + _AS_MARKS[1]


def _stage(
    connection: psycopg.Connection,
    run: Run,
    realm_id: str,
    direction: Direction,
    entities: Sequence[Entity],
    due: bytes,
    values: Mapping[str, Any],
) -> None:
    connection.execute(
        "delete from qbo_sync.staged_record"
        " where dag_id = %s and run_id = %s and realm_id = %s and entity = any(%s) and outcome is null",
        [run.dag_id, run.run_id, realm_id, list(entities)],
    )
    stage = _STAGE if direction == "lms_to_qbo" else _STAGE_BY_QBO_ID
    connection.execute(
        b"with due as (" + due + b") " + stage,
        {
            "realm": realm_id,
            "direction": direction,
            "entities": list(entities),
            "dag": run.dag_id,
            "run": run.run_id,
            **values,
        },
    )


def read(
    connection: psycopg.Connection, run: Run, realm_id: str, entity: Entity, row: Any, *, unfinished: bool = True
) -> list[Row]:
    """The run's rows of one entity, in the order of their ids; only those without an outcome unless told.

    `row`: the entity's `StagedRecord[…]`, which says what its JSON is.
    """
    base, lms, qbo, context = get_args(row)
    fetched: Any = Fetched
    planned: Any = Plan
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "select entity, record_id, direction, billing_lab_id, generation, link_version, link, lms, qbo, context,"
            "       plan, problems, outcome"
            "  from qbo_sync.staged_record"
            " where dag_id = %s and run_id = %s and realm_id = %s and entity = %s and (outcome is null or not %s)"
            " order by length(record_id), record_id",
            [run.dag_id, run.run_id, realm_id, entity, unfinished],
        ).fetchall()
    return [
        StagedRecord(
            **{
                **one,
                "link": _link(entity, one["link"]),
                "lms": _typed(one["lms"], lms),
                "qbo": _typed(one["qbo"], fetched[qbo]),
                "context": _typed(one["context"], context),
                "plan": _typed(one["plan"], planned[base]),
                "problems": typed(one["problems"], list[Problem]),
            }
        )
        for one in found
    ]


def _typed(value: Any, kind: Any) -> Any:
    return None if value is None else typed(value, kind)


def _link(entity: Entity, link: Mapping[str, Any] | None) -> Link[Any] | None:
    if link is None:
        return None
    return Link(
        lms_id=link["record_id"],
        qbo_id=link["qbo_id"],
        base=links.readable_base(entity, link["record_id"], link["base"]),
        sync_token=link["sync_token"],
    )


def write(
    connection: psycopg.Connection, run: Run, realm_id: str, records: Iterable[Row], columns: Sequence[Column]
) -> None:
    """Write these columns of the records back; the plan's step goes into a column of its own too."""
    names = [*columns, *(["step"] if "plan" in columns else [])]
    assignments = psycopg.sql.SQL(", ").join(
        psycopg.sql.SQL("{} = %s").format(psycopg.sql.Identifier(name)) for name in names
    )
    statement = psycopg.sql.SQL(
        "update qbo_sync.staged_record set {} where dag_id = %s and run_id = %s and realm_id = %s"
        " and entity = %s and record_id = %s"
    ).format(assignments)
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [
                [
                    *(_parameter(record, name) for name in names),
                    run.dag_id,
                    run.run_id,
                    realm_id,
                    record.entity,
                    record.record_id,
                ]
                for record in records
            ],
        )


def _parameter(record: Row, column: str) -> Any:
    if column == "step":
        return record.planned.step
    value = getattr(record, column)
    return value if column == "outcome" or value is None else jsonb(value)


def counts(connection: psycopg.Connection, run: Run, realm_id: str) -> Mapping[str, int]:
    """How many of the run's records have which outcome; the key '' counts those without one."""
    rows = connection.execute(
        "select coalesce(outcome, ''), count(*) from qbo_sync.staged_record"
        " where dag_id = %s and run_id = %s and realm_id = %s group by 1",
        [run.dag_id, run.run_id, realm_id],
    )
    return dict(rows.fetchall())


def keep_summary(connection: psycopg.Connection, run: Run, realm_id: str) -> dict[str, int]:
    """Write the run's counts to qbo_sync.sync_run. They add up to what was extracted, or the table refuses them."""
    by_outcome = counts(connection, run, realm_id)
    names = ("created", "updated", "deleted", "adopted", "unchanged", "waiting", "failed")
    summary = {"extracted": sum(by_outcome.values()), **{name: by_outcome.get(name, 0) for name in names}}
    connection.execute(
        "insert into qbo_sync.sync_run (dag_id, run_id, realm_id, extracted, created, updated, deleted, adopted,"
        " unchanged, waiting, failed) values (%(dag_id)s, %(run_id)s, %(realm_id)s, %(extracted)s, %(created)s,"
        " %(updated)s, %(deleted)s, %(adopted)s, %(unchanged)s, %(waiting)s, %(failed)s)"
        " on conflict (dag_id, run_id, realm_id) do update set extracted = excluded.extracted,"
        " created = excluded.created, updated = excluded.updated, deleted = excluded.deleted,"
        " adopted = excluded.adopted, unchanged = excluded.unchanged, waiting = excluded.waiting,"
        " failed = excluded.failed, finished_at = clock_timestamp()",
        {"dag_id": run.dag_id, "run_id": run.run_id, "realm_id": realm_id, **summary},
    )
    return summary


def settle_leftovers(
    connection: psycopg.Connection, run: Run, realm_id: str, direction: Direction, entity: Entity, row: Any
) -> None:
    """What changed while it was in hand waits for the next run: its mark is still there, with what is new.

    Where the mark is not, another run has settled the record since: there is nothing left to do.
    """
    for record in read(connection, run, realm_id, entity, row):
        marked = connection.execute(
            "update qbo_sync.change_mark set extracted_at = null"
            " where realm_id = %s and direction = %s and entity = %s and record_id = %s returning 1",
            [realm_id, direction, entity, record.record_id],
        ).fetchone()
        record.outcome = "waiting" if marked else "unchanged"
        write(connection, run, realm_id, [record], ["outcome"])
