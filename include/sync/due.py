"""What is due: which companies have work for a DAG, and who goes first (sync rules, section 8.5).

A DAG is not woken while what its records need is still on its way: it would find that everything has to wait, and be
woken again by the load that it waited for. Only what events wake is put off, and not for long: runs by hand and by the
clock take whatever is due, and after three minutes nobody waits for what does not come.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.model.record import Direction, Entity

#: Companies in which something of these entities is due or in a run's hands. Parameters: direction, after.
GOING_FIRST = (
    "select realm_id from qbo_sync.due_mark where direction = %(direction)s and entity = any(%(after)s::text[])"
    " and marked_at > clock_timestamp() - interval '3 minutes'"
)


def companies_with_work(
    connection: psycopg.Connection,
    direction: Direction,
    entities: Sequence[Entity],
    realm_id: str | None,
    after: Sequence[Entity] = (),
) -> list[dict[str, Any]]:
    """Companies that have something due: [{realm_id, name}], the one asked for if one is asked for.

    `after`: not those where something of these entities is still to go first (due.py).
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select c.realm_id, c.name from qbo_sync.company c"  # noqa: S608 - a constant
            " where (%(realm)s::text is null or c.realm_id = %(realm)s)"
            "   and (exists (select 1 from qbo_sync.pending_mark m where m.realm_id = c.realm_id"
            "                   and m.direction = %(direction)s and m.entity = any(%(entities)s))"
            f"      and c.realm_id <> all (array({GOING_FIRST}))"
            # A write that somebody died over is finished even if its record has nothing due.
            "        or %(direction)s = 'lms_to_qbo' and c.status = 'connected'"
            "           and exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id)"
            "           and exists (select 1 from qbo_sync.write_intent i"
            "                         join qbo_sync.write_request r using (request_id)"
            "                        where i.realm_id = c.realm_id and i.entity = any(%(entities)s)"
            "                          and r.created_at < clock_timestamp() - interval '3 minutes'))"
            " order by c.realm_id",
            {"realm": realm_id, "direction": direction, "entities": list(entities), "after": list(after)},
        ).fetchall()
