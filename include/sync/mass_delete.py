"""Many deletes at once are a question, not an order (rule 8.9): held, reported once per lab and kind, and released or
refused by a person."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg

from include.company.company import Company
from include.company.runtime import Run
from include.model.plan import Cause
from include.model.problem import Problem
from include.model.record import Direction, Entity, RecordKey
from include.model.settings import MassDeleteLimit
from include.model.staged import StagedRecord
from include.sync import errors, marks
from include.sync.entity.base import EntitySync
from include.sync.hand_over import is_for_this_run
from include.sync.plan import problems
from include.sync.plan.guards import deletes_or_voids, hold, many_at_once

#: What marks of held records wait for (the view due_mark knows it).
HELD = "mass_delete"
A_PERSON = (HELD, "a person")

#: Company, entity, record.
Mark = tuple[str, str, str]

_WORDS: dict[str, str] = {
    "invoice": "invoices",
    "payment": "payments",
    "credit": "credits",
    "credit_application": "applied credits",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What a run holds of one entity: the records that are too many and the linked ones, by entity and lab."""

    too_many: Mapping[tuple[Entity, int | None], int] = field(default_factory=dict)
    linked: Mapping[tuple[Entity, int | None], int] = field(default_factory=dict)

    @property
    def labs(self) -> set[int | None]:
        """The labs of which some are held."""
        return {lab for _, lab in self.too_many}


def hold_many(
    connection: psycopg.Connection,
    limit: MassDeleteLimit,
    company: Company,
    sync: EntitySync[Any, Any, Any, Any],
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
    *,
    released: bool,
    released_lab: int | None = None,
    held_before: Collection[int | None] = (),
) -> Held:
    """Let the records wait that would be deleted or voided, where they are more than the limit allows for a lab.
    Nothing is written.

    Records whose lab nobody knows any more (TRUNCATE) count for the company as a whole, and with those in hand what
    waits for a later run: one takes only so many. `released`: a person wants them deleted, however many; only those of
    `released_lab`, if one is given. `held_before`: labs of which the run holds records that these hang on.
    """
    doomed = [
        one
        for one in records
        if deletes_or_voids(one.planned)
        and is_for_this_run(one, one.planned)
        and not (released and released_lab in (None, one.billing_lab_id))
    ]
    if not doomed:
        return Held()
    direction, in_hand = records[0].direction, [record.record_id for record in records]
    wanted = _released(connection, company.realm_id, direction, sync.entity, [one.record_id for one in doomed])
    doomed = [one for one in doomed if one.record_id not in wanted]
    if not doomed:
        return Held()
    others = Counter(_held(connection, company.realm_id, direction, sync.entity, in_hand))
    others += _count_what_is_still_to_come(connection, company.realm_id, direction, sync.entity, in_hand)
    plans = [(sync.entity, record.billing_lab_id, record.planned) for record in doomed]
    # Counting what is linked costs more than the rest: mostly so few are deleted that it does not matter.
    few = not many_at_once(plans, {}, others, limit)
    linked = {} if few else _linked(connection, company.realm_id, sync.entity)
    too_many = {} if few else many_at_once(plans, linked, others, limit)
    for record in doomed:
        if (sync.entity, record.billing_lab_id) in too_many or record.billing_lab_id in held_before:
            record.plan = hold(record.planned)
    return Held(too_many=too_many, linked=linked)


def tell(
    connection: psycopg.Connection,
    run: Run,
    realm_id: str,
    entity: Entity,
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
    held: Held,
) -> None:
    """One error for each lab of which records are held, and the errors of those of which none is any more resolved.
    What would have come in later runs is held with them: the answer is for all that the question counts."""
    if held.too_many:
        marks.lock_alone(connection)
        _hold_what_is_still_to_come(connection, realm_id, records[0].direction, entity, held.labs)
    _hold_in_hand(connection, realm_id, [one for one in records if one.planned.cause is Cause.MANY_AT_ONCE])
    for (_, lab), count in held.too_many.items():
        direction = records[0].direction
        problem = problem_of(direction, entity, count, held.linked.get((entity, lab), 0))
        errors.report(connection, run, _place(realm_id, direction, entity, lab), problem)
    _close(connection, realm_id, entity, records, held.labs)


