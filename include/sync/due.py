"""What is due: which companies have work for a DAG, and who goes first (rule 8.5).

A DAG is not woken while what its records need is still in flight: it would find that everything has to wait, and be
woken again by the load that it waited for. Only runs that events wake are put off, and for three minutes at most
(`qbo_sync.companies_with_earlier_work`): manual and scheduled runs take whatever is due.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.model.record import Direction, Entity
from include.sync import trouble

_COMPANIES_WITH_WORK = Path(__file__).with_name("companies_with_work.sql").read_bytes()


def companies_with_work(
    connection: psycopg.Connection,
    dag_id: str,
    direction: Direction,
    entities: Sequence[Entity],
    realm_id: str | None,
    after: Sequence[Entity] = (),
) -> list[dict[str, Any]]:
    """Companies that have something due for the DAG, the one asked for if one is asked for: [{realm_id, name, records,
    alone}]: how many records, and whether it has failed of late, so that no other should have to wait for it.

    `after`: not those where something of these entities goes first.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            _COMPANIES_WITH_WORK,
            {
                "dag_id": dag_id,
                "realm": realm_id,
                "direction": direction,
                "entities": list(entities),
                "after": list(after),
                "longest_rest": trouble.LONGEST_REST,
            },
        ).fetchall()


def connected_companies(
    connection: psycopg.Connection, realm_id: str | None, billing_lab_id: int | None = None
) -> list[dict[str, Any]]:
    """The connected companies: the one asked for, the lab's, else all: [{realm_id, name}]."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select realm_id, name from qbo_sync.company c where status = 'connected'"
            "   and (%(realm)s::text is null or realm_id = %(realm)s)"
            "   and exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id"
            "                  and (%(lab)s::bigint is null or n.billing_lab_id = %(lab)s)) order by realm_id",
            {"realm": realm_id, "lab": billing_lab_id},
        ).fetchall()
