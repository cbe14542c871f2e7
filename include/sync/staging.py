"""The staged rows of a run: what `extract` read, `transform` planned, `validate` checked and `load` did."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.company.runtime import Run
from include.lms.database import jsonb
from include.model.problem import Problem
from include.model.record import Direction, Entity, RecordKey

Json = dict[str, Any]


@dataclass(kw_only=True, slots=True)
class StagedRecord:
    """One record in the hands of one run."""

    entity: Entity
    record_id: str
    direction: Direction
    billing_lab_id: int | None
    generation: int
    link_version: int | None
    #: {qbo_id, base, sync_token, record_id (the LMS's)}; None: not linked.
    link: Json | None
    lms: Json | None = None
    qbo: Json = field(default_factory=dict)
    action: str | None = None
    plan: Json = field(default_factory=dict)
    problems: list[Json] = field(default_factory=list)
    outcome: str | None = None

    @property
    def key(self) -> RecordKey:
        """Its name."""
        return RecordKey(self.entity, self.record_id)

    @property
    def problem(self) -> Problem | None:
        """The first thing that stands in its way."""
        return Problem(**self.problems[0]) if self.problems else None


#: Takes the due marks of one company in hand that no other run has. Rows of an earlier try of the run are replaced.
_TAKE = """
    with due as (
        update qbo_sync.change_mark m
           set extracted_at = clock_timestamp(), extracted_by = %(dag)s || '/' || %(run)s
          from (select * from qbo_sync.due_mark
                 where realm_id = %(realm)s and direction = %(direction)s and entity = any(%(entities)s)
                   and (extracted_at is null or extracted_at < clock_timestamp() - interval '2 minutes'
                        or extracted_by = %(dag)s || '/' || %(run)s)
                 order by marked_at limit %(limit)s) d
         where m.realm_id = d.realm_id and m.direction = d.direction and m.entity = d.entity
           and m.record_id = d.record_id
        returning m.*
    )
    insert into qbo_sync.staged_record as s
           (dag_id, run_id, realm_id, direction, entity, record_id, billing_lab_id, generation, link_version, link)
    select %(dag)s, %(run)s, d.realm_id, d.direction, d.entity, d.record_id, d.billing_lab_id, d.generation, l.version,
           case when l.qbo_id is not null
                then jsonb_build_object('qbo_id', l.qbo_id, 'base', l.base, 'sync_token', l.sync_token,
                                        'record_id', l.record_id) end
      from due d
      left join qbo_sync.linked_record l on l.realm_id = d.realm_id and l.entity = d.entity
                                        and l.record_id = d.record_id
    on conflict (dag_id, run_id, realm_id, entity, record_id) do update
       set generation = excluded.generation, link_version = excluded.link_version, link = excluded.link,
           billing_lab_id = excluded.billing_lab_id, lms = null, qbo = null, action = null, plan = null,
           problems = '[]', outcome = null, extracted_at = clock_timestamp()
"""

#: From QuickBooks, marks name records by QuickBooks' ids.
_TAKE_BY_QBO_ID = _TAKE.replace("l.record_id = d.record_id", "l.qbo_id = d.record_id")


#: Records that one run takes in hand: no more than its load can write before the marks count as abandoned.
RUN_LIMIT = 2000


def take_due(
    connection: psycopg.Connection, run: Run, realm_id: str, direction: Direction, entities: Sequence[Entity]
) -> None:
    """Stage the due records of these entities in this company, oldest marks first, RUN_LIMIT at most."""
    connection.execute(
        "delete from qbo_sync.staged_record"
        " where dag_id = %s and run_id = %s and realm_id = %s and entity = any(%s) and outcome is null",
        [run.dag_id, run.run_id, realm_id, list(entities)],
    )
    connection.execute(
        _TAKE if direction == "lms_to_qbo" else _TAKE_BY_QBO_ID,
        {
            "realm": realm_id,
            "direction": direction,
            "entities": list(entities),
            "dag": run.dag_id,
            "run": run.run_id,
            "limit": RUN_LIMIT,
        },
    )


def read(
    connection: psycopg.Connection, run: Run, realm_id: str, entity: Entity, *, unfinished: bool = True
) -> list[StagedRecord]:
    """The run's rows of one entity, in the order of their ids; only those without an outcome unless told."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "select entity, record_id, direction, billing_lab_id, generation, link_version, link, lms, qbo, action,"
            "       plan, problems, outcome"
            "  from qbo_sync.staged_record"
            " where dag_id = %s and run_id = %s and realm_id = %s and entity = %s and (outcome is null or not %s)"
            " order by length(record_id), record_id",
            [run.dag_id, run.run_id, realm_id, entity, unfinished],
        ).fetchall()
    return [StagedRecord(**{**row, "qbo": row["qbo"] or {}, "plan": row["plan"] or {}}) for row in rows]


def write(
    connection: psycopg.Connection,
    run: Run,
    realm_id: str,
    records: Iterable[StagedRecord],
    columns: Sequence[str],
) -> None:
    """Write these columns of the records back."""
    names = psycopg.sql.SQL(", ").join(
        psycopg.sql.SQL("{} = %s").format(psycopg.sql.Identifier(column)) for column in columns
    )
    statement = psycopg.sql.SQL(
        "update qbo_sync.staged_record set {} where dag_id = %s and run_id = %s and realm_id = %s"
        " and entity = %s and record_id = %s"
    ).format(names)
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [
                [
                    *(_parameter(column, getattr(record, column)) for column in columns),
                    run.dag_id,
                    run.run_id,
                    realm_id,
                    record.entity,
                    record.record_id,
                ]
                for record in records
            ],
        )


def _parameter(column: str, value: Any) -> Any:
    return value if column in ("action", "outcome") or value is None else jsonb(value)


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
