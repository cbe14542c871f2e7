"""Old history goes: what only tells how a run went is kept for a while, what tells how the ledgers stand for ever."""

from collections.abc import Mapping

import psycopg

#: Table → the column that dates a row, and the days that it is kept.
_KEPT: Mapping[str, tuple[str, int]] = {
    "staged_record": ("extracted_at", 14),
    "sync_run": ("finished_at", 400),
    "api_call": ("at", 100),
    "preview": ("made_at", 100),
    "unconfirmed_create": ("sent_after", 100),
}


def prune(connection: psycopg.Connection) -> dict[str, int]:
    """Delete what is too old and commit; the rows deleted, by table."""
    deleted = {}
    for table, (column, days) in _KEPT.items():
        # Table and column are words of this module.
        statement = f"delete from qbo_sync.{table} where {column} < clock_timestamp() - make_interval(days => %s)"  # noqa: S608
        deleted[table] = connection.execute(statement.encode(), [days]).rowcount
    # Of a record's outcomes the last that says something, and what is recent.
    deleted["sync_outcome"] = connection.execute(
        "delete from qbo_sync.sync_outcome o where at < clock_timestamp() - interval '100 days'"
        "   and exists (select 1 from qbo_sync.sync_outcome later"
        "                where later.realm_id = o.realm_id and later.direction = o.direction"
        "                  and later.entity = o.entity and later.record_id = o.record_id and later.id > o.id"
        "                  and (later.outcome in ('created', 'updated', 'deleted', 'adopted')"
        "                       or o.outcome in ('unchanged', 'waiting', 'failed')))"
    ).rowcount
    connection.commit()
    return deleted
