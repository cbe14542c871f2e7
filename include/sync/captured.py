"""What change capture has just read of invoices and payments: kept for some minutes, and given to the runs that it
wakes, as far as it may be believed (include/model/captured.py)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

import psycopg

from include.lms.database import jsonb
from include.model.captured import YOUNG, Captured, is_believable
from include.qbo.cdc import Sighting

#: The entities whose links lead to a resource.
_LINKED_AS = {"Invoice": ["invoice"], "Payment": ["payment", "credit_application"]}

_READ = Path(__file__).with_name("captured.sql").read_bytes()


def moment(connection: psycopg.Connection) -> datetime:
    """Now, by the clock of the log of calls."""
    now: datetime = next(connection.execute("select clock_timestamp()"))[0]
    return now


def keep(connection: psycopg.Connection, realm_id: str, sightings: Sequence[Sighting], asked_at: datetime) -> None:
    """Keep what change data capture answered, as far as it is new (the table new_version of the capture), in the
    caller's transaction. `asked_at`: a `moment` before the question."""
    whole = [one for one in sightings if one.resource in _LINKED_AS and (one.deleted or one.body is not None)]
    connection.execute(
        "insert into qbo_sync.captured_object as c (realm_id, resource, qbo_id, sync_token, body, asked_at)"
        " select distinct on (n.resource, n.qbo_id) %(realm)s, n.resource, n.qbo_id, n.sync_token, o.body, %(asked)s"
        "   from unnest(%(resources)s::text[], %(ids)s::text[], %(tokens)s::text[], %(bodies)s::jsonb[])"
        "        as o (resource, qbo_id, sync_token, body)"
        "   join new_version n on (n.resource, n.qbo_id) = (o.resource, o.qbo_id)"
        "                     and n.sync_token is not distinct from o.sync_token"
        "  order by n.resource, n.qbo_id"
        " on conflict (realm_id, resource, qbo_id) do update"
        "    set sync_token = excluded.sync_token, body = excluded.body, asked_at = excluded.asked_at,"
        "        captured_at = clock_timestamp()"
        # Of two captures the later answer, whichever is kept first.
        "  where c.asked_at <= excluded.asked_at",
        {
            "realm": realm_id,
            "asked": asked_at,
            "resources": [one.resource for one in whole],
            "ids": [one.qbo_id for one in whole],
            "tokens": [one.sync_token for one in whole],
            "bodies": [jsonb(one.body) if one.body is not None else None for one in whole],
        },
    )


def prune(connection: psycopg.Connection) -> None:
    """Forget what nobody would believe any more, of all companies. The caller has the marks' lock."""
    connection.execute(
        "delete from qbo_sync.captured_object where asked_at not between clock_timestamp() - %s and clock_timestamp()",
        [YOUNG],
    )


def just_captured(
    connection: psycopg.Connection, realm_id: str, resource: str, ids: Collection[str]
) -> dict[str, Captured]:
    """Those of the records that need not be asked for, by id."""
    if resource not in _LINKED_AS or not ids:
        return {}
    rows = connection.execute(
        _READ,
        {
            "realm": realm_id,
            "resource": resource,
            "entities": _LINKED_AS[resource],
            "ids": sorted(ids),
            "young": YOUNG,
        },
    )
    found = {
        qbo_id: Captured(
            sync_token=sync_token,
            body=body,
            age=age,
            last_seen=last_seen,
            linked=linked,
            marked_since=marked_since,
            written_since=written_since,
        )
        for qbo_id, sync_token, body, age, last_seen, linked, marked_since, written_since in rows
    }
    return {qbo_id: one for qbo_id, one in found.items() if is_believable(one)}
