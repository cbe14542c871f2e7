"""Records left alone until somebody asks for them: read for a run, and let go when what was deleted is back.

Who leaves a record alone, or asks for it again, calls the SQL functions (migrations/sql/qbo_sync/left_alone.sql).
"""

from collections.abc import Collection, Sequence
from typing import Any

import psycopg

from include.model.plan import Cause
from include.model.record import Entity, RecordKey
from include.model.staged import LeftAlone, StagedRecord
from include.sync import marks

Row = StagedRecord[Any, Any, Any, Any]


def read(connection: psycopg.Connection, realm_id: str, entity: Entity, records: Sequence[Row]) -> None:
    """Note in the context of each record that is left alone that it is."""
    rows = connection.execute(
        "select lms_id::text, qbo_id, gone_from from qbo_sync.left_alone where realm_id = %s and entity = %s"
        "   and (lms_id::text = any(%s) or qbo_id = any(%s))",
        [
            realm_id,
            entity,
            [record.lms_id for record in records if record.lms_id],
            [record.qbo_id for record in records if record.qbo_id],
        ],
    ).fetchall()
    by_lms_id = {lms_id: LeftAlone(gone_from=gone_from) for lms_id, _, gone_from in rows if lms_id}
    by_qbo_id = {qbo_id: LeftAlone(gone_from=gone_from) for _, qbo_id, gone_from in rows if qbo_id}
    for record in records:
        record.known.left_alone = by_lms_id.get(record.lms_id or "") or by_qbo_id.get(record.qbo_id or "")


def ask_for(records: Sequence[Row], keys: Collection[RecordKey]) -> None:
    """In a dry run, those that somebody asks for are planned as if they were not left alone."""
    for record in records:
        if record.key in keys:
            record.known.left_alone = None


def let_go(connection: psycopg.Connection, realm_id: str, records: Sequence[Row]) -> None:
    """Those whose plan is another than to leave them alone (what was deleted is back) are synced like any other from
    now on, in the caller's transaction."""
    over = [one for one in records if one.known.left_alone and one.planned.cause is not Cause.LEFT_ALONE]
    if over:
        marks.lock_alone(connection)
        for one in over:
            # What has happened to it on the other side meanwhile was left alone there.
            if one.direction == "lms_to_qbo" and one.qbo_id and one.entity in ("invoice", "payment"):
                marks.mark_one(connection, realm_id, "qbo_to_lms", one.entity, one.qbo_id, one.billing_lab_id)
            elif one.direction == "qbo_to_lms" and one.lms_id:
                marks.mark_one(connection, realm_id, "lms_to_qbo", one.entity, one.lms_id, one.billing_lab_id)
        connection.execute(
            "delete from qbo_sync.left_alone where realm_id = %s and entity = %s"
            "   and (lms_id::text = any(%s) or qbo_id = any(%s))",
            [realm_id, over[0].entity, [one.lms_id for one in over], [one.qbo_id for one in over]],
        )
        # What is applied in QuickBooks to an invoice that is back, and perhaps not in the LMS any more.
        connection.execute(
            "insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)"
            " select 'payment', p.id, p.billing_lab_id"
            "   from unnest(%(ids)s::text[]) i (id) join qbo_sync.entity_link l on l.realm_id = %(realm)s"
            "        and l.entity = 'payment' and l.base -> 'applications'"
            "            @> jsonb_build_array(jsonb_build_object('invoice', jsonb_build_array('invoice', i.id)))"
            "   join lms.payment p on p.id = l.lms_id union"
            " select 'credit', c.id, c.billing_lab_id"
            "   from unnest(%(ids)s::text[]) i (id) join qbo_sync.credit_application_link l on l.realm_id = %(realm)s"
            "        and l.base -> 'applications'"
            "            @> jsonb_build_array(jsonb_build_object('invoice', jsonb_build_array('invoice', i.id)))"
            "   join lms.credit c on c.id = l.credit_id",
            {"realm": realm_id, "ids": [one.lms_id for one in over if one.entity == "invoice" and one.lms_id]},
        )
        # Payments that came without the part that is applied to such an invoice.
        connection.execute(
            "update qbo_sync.sync_error set retry_at = clock_timestamp() where realm_id = %s and status = 'open'"
            "   and direction = 'qbo_to_lms' and error_code = 'unsynced_application' and %s = 'invoice'"
            "   and detail -> 'invoice_ids' ?| %s::text[]",
            [realm_id, over[0].entity, [one.qbo_id for one in over]],
        )