def problem_of(direction: Direction, entity: Entity, count: int, linked: int) -> Problem:
    """What a person is asked: so many of so many linked records would go."""
    return problems.mass_delete_held(_WORDS[entity], count, linked, to_quickbooks=direction == "lms_to_qbo")


def _place(realm_id: str, direction: Direction, entity: Entity, lab: int | None) -> errors.ErrorPlace:
    return errors.ErrorPlace(
        realm_id=realm_id,
        direction=direction,
        key=_key(entity, lab),
        operation="delete",
        billing_lab_id=lab,
    )


def _key(entity: Entity, lab: int | None) -> RecordKey:
    return RecordKey(entity, f"{HELD} of lab {'unknown' if lab is None else lab}")


def _linked(connection: psycopg.Connection, realm_id: str, entity: Entity) -> dict[tuple[Entity, int | None], int]:
    """The linked records of each lab; under None those of all labs together."""
    rows = connection.execute(
        "select o.billing_lab_id, count(*) from qbo_sync.linked_record l"
        "  left join lateral ("
        "    select s.billing_lab_id from qbo_sync.sync_outcome s"
        "     where s.realm_id = l.realm_id and s.entity = l.entity and s.billing_lab_id is not null"
        "       and (s.direction = 'lms_to_qbo' and s.record_id = l.record_id"
        "            or s.direction = 'qbo_to_lms' and s.record_id = l.qbo_id)"
        "     order by s.id desc limit 1) o on true"
        " where l.realm_id = %s and l.entity = %s group by o.billing_lab_id",
        [realm_id, entity],
    ).fetchall()
    counts: dict[tuple[Entity, int | None], int] = {(entity, lab): count for lab, count in rows if lab is not None}
    counts[entity, None] = sum(count for _, count in rows)
    return counts


def _held(
    connection: psycopg.Connection, realm_id: str, direction: Direction, entity: Entity, in_hand: Sequence[str]
) -> dict[tuple[Entity, int | None], int]:
    rows = connection.execute(
        "select billing_lab_id, count(*) from qbo_sync.change_mark"
        " where realm_id = %s and direction = %s and entity = %s and waits_for_entity = %s"
        "   and record_id <> all(%s) group by billing_lab_id",
        [realm_id, direction, entity, HELD, list(in_hand)],
    )
    return {(entity, lab): count for lab, count in rows}


def _released(
    connection: psycopg.Connection, realm_id: str, direction: Direction, entity: Entity, ids: Sequence[str]
) -> set[str]:
    """Those of the records that a person wants deleted: more, perhaps, than the run which released them could take."""
    rows = connection.execute(
        "select record_id from qbo_sync.change_mark"
        " where realm_id = %s and direction = %s and entity = %s and record_id = any(%s) and released",
        [realm_id, direction, entity, list(ids)],
    )
    return {record_id for (record_id,) in rows}


#: By direction and entity: whether the record of a mark is gone from the side on which the run reads it.
_GONE: Mapping[tuple[Direction, Entity], LiteralString] = {
    ("lms_to_qbo", "invoice"): "not exists (select from lms.invoice r where r.id = m.record_id::bigint)",
    ("lms_to_qbo", "payment"): "not exists (select from lms.payment r where r.id = m.record_id::bigint)",
    ("lms_to_qbo", "credit"): "not exists (select from lms.credit r where r.id = m.record_id::bigint)",
    ("lms_to_qbo", "credit_application"): "not exists (select from lms.credit_application r"
    " where r.credit_id = m.record_id::bigint)",
    ("qbo_to_lms", "invoice"): "exists (select from qbo_sync.qbo_seen s where s.realm_id = m.realm_id"
    " and s.resource = 'Invoice' and s.qbo_id = m.record_id and s.sync_token is null)",
    ("qbo_to_lms", "payment"): "exists (select from qbo_sync.qbo_seen s where s.realm_id = m.realm_id"
    " and s.resource = 'Payment' and s.qbo_id = m.record_id and s.sync_token is null)",
}


