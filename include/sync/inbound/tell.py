"""Sync errors of records that come from QuickBooks: named by QuickBooks' id, and told also when the rest is done."""

import psycopg
from psycopg.rows import dict_row

from include.company.runtime import Run
from include.model.problem import Problem
from include.model.record import Operation, RecordKey
from include.sync import sync_errors

#: Only a person closes these, or a change that somebody makes: no use in trying again from time to time.
_NO_RETRY = ("conflict_qbo_kept", "conflict_deleted", "customer_not_linked", "unsynced_application")


class Teller:
    """Writes the error of one record. Made before the record is settled, which resolves what was open."""

    def __init__(
        self,
        connection: psycopg.Connection,
        run: Run,
        realm_id: str,
        key: RecordKey,
        *,
        billing_lab_id: int | None,
        document_number: str | None,
    ) -> None:
        """Remember the error that stands now."""
        self._connection, self._run, self._realm_id, self._key = connection, run, realm_id, key
        self._lab, self._number = billing_lab_id, document_number
        with connection.cursor(row_factory=dict_row) as cursor:
            self._before = cursor.execute(
                "select error_code, status, attempts, first_seen_at from qbo_sync.sync_error"
                " where realm_id = %s and direction = 'qbo_to_lms' and record_entity = %s and record_id = %s"
                "   and status in ('open', 'ignored')",
                [realm_id, key.entity, key.id],
            ).fetchone()

    def tell(self, problem: Problem, operation: Operation, lms_id: str | None) -> None:
        """Open the error, or tell the one that stood again: with its history, and ignored if it was."""
        before = self._before
        place = sync_errors.ErrorPlace(
            realm_id=self._realm_id,
            direction="qbo_to_lms",
            key=self._key,
            operation=operation,
            billing_lab_id=self._lab,
            qbo_id=self._key.id,
            document_number=self._number,
        )
        sync_errors.record(self._connection, self._run, place, problem)
        same = before if before and before["error_code"] == problem.code else None
        self._connection.execute(
            "update qbo_sync.sync_error set lms_id = %(lms_id)s,"
            " status = coalesce(%(status)s, status), attempts = coalesce(%(attempts)s, attempts),"
            " first_seen_at = coalesce(%(first)s, first_seen_at),"
            " retry_at = case when %(keep)s then null else retry_at end"
            " where realm_id = %(realm)s and direction = 'qbo_to_lms' and record_entity = %(entity)s"
            "   and record_id = %(id)s",
            {
                "lms_id": int(lms_id) if lms_id else None,
                "status": same["status"] if same else None,
                "attempts": same["attempts"] + 1 if same else None,
                "first": same["first_seen_at"] if same else None,
                "keep": problem.code in _NO_RETRY,
                "realm": self._realm_id,
                "entity": self._key.entity,
                "id": self._key.id,
            },
        )
