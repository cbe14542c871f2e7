"""The whole sync on one screen, both directions: mark → read both sides → decide → check → write → settle.

    companies   marks what changed, and names the QuickBooks companies that have something due
    extract     stages the due records with what both sides say of them
    transform   plans one step for each
    validate    checks what is about to be written; sets aside what fails
    load        carries the plans out, and settles each record: outcome, link, base, mark, error

Each step reads the run's staged rows and writes them back; what it returns (keys and counts) is what XCom may carry.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

from include.company.company import CLOSING_DATE_AGE, Company, read_company, refresh_preferences, require_known
from include.company.runtime import Run, Runtime
from include.model.plan import fail
from include.model.record import LISTS, Direction, Side
from include.model.settings import MassDeleteLimit
from include.model.staged import StagedRecord
from include.qbo.client import QboClient
from include.sync import intents, left_alone, marks, mass_delete, preview, selection, staging, validation
from include.sync.due import companies_with_work, connected_companies
from include.sync.entity.base import EntitySync, ToQuickBooks
from include.sync.entity.in_flight import retry_unconfirmed
from include.sync.flows import Flow
from include.sync.lab import has_taker, is_still_on
from include.sync.plan.guards import Subject
from include.sync.plan.order import ignore_leaving
from include.sync.planning import plan_one
from include.sync.selection import EVERYTHING, BadSelection, Selection, require_sound
from include.sync.sides import add_sides
from include.sync.trouble import require_access
from include.sync.write import to_lms, to_quickbooks
from include.sync.write.foreign import find_foreign_customers
from include.sync.write.unconfirmed import find_unconfirmed

Sync = EntitySync[Any, Any, Any, Any]
Row = StagedRecord[Any, Any, Any, Any]


def companies(
    runtime: Runtime,
    flow: Flow,
    realm_id: str | None,
    resync: bool,
    *,
    woken: bool = False,
    release_held: bool = False,
    refused_by: str | None = None,
    selected: Selection = EVERYTHING,
    dry_run: bool = False,
) -> list[dict[str, Any]]:
    """Dispatch the LMS's changes, then list the companies that have something due: [{realm_id, name}], with what
    shards.py goes by.

    `resync` marks the selected records of the flow first, so that they are compared again. `woken` by an event:
    companies where something has to go first are left out, its load wakes this DAG again (due.py). `release_held`: what
    is held because it would delete or void many records at once is due again (rule 8.9); `refused_by`: this person
    refuses it, it is left alone; either of the selected lab only, if one is. `dry_run`: nothing is marked or released;
    where more than the due records is looked at, every connected company is listed. Raises UnknownCompany and
    BadSelection.
    """
    if release_held and refused_by:
        raise BadSelection(
            "refuse_held: deletes that are held are either released or refused. Turn off one of the two."
        )
    if dry_run and refused_by:
        raise BadSelection("refuse_held: a dry run (dry_run) refuses nothing. Turn off one of the two.")
    with runtime.connect() as connection:
        require_known(connection, realm_id)
        require_sound(connection, realm_id, selected)
        if dry_run:
            if resync:
                selection.require_known(connection, flow.direction, flow.names, realm_id, selected)
        else:
            lab = selected.billing_lab_id
            # Before anything is marked, which ends its hold.
            released = (
                mass_delete.held_records(connection, realm_id, flow.direction, flow.names, lab) if release_held else ()
            )
            if resync:
                selection.mark(connection, flow.direction, flow.names, realm_id, selected)
            mass_delete.release(connection, flow.direction, released)
            if refused_by:
                mass_delete.refuse(connection, realm_id, flow.direction, flow.names, lab, refused_by)
        marks.dispatch(connection)
        if not realm_id and not dry_run:
            marks.record_listing(connection, runtime.run.dag_id)
        connection.commit()
        if dry_run and (resync or release_held):
            return connected_companies(connection, realm_id, selected.billing_lab_id)
        after = flow.after if woken else ()
        return companies_with_work(connection, runtime.run.dag_id, flow.direction, flow.names, realm_id, after)


def extract(
    runtime: Runtime,
    flow: Flow,
    realm_id: str,
    *,
    release_held: bool = False,
    release_lab: int | None = None,
    dry_run: bool = False,
    compare: Selection | None = None,
) -> dict[str, int]:
    """Stage the due records with what both sides say of them; the number of each entity is returned.

    `dry_run`: the marks are looked at and stay as they are, and with them those that are held because they would be
    deleted many at once (rule 8.9; `release_held`, of `release_lab` only if one is given), and what is to be compared
    again although it is not marked (`compare`).

    Writes to QuickBooks that an earlier load left unfinished count too, as `unfinished`: this run's load brings them
    to an end. Raises ReconnectRequired, NotConnected, and what the client raises.
    """
    extracted: dict[str, int] = {}
    past = False
    with runtime.connect() as connection, runtime.client(realm_id) as client:
        require_access(connection, realm_id)
        refresh_preferences(connection, client)
        validation.forget(connection, runtime.run, realm_id)
        marks.dispatch(connection)
        if dry_run:
            staging.look_at(
                connection,
                runtime.run,
                realm_id,
                flow.direction,
                flow.names,
                release_held=release_held,
                release_lab=release_lab,
                compare=compare,
            )
        else:
            marks.lock_alone(connection)
            staging.take_due(connection, runtime.run, realm_id, flow.direction, flow.names)
        connection.commit()
        company = read_company(connection, realm_id)
        asked_for = selection.named(connection, flow.direction, flow.names, realm_id, compare or EVERYTHING)
        for sync in flow.entities:
            records = staging.read(connection, runtime.run, realm_id, sync.entity, sync.row)
            read_both_sides(connection, client, company, sync, records)
            left_alone.ask_for(records, asked_for)
            if not dry_run and any(getattr(record.known, "match_in_flight", False) for record in records):
                retry_unconfirmed(connection, realm_id, sync.entity)
            staging.write(connection, runtime.run, realm_id, records, ["lms", "qbo", "context"])
            connection.commit()
            extracted[sync.entity] = len(records)
            past = past or any(_is_past(sync.subject(record)) for record in records if record.direction == "lms_to_qbo")
        if past:
            # The plans go by the closing date that the books have now, not an hour ago.
            refresh_preferences(connection, client, oldest=CLOSING_DATE_AGE)
        if flow.direction == "lms_to_qbo" and not dry_run:
            extracted["unfinished"] = len(intents.unfinished(connection, realm_id, flow.names))
    return extracted


def _is_past(subject: Subject) -> bool:
    """Whether it is of a day that is over: only such days are closed."""
    today = datetime.now(UTC).date()
    return any(day is not None and day < today for day in (subject.dated, subject.dated_in_quickbooks))


def read_both_sides(
    connection: psycopg.Connection, client: QboClient, company: Company, sync: Sync, records: Sequence[Row]
) -> None:
    """Fill what both sides say of staged records, and what else their plans need. Writes nothing."""
    if not records:
        return
    sync.read(connection, client, company, records)
    left_alone.read(connection, company.realm_id, sync.entity, records)
    towards_quickbooks = [record for record in records if record.direction == "lms_to_qbo"]
    if isinstance(sync, ToQuickBooks) and sync.entity not in LISTS and towards_quickbooks:
        find_foreign_customers(connection, client, company, sync, towards_quickbooks)
        find_unconfirmed(connection, client, company, sync, towards_quickbooks)


def transform(
    runtime: Runtime,
    flow: Flow,
    realm_id: str,
    *,
    release_held: bool = False,
    release_lab: int | None = None,
    dry_run: bool = False,
) -> dict[str, int]:
    """Plan one step for each staged record; the number of each step is returned.

    `dry_run`: what is held because it would delete or void many records at once (rule 8.9) is no sync error, or is
    planned as if it were released (`release_held`, of `release_lab` only if one is given); what is left alone stays so.
    """
    counts: Counter[str] = Counter()
    labs: set[int | None] = set()
    with runtime.connect() as connection:
        company = read_company(connection, realm_id)
        for sync in flow.entities:
            records = staging.read(connection, runtime.run, realm_id, sync.entity, sync.row)
            held = plan_all(
                connection,
                company,
                sync,
                records,
                runtime.mass_delete_limit,
                released=release_held,
                released_lab=release_lab,
                held_before=labs,
            )
            connection.commit()
            if not dry_run:
                left_alone.let_go(connection, realm_id, records)
                mass_delete.tell(connection, runtime.run, realm_id, sync.entity, records, held)
            labs |= held.labs
            counts.update(record.planned.step for record in records)
            staging.write(connection, runtime.run, realm_id, records, ["plan", "problems"])
            connection.commit()
    return dict(counts)


def plan_all(
    connection: psycopg.Connection,
    company: Company,
    sync: Sync,
    records: Sequence[Row],
    limit: MassDeleteLimit,
    *,
    released: bool,
    held_before: Collection[int | None],
    released_lab: int | None = None,
) -> mass_delete.Held:
    """Plan each of the records of one entity that were read; what is held of them is returned. Writes nothing."""
    for record in records:
        record.plan = plan_one(sync, record, company)
    if sync.entity == "invoice":
        for record in ignore_leaving(records, [record.planned for record in records]):
            record.plan = plan_one(sync, record, company)
    held = mass_delete.hold_many(
        connection,
        limit,
        company,
        sync,
        records,
        released=released,
        released_lab=released_lab,
        held_before=held_before,
    )
    for record in records:
        record.problems = [record.planned.problem] if record.planned.problem else []
    return held


def validate(runtime: Runtime, flow: Flow, realm_id: str) -> dict[str, int]:
    """Check what is about to be written against the entity's expectations; the rows that fail are set aside."""
    return validate_together(runtime, flow, [realm_id])[realm_id]


