"""Undo of a run, step by step, as the tasks of `undo_run` call it.

    companies   the companies in which the run wrote
    extract     what it wrote of each record, and what is so now on both sides
    transform   decides for each record: how it is taken back, or why it is left
    validate    checks what would be written to QuickBooks; sets aside what fails
    load        takes it back if that is confirmed; otherwise it stays a preview

Of each record that is taken back an entry of the audit tells (`undo_of`), and it is left alone from then on.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.company.company import CLOSING_DATE_AGE, Company, read_company, refresh_preferences, require_known
from include.company.runtime import Run, Runtime
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.sync.flows import FLOWS
from include.sync.write import locks
from include.sync.write.recover import recover
from include.undo import keep, to_lms
from include.undo.content import says_the_same
from include.undo.entries import Written, companies_of, written
from include.undo.plan import Decision, Scope, Seen, decide, in_order, leave
from include.undo.to_quickbooks import SYNCS, TakeBack


class UnknownRun(Exception):
    """No sync has written anything under that name."""


def companies(runtime: Runtime, undone: Run, realm_id: str | None) -> list[dict[str, Any]]:
    """The connected companies in which the run wrote: [{realm_id, name}], or the one asked for.

    Raises UnknownRun and UnknownCompany.
    """
    with runtime.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        require_known(connection, realm_id)
        realms = companies_of(connection, undone.dag_id, undone.run_id)
        if undone.dag_id not in FLOWS or not realms:
            raise UnknownRun(f"undo_run_id: the run {undone.run_id} of the DAG {undone.dag_id} has written nothing.")
        return cursor.execute(
            "select realm_id, name from qbo_sync.company where status = 'connected' and realm_id = any(%s)"
            "   and (%s::text is null or realm_id = %s) order by realm_id",
            [realms, realm_id, realm_id],
        ).fetchall()


def extract(runtime: Runtime, realm_id: str, undone: Run, *, asked_by: str, confirmed: bool = False) -> dict[str, int]:
    """Begin the undo, with what is so now of each record: {records}. Raises what the client raises."""
    with runtime.connect() as connection, runtime.client(realm_id) as client:
        refresh_preferences(connection, client, oldest=CLOSING_DATE_AGE)
        undo_id = keep.begin(connection, runtime.run, realm_id, undone, asked_by=asked_by, confirmed=confirmed)
        records = written(connection, realm_id, undone.dag_id, undone.run_id)
        keep.keep_seen(connection, undo_id, _see(connection, client, records))
        connection.commit()
    return {"records": len(records)}


def _see(connection: psycopg.Connection, client: QboClient, records: Sequence[Written]) -> dict[int, Seen]:
    seen: dict[int, Seen] = {}
    by_resource: dict[str, list[Written]] = {}
    for one in records:
        if one.side == "lms":
            row = connection.execute("select qbo_sync.rows_as_left(%s, false)", [list(one.entries)]).fetchone()
            seen[one.entry_id] = Seen(rows_as_left=bool(row and row[0]))
        else:
            by_resource.setdefault(SYNCS[one.entity].resource, []).append(one)
    for resource, some in by_resource.items():
        found = client.find(resource, "Id", sorted({one.qbo_id for one in some if one.qbo_id}))
        bodies = {qbo_record.version(body).qbo_id: body for body in found}
        seen |= {one.entry_id: _seen_of(one, bodies.get(one.qbo_id or "")) for one in some}
    return seen


def _seen_of(record: Written, body: dict[str, Any] | None) -> Seen:
    if body is None:
        return Seen()
    linked = [(one.get("TxnType"), str(one.get("TxnId"))) for one in body.get("LinkedTxn", [])]
    return Seen(
        qbo_token=qbo_record.version(body).sync_token,
        qbo_date=date.fromisoformat(body["TxnDate"]) if body.get("TxnDate") else None,
        same_content=says_the_same(record.after, body),
        deposit=next((id_ for kind, id_ in linked if kind == "Deposit"), None),
        used_by=tuple(id_ for kind, id_ in linked if kind == "Payment"),
    )


def transform(runtime: Runtime, realm_id: str) -> dict[str, int]:
    """Decide for each record: how many of each action."""
    with runtime.connect() as connection:
        undo = keep.read(connection, runtime.run, realm_id)
        company = read_company(connection, realm_id)
        records = written(connection, realm_id, undo["dag_id"], undo["run_id"])
        decisions = _decide(company, records, keep.read_seen(connection, undo["id"]))
        keep.keep_decisions(connection, undo["id"], decisions)
        connection.commit()
    return dict(Counter(one.action for one in decisions.values()))


def _decide(company: Company, records: Sequence[Written], seen: Mapping[int, Seen]) -> dict[int, Decision]:
    known = [one for one in records if one.entry_id in seen]
    scope = Scope(closed_through=company.preferences.book_close_date)
    decisions = {one.entry_id: decide(one, seen[one.entry_id], scope) for one in known}
    # Payments of the same run that go first do not stand in the way of what they are applied to.
    gone = frozenset(one.qbo_id for one in known if one.qbo_id and decisions[one.entry_id].action == "delete")
    scope = replace(scope, deleted_too=gone)
    return {one.entry_id: decide(one, seen[one.entry_id], scope) for one in known}


def validate(runtime: Runtime, realm_id: str) -> dict[str, int]:
    """Check what would be made or changed in QuickBooks against the entity's expectations; leave what fails."""
    # Great Expectations takes seconds to import: only this step pays.
    from include.expectations.check import check

    checked = 0
    failed: dict[int, Decision] = {}
    with runtime.connect() as connection:
        undo = keep.read(connection, runtime.run, realm_id)
        actions = keep.read_actions(connection, undo["id"])
        records = [
            one
            for one in written(connection, realm_id, undo["dag_id"], undo["run_id"])
            if one.side == "qbo" and actions.get(one.entry_id) in ("create", "update")
        ]
        for entity in {one.entity for one in records}:
            targets = {str(one.entry_id): one.before for one in records if one.entity == entity}
            problems = check(entity, "qbo", targets)
            checked += len(targets)
            failed |= {int(id_): leave(found[0].message) for id_, found in problems.items()}
        keep.keep_decisions(connection, undo["id"], failed)
        connection.commit()
    return {"checked": checked, "set_aside": len(failed)}


