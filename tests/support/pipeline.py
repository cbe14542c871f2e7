"""Rows of the LMS that pass for the sync's own."""

from typing import Any

import psycopg


def as_pipeline(connection: psycopg.Connection[Any]) -> None:
    """What this transaction writes to the LMS from now on is reported to nobody: it belongs to an audit entry."""
    connection.execute(
        "with entry as (insert into qbo_sync.audit_entry (side, realm_id, entity, operation)"
        " values ('lms', 'test', 'invoice', 'update') returning id)"
        " select set_config('qbo_sync.origin', 'pipeline', true),"
        "        set_config('qbo_sync.audit_entry', id::text, true) from entry"
    )