def validate_together(runtime: Runtime, flow: Flow, realm_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """As `validate`, for several companies, whose few rows are checked as one table: {realm_id: counts}."""
    counts = {realm_id: {"checked": 0, "set_aside": 0} for realm_id in realm_ids}
    with runtime.connect() as connection:
        for sync in flow.entities:
            records = {
                realm_id: staging.read(connection, runtime.run, realm_id, sync.entity, sync.row)
                for realm_id in realm_ids
            }
            found = check_all(flow.direction, sync, records)
            for realm_id, (checked, failed) in found.items():
                staging.write(connection, runtime.run, realm_id, failed, ["plan", "problems"])
                counts[realm_id]["checked"] += checked
                counts[realm_id]["set_aside"] += len(failed)
            _keep_results(connection, runtime.run, flow.direction, sync, found)
        connection.commit()
    return counts


def _keep_results(
    connection: psycopg.Connection,
    run: Run,
    direction: Direction,
    sync: Sync,
    found: Mapping[str, tuple[int, Sequence[Row]]],
) -> None:
    """What came of an entity's suite, for the report: one suite for all companies that had records to check."""
    from include.expectations.check import rules

    with_records = {realm_id: result for realm_id, result in found.items() if result[0]}
    if not with_records:
        return
    side = preview.WRITTEN_SIDE[direction]
    suite_id = validation.keep_suite(connection, sync.entity, side, rules(sync.entity, side))
    for realm_id, (checked, failed) in with_records.items():
        failures = [(record.record_id, [problem.detail["rule"] for problem in record.problems]) for record in failed]
        validation.keep(connection, run, realm_id, sync.entity, suite_id, checked=checked, failures=failures)


def check_all(
    direction: Direction, sync: Sync, records: Mapping[str, Sequence[Row]]
) -> dict[str, tuple[int, list[Row]]]:
    """Check the planned records of one entity, by company: how many, and those of which the plan is now to fail."""
    # Great Expectations takes seconds to import: only this step pays, and forks of the scheduler have it already.
    from include.expectations.check import check

    side = preview.WRITTEN_SIDE[direction]
    # For a table of a few rows, it is the table that costs: one for all companies.
    to_check = {
        f"{realm_id}/{record.record_id}": (realm_id, record)
        for realm_id, rows in records.items()
        for record in rows
        if _is_to_check(record, side)
    }
    problems = check(sync.entity, side, {name: record.planned.target for name, (_, record) in to_check.items()})
    found: dict[str, tuple[int, list[Row]]] = {realm_id: (0, []) for realm_id in records}
    for name, (realm_id, record) in to_check.items():
        count, failed = found[realm_id]
        found[realm_id] = (count + 1, failed)
        if name in problems:
            record.problems = problems[name]
            record.plan = fail(record.problems[0], side)
            failed.append(record)
    return found


def _is_to_check(record: Row, side: Side) -> bool:
    """What is about to be written to the run's side. Towards QuickBooks also what waits or failed before it was ever
    there: its own problems should be known before others are corrected."""
    plan = record.planned
    if plan.target is None or plan.side != side:
        return False
    if side == "lms":
        return plan.step in ("create", "update", "adopt")
    return plan.step in ("create", "update", "wait") or (plan.step == "fail" and record.link is None)


def load(runtime: Runtime, flow: Flow, realm_id: str, *, dry_run: bool = False) -> dict[str, int]:
    """Carry out the run's plans, then complete the new errors with both sides; the counts by outcome are returned.

    `dry_run`: the plans are kept as a preview instead, and the counts are by step.

    Raises what the client raises when QuickBooks is down or the grant was revoked: the records not yet written keep
    their marks, and a retry of the task goes on where this one stopped.
    """
    if dry_run:
        return _keep_preview(runtime, flow, realm_id)
    write = to_quickbooks.load if flow.direction == "lms_to_qbo" else to_lms.load
    summary = write(runtime, flow, realm_id)
    add_sides(runtime, realm_id)
    return summary


def _keep_preview(runtime: Runtime, flow: Flow, realm_id: str) -> dict[str, int]:
    with runtime.connect() as connection:
        company = read_company(connection, realm_id)
        found = preview.Found()
        for sync in flow.entities:
            records = staging.read(connection, runtime.run, realm_id, sync.entity, sync.row)
            # As the load would leave alone what the lab's settings have stopped, or not started.
            found.add(
                connection, sync, [one for one in records if is_still_on(company, one) and has_taker(company, one)]
            )
        counts = preview.keep(connection, runtime.run, realm_id, None, found)
        connection.commit()
    return counts