def _still_to_come(direction: Direction, entity: Entity) -> LiteralString:
    """The condition for a mark m and a link l: the record is linked and gone, so that a later run would delete it, and
    neither held nor released nor left alone. (Voids look like changes: they count only in the run that reads them.)"""
    id_: LiteralString = "record_id" if direction == "lms_to_qbo" else "qbo_id"
    return (
        "m.realm_id = %(realm)s and m.direction = %(direction)s and m.entity = %(entity)s and not m.released"
        " and m.waits_for_entity is distinct from %(held)s"
        f" and l.realm_id = m.realm_id and l.entity = m.entity and l.{id_} = m.record_id"
        f" and {_GONE.get((direction, entity), 'false')}"
        " and not exists (select from qbo_sync.left_alone a where a.realm_id = m.realm_id and a.entity = m.entity"
        "                   and (a.lms_id::text = l.record_id or a.qbo_id = l.qbo_id))"
    )


def _count_what_is_still_to_come(
    connection: psycopg.Connection, realm_id: str, direction: Direction, entity: Entity, in_hand: Sequence[str]
) -> dict[tuple[Entity, int | None], int]:
    """By lab; not what the run has in hand."""
    rows = connection.execute(
        "select m.billing_lab_id, count(*) from qbo_sync.change_mark m, qbo_sync.linked_record l"  # noqa: S608 - words of this module
        f" where {_still_to_come(direction, entity)} and m.record_id <> all(%(in_hand)s) group by m.billing_lab_id",
        {"realm": realm_id, "direction": direction, "entity": entity, "held": HELD, "in_hand": list(in_hand)},
    )
    return {(entity, lab): count for lab, count in rows}


def _hold_what_is_still_to_come(
    connection: psycopg.Connection, realm_id: str, direction: Direction, entity: Entity, labs: Collection[int | None]
) -> None:
    """What other runs have in hand, they hold themselves."""
    connection.execute(
        "update qbo_sync.change_mark m set waits_for_entity = %(held)s, waits_for_id = %(person)s,"  # noqa: S608 - words of this module
        "  waits_since = clock_timestamp()"
        f" from qbo_sync.linked_record l where {_still_to_come(direction, entity)} and m.extracted_at is null"
        "   and (m.billing_lab_id = any(%(labs)s) or %(unknown)s and m.billing_lab_id is null)",
        {
            "realm": realm_id,
            "direction": direction,
            "entity": entity,
            "held": HELD,
            "person": A_PERSON[1],
            "labs": [lab for lab in labs if lab is not None],
            "unknown": None in labs,
        },
    )


def _hold_in_hand(
    connection: psycopg.Connection, realm_id: str, records: Sequence[StagedRecord[Any, Any, Any, Any]]
) -> None:
    """Those that the run holds, before it ends: another one might find none held, and close the question."""
    if not records:
        return
    marks.lock_alone(connection)
    connection.execute(
        "update qbo_sync.change_mark m set waits_for_entity = %s, waits_for_id = %s, waits_since = clock_timestamp()"
        "  from unnest(%s::text[], %s::bigint[]) as held (record_id, generation)"
        " where m.realm_id = %s and m.direction = %s and m.entity = %s"
        "   and m.record_id = held.record_id and m.generation = held.generation",
        [
            *A_PERSON,
            [one.record_id for one in records],
            [one.generation for one in records],
            realm_id,
            records[0].direction,
            records[0].entity,
        ],
    )