def load(runtime: Runtime, realm_id: str) -> dict[str, int]:
    """Take it back if that is confirmed: {taken_back, left}. Raises as the load of a sync does; a retry goes on."""
    with runtime.connect() as connection:
        undo = keep.read(connection, runtime.run, realm_id)
        undone = Run(dag_id=undo["dag_id"], run_id=undo["run_id"])
        connection.commit()
        if undo["confirmed"]:
            _take_back(runtime, connection, realm_id, undone, undo)
        keep.mark_done(connection, undo["id"])
        row = connection.execute(
            "update qbo_sync.undo u set finished_at = clock_timestamp() where id = %s"
            " returning (select count(*) from qbo_sync.undo_record r where r.undo_id = u.id and r.done_at is not null),"
            "           (select count(*) from qbo_sync.undo_record r where r.undo_id = u.id and r.action = 'leave')",
            [undo["id"]],
        ).fetchone()
        connection.commit()
    done, left = row or (0, 0)
    return {"taken_back": done, "left": left}


def _take_back(
    runtime: Runtime, connection: psycopg.Connection, realm_id: str, undone: Run, undo: Mapping[str, Any]
) -> None:
    """Under the lock of the flow's own load: nobody else writes these records meanwhile."""
    flow = FLOWS[undone.dag_id]
    with locks.held(connection, realm_id, [flow]), runtime.client(realm_id) as client:
        company = read_company(connection, realm_id)
        connection.commit()
        if flow.direction == "lms_to_qbo":
            for lost in recover(connection, client, runtime.run, flow):
                raise lost
        keep.mark_done(connection, undo["id"])
        actions = keep.read_actions(connection, undo["id"])
        records = [
            one for one in written(connection, realm_id, undone.dag_id, undone.run_id) if one.entry_id in actions
        ]
        # What has happened to a record since it was looked at counts too.
        decisions = _decide(company, records, keep.read_seen(connection, undo["id"]))
        left = {entry_id: now for entry_id, now in decisions.items() if now.action == "leave"}
        keep.keep_decisions(connection, undo["id"], left)
        actions = {entry_id: action for entry_id, action in actions.items() if entry_id not in left}
        todo = in_order([(one, actions[one.entry_id]) for one in records if one.entry_id in actions])
        connection.commit()
        for record in [one for one, action in todo if action == "rows"]:
            reason = to_lms.take_back(connection, runtime.run, realm_id, record, undo["asked_by"])
            if reason:
                keep.keep_decisions(connection, undo["id"], {record.entry_id: leave(reason)})
            connection.commit()
        take_back = TakeBack(connection, client, runtime.run, company, undo["id"], undo["asked_by"])
        take_back.carry_out([(one, action) for one, action in todo if action != "rows"])
