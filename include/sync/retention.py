"""Old history goes: what only tells how a run went is kept for a while, what tells how the ledgers stand for ever."""

from collections.abc import Mapping

import psycopg

#: Days that the audit is kept: a fiscal year, and the month in which its books are closed and questions are asked.
AUDIT_DAYS = 400

#: Table → the column that dates a row, and the days that it is kept.
_KEPT: Mapping[str, tuple[str, int]] = {
    "staged_record": ("extracted_at", 14),
    "validation_result": ("checked_at", 14),
    # Capture itself forgets what is minutes old; this is for when it does not run.
    "captured_object": ("asked_at", 1),
    "sync_run": ("finished_at", 400),
    "api_call": ("at", 100),
    "preview": ("made_at", 100),
    "undo": ("made_at", 400),
    # As long as the audit: a lab may have paused meanwhile.
    "unconfirmed_create": ("sent_after", AUDIT_DAYS),
    "alert": ("over_at", 400),
}

#: Days that a ledger proof is kept, where no setting says otherwise: two years and a month, so that a year can be shown
#: beside the one before.
PROOF_DAYS = 760


def prune(
    connection: psycopg.Connection,
    proof_days: int = PROOF_DAYS,
    audit_days: int = AUDIT_DAYS,
    *,
    dry_run: bool = False,
) -> dict[str, int]:
    """Delete what is too old and commit; the rows deleted, by table. `proof_days`: how long ledger proofs are kept;
    `audit_days`: how long audit entries are, each of which takes its rows with it. `dry_run`: the rows that would be,
    and nothing is deleted."""
    by_setting = {"reconciliation": ("started_at", proof_days), "audit_entry": ("at", audit_days)}
    deleted = {}
    for table, (column, days) in {**_KEPT, **by_setting}.items():
        statement = f"delete from qbo_sync.{table} where {column} < clock_timestamp() - make_interval(days => %s)"  # noqa: S608 - words of this module
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
    # An invoice that is in QuickBooks, or in the LMS no more, is held by nobody.
    deleted["released_invoice"] = connection.execute(
        "delete from qbo_sync.released_invoice r"
        " where exists (select 1 from qbo_sync.entity_link l where l.entity = 'invoice' and l.lms_id = r.invoice_id)"
        "    or not exists (select 1 from lms.invoice i where i.id = r.invoice_id)"
    ).rowcount
    if dry_run:
        connection.rollback()
    else:
        connection.commit()
    return deleted