def _close(
    connection: psycopg.Connection,
    realm_id: str,
    entity: Entity,
    records: Sequence[StagedRecord[Any, Any, Any, Any]],
    still_held: Iterable[int | None] = (),
) -> None:
    """Nothing of a lab is held any more: its error is resolved."""
    if not records:
        return
    direction, kept = records[0].direction, {_key(entity, lab).id for lab in still_held}
    open_errors = connection.execute(
        "select record_id, billing_lab_id from qbo_sync.sync_error where realm_id = %s and direction = %s"
        "   and record_entity = %s and error_code = 'mass_delete_held' and status <> 'resolved'",
        [realm_id, direction, entity],
    ).fetchall()
    if not open_errors:
        return
    marks.lock_alone(connection)
    held = _held(connection, realm_id, direction, entity, [record.record_id for record in records])
    for record_id, lab in open_errors:
        if record_id not in kept and not held.get((entity, lab)):
            errors.resolve(connection, realm_id, direction, RecordKey(entity, record_id))


def held_records(
    connection: psycopg.Connection,
    realm_id: str | None,
    direction: Direction,
    entities: Sequence[Entity],
    lab: int | None = None,
) -> list[Mark]:
    """What is held at this moment, of a lab and a company, or of all."""
    marks.lock_alone(connection)
    return connection.execute(
        "select realm_id, entity, record_id from qbo_sync.change_mark"
        " where direction = %s and entity = any(%s) and waits_for_entity = %s"
        "   and (%s::text is null or realm_id = %s) and (%s::bigint is null or billing_lab_id = %s)",
        [direction, list(entities), HELD, realm_id, realm_id, lab, lab],
    ).fetchall()


def held_by_question(
    connection: psycopg.Connection,
    realm_id: str,
    direction: Direction,
    entity: Entity,
    lab: int | None,
    *,
    along: Sequence[Entity],
) -> list[Mark]:
    """What one error `mass_delete_held` asks about (None: of no lab that is known); of the entities `along`, which are
    the same DAG's, also what is held because of it and nothing asks about."""
    marks.lock_alone(connection)
    return connection.execute(
        "select m.realm_id, m.entity, m.record_id from qbo_sync.change_mark m"
        " where m.realm_id = %s and m.direction = %s and m.waits_for_entity = %s"
        "   and m.billing_lab_id is not distinct from %s and m.entity = any(%s)"
        "   and (m.entity = %s or not exists (select 1 from qbo_sync.sync_error e"
        "        where e.realm_id = m.realm_id and e.direction = m.direction and e.record_entity = m.entity"
        "          and e.error_code = 'mass_delete_held' and e.status <> 'resolved'"
        "          and e.billing_lab_id is not distinct from m.billing_lab_id))",
        [realm_id, direction, HELD, lab, list(along), entity],
    ).fetchall()


def release(connection: psycopg.Connection, direction: Direction, held: Sequence[Mark]) -> None:
    """These are due again, in the caller's transaction, and not held once more: the next run takes them, or, where they
    are more than one takes, later ones."""
    if not held:
        return
    marks.lock_alone(connection)
    connection.execute(
        "update qbo_sync.change_mark m set waits_for_entity = null, waits_for_id = null, waits_since = null,"
        " attempt_after = null, released = true, generation = nextval('qbo_sync.mark_generation')"
        " from unnest(%s::text[], %s::text[], %s::text[]) as held (realm_id, entity, record_id)"
        " where m.realm_id = held.realm_id and m.direction = %s and m.entity = held.entity"
        "   and m.record_id = held.record_id",
        [*([one[place] for one in held] for place in range(3)), direction],
    )


def refuse(
    connection: psycopg.Connection,
    realm_id: str | None,
    direction: Direction,
    entities: Sequence[str],
    lab: int | None,
    user: str,
) -> int:
    """What is held (of a lab) is not deleted on the other side, but left alone (decision 0022); how many records, in
    the caller's transaction. The next run finds nothing to do with them, and resolves the error."""
    row = connection.execute(
        "select qbo_sync.refuse_held(%s, %s, %s, %s, %s)", [realm_id, direction, list(entities), lab, user]
    ).fetchone()
    return int(row[0]) if row else 0
