"""Takes back what a run wrote to QuickBooks, through the same door as every write: intent first, then the request."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import psycopg

from include.company.company import Company
from include.company.runtime import Run
from include.model.plan import Cause, Plan, Step
from include.model.record import Entity, RecordKey
from include.model.staged import Link, StagedRecord
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.qbo.errors import RequestRefused
from include.qbo.faults import Fault, is_missing
from include.sync import audit, intents, links
from include.sync.entity.base import Json, ToQuickBooks
from include.sync.flows import FLOWS
from include.sync.intents import Intent
from include.sync.write.conclude import Conclusion, conclude
from include.undo import keep
from include.undo.content import says_the_same
from include.undo.entries import Written
from include.undo.plan import Action, leave

Sync = ToQuickBooks[Any, Any, Any, Any]
Row = StagedRecord[Any, Any, Any, Any]
Todo = tuple[Written, Action]

SYNCS: dict[Entity, Sync] = {
    sync.entity: sync for flow in FLOWS.values() for sync in flow.entities if isinstance(sync, ToQuickBooks)
}

_CHANGED = "It changed while it was being taken back."
_MISSING = "What it refers to is not in QuickBooks any more."
_STEPS: dict[Action, Step] = {"create": "create", "update": "update", "delete": "delete"}


class TakeBack:
    """What carrying out an undo in QuickBooks needs."""

    def __init__(
        self,
        connection: psycopg.Connection,
        client: QboClient,
        run: Run,
        company: Company,
        undo_id: int,
        asked_by: str,
    ) -> None:
        """Nothing is done yet."""
        self._connection, self._client, self._run = connection, client, run
        self._company, self._undo_id, self._asked_by = company, undo_id, asked_by
        #: The versions that the decisions were made on.
        self._seen = keep.read_seen(connection, undo_id)

    def carry_out(self, todo: Sequence[Todo]) -> None:
        """Take them back in this order. Raises OutcomeUnknown if an answer is lost: a retry of the task goes on."""
        for (entity, action), some in groupby(todo, key=lambda one: (one[0].entity, one[1])):
            records = [record for record, _ in some]
            if action == "unlink":
                for record in records:
                    self._unlink(record)
                continue
            sync = SYNCS[entity]
            for start in range(0, len(records), sync.batch_size):
                self._write(sync, _STEPS[action], records[start : start + sync.batch_size])

    def _unlink(self, record: Written) -> None:
        """The link that the run made to what was there already."""
        connection, realm_id = self._connection, self._company.realm_id
        keep.leave_alone(connection, realm_id, record, self._asked_by)
        if record.record_id is None or self._versions([record]).get(record.record_id) != record.link_version:
            self._leave(record, _CHANGED)
            connection.commit()
            return
        links.remove(connection, realm_id, RecordKey(record.entity, record.record_id))
        entry = audit.Entry(
            side="qbo",
            realm_id=realm_id,
            entity=record.entity,
            record_id=record.record_id,
            qbo_id=record.qbo_id,
            billing_lab_id=record.billing_lab_id,
            operation="unlink",
            before=record.after,
            after=None,
            undo_of=record.entry_id,
        )
        audit.keep(connection, self._run, entry)
        connection.commit()

    def _write(self, sync: Sync, step: Step, records: Sequence[Written]) -> None:
        """One request, and what came of it."""
        connection, realm_id = self._connection, self._company.realm_id
        by_key = {RecordKey(one.entity, one.record_id or ""): one for one in records}
        ready = self._claim(sync, step, records)
        if not ready:
            connection.commit()
            return
        request_id = intents.commit_request(connection, realm_id, ready)
        try:
            results: Sequence[Json | Fault] = self._client.write(
                [intent.write for intent in ready], request_id=request_id
            )
        except RequestRefused as refusal:
            intents.give_up(connection, realm_id, ready)
            for intent in ready:
                self._leave(by_key[intent.key], f"QuickBooks refuses it: {refusal}")
            connection.commit()
            return
        where = Conclusion(run=self._run, realm_id=realm_id, direction="lms_to_qbo", sync=sync, request_id=request_id)
        conclude(connection, self._client, where, ready, results)
        for intent, result in zip(ready, results, strict=True):
            if isinstance(result, Fault) and not (step == "delete" and is_missing(result)):
                self._leave(by_key[intent.key], f"QuickBooks refuses it: {result.detail or result.message}")
        connection.commit()

    def _claim(self, sync: Sync, step: Step, records: Sequence[Written]) -> list[Intent]:
        """The intents of those that are still as they were planned; all are left alone from now on."""
        connection, realm_id = self._connection, self._company.realm_id
        tokens = self._tokens(sync, records) if sync.entity == "credit" else {}
        rows = {
            one.entry_id: _row(one, step, tokens.get(one.qbo_id or "", self._seen[one.entry_id].qbo_token))
            for one in records
        }
        sync.read(connection, self._client, self._company, list(rows.values()))
        if step == "update":
            sync.ask(connection, self._client, self._company, [row for row in rows.values() if row.qbo is None])
        for one in records:
            keep.leave_alone(connection, realm_id, one, self._asked_by)
        versions = self._versions(records)
        needed = {one.entry_id: _references(sync, one, step) for one in records}
        ids = links.qbo_ids(connection, realm_id, {key for keys in needed.values() for key in keys})
        ready = []
        for one in records:
            row = rows[one.entry_id]
            if versions.get(one.record_id or "") != one.link_version:
                self._leave(one, _CHANGED)
            elif any(key not in ids for key in needed[one.entry_id]):
                self._leave(one, _MISSING)
            else:
                ready.append(_intent(sync, step, sync.body(row, row.planned, ids, self._company), one))
        return ready

    def _tokens(self, sync: Sync, records: Sequence[Written]) -> dict[str, str]:
        """QuickBooks' versions of those that still say what the run left: a credit memo gets a new one when an
        application of it is taken back."""
        found = self._client.find(sync.resource, "Id", [one.qbo_id for one in records if one.qbo_id])
        left = {one.qbo_id: one.after for one in records}
        versions = [(qbo_record.version(body), body) for body in found]
        return {now.qbo_id: now.sync_token for now, body in versions if says_the_same(left[now.qbo_id], body)}

    def _versions(self, records: Sequence[Written]) -> dict[str, int]:
        """The versions of the records' links."""
        rows = self._connection.execute(
            "select record_id, version from qbo_sync.linked_record where realm_id = %s and entity = %s"
            "   and record_id = any(%s)",
            [self._company.realm_id, records[0].entity, [one.record_id for one in records]],
        )
        return dict(rows.fetchall())

    def _leave(self, record: Written, reason: str) -> None:
        """In the caller's transaction: what was claimed with it stays claimed."""
        keep.keep_decisions(self._connection, self._undo_id, {record.entry_id: leave(reason)})
        keep.sync_as_before(self._connection, self._company.realm_id, record)


def _row(record: Written, step: Step, token: str | None) -> Row:
    """As the sync would have it in hand."""
    link = None
    if step != "create":
        link = Link(lms_id=record.record_id or "", qbo_id=record.qbo_id or "", base=record.after, sync_token=token)
    target = None if step == "delete" else record.before
    return StagedRecord(
        entity=record.entity,
        record_id=record.record_id or "",
        direction="lms_to_qbo",
        billing_lab_id=record.billing_lab_id,
        generation=0,
        link_version=record.link_version,
        link=link,
        plan=Plan(step=step, cause=Cause.TAKEN_BACK, side="qbo", target=target),
    )


def _references(sync: Sync, record: Written, step: Step) -> tuple[RecordKey, ...]:
    return () if step == "delete" else sync.references(record.before)


def _intent(sync: Sync, step: Step, body: Json, record: Written) -> Intent:
    return Intent(
        entity=record.entity,
        record_id=record.record_id or "",
        billing_lab_id=record.billing_lab_id,
        generation=0,
        operation=step,  # type: ignore[arg-type]  # one of WRITES
        resource=sync.resource,
        payload=body,
        base=record.after if step == "delete" else record.before,
        before=None if step == "create" else record.after,
        undo_of=record.entry_id,
    )
