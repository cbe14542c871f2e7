"""The steps before the load: which companies have work, extract, transform, validate.

Each step reads the run's staged rows and writes them back; what it returns (keys and counts) is what XCom may carry.
"""

from typing import Any

from include.company.company import read_company, refresh_preferences, require_known
from include.company.runtime import Runtime
from include.model.plain import to_plain
from include.model.record import LISTS
from include.sync import intents, marks, staging
from include.sync.currency import note_foreign_payers, refuse_foreign
from include.sync.due import companies_with_work
from include.sync.entity.refused import plan_refused
from include.sync.flows import Flow
from include.sync.made_unseen import adopt_made_unseen, find_made_unseen
from include.sync.staging import StagedRecord


def companies(
    runtime: Runtime, flow: Flow, realm_id: str | None, resync: bool, *, woken: bool = False
) -> list[dict[str, Any]]:
    """Dispatch the LMS's changes, then list the companies that have something due: [{realm_id, name}].

    `resync` marks every record of the flow first, so that all are compared again. `woken` by an event: companies
    where something has to go first are left out, its load wakes this DAG again (due.py). Raises UnknownCompany.
    """
    with runtime.connect() as connection:
        require_known(connection, realm_id)
        if resync:
            marks.mark_all(connection, flow.direction, flow.names, realm_id)
        marks.dispatch(connection)
        if not realm_id:
            marks.looked(connection, runtime.run.dag_id)
        connection.commit()
        after = flow.after if woken else ()
        return companies_with_work(connection, flow.direction, flow.names, realm_id, after)


def extract(runtime: Runtime, flow: Flow, realm_id: str) -> dict[str, int]:
    """Stage the due records with what both sides say of them; the number of each entity is returned.

    Writes that an earlier load left unfinished count too, as `unfinished`: this run's load brings them to an end.
    """
    extracted: dict[str, int] = {}
    with runtime.connect() as connection, runtime.client(realm_id) as client:
        refresh_preferences(connection, client)
        marks.dispatch(connection)
        marks.lock_alone(connection)
        staging.take_due(connection, runtime.run, realm_id, flow.direction, flow.names)
        connection.commit()
        company = read_company(connection, realm_id)
        for rules in flow.entities:
            records = staging.read(connection, runtime.run, realm_id, rules.entity)
            found = rules.read(connection, [record.record_id for record in records])
            for record in records:
                record.lms = to_plain(found[record.record_id]) if record.record_id in found else None
            if records:
                rules.observe(connection, client, company, records)
                note_foreign_payers(connection, client, company, records)
            if rules.entity not in LISTS:
                find_made_unseen(connection, client, company, rules, records)
            staging.write(connection, runtime.run, realm_id, records, ["lms", "qbo"])
            connection.commit()
            extracted[rules.entity] = len(records)
        extracted["unfinished"] = len(intents.unfinished(connection, realm_id, flow.names))
    return extracted


def transform(runtime: Runtime, flow: Flow, realm_id: str) -> dict[str, int]:
    """Plan one action for each staged record; the number of each action is returned."""
    planned: dict[str, int] = {}
    with runtime.connect() as connection:
        company = read_company(connection, realm_id)
        for rules in flow.entities:
            records = staging.read(connection, runtime.run, realm_id, rules.entity)
            for record in records:
                plan = adopt_made_unseen(record, rules.plan(record, company))
                plan = plan_refused(record) or refuse_foreign(record, plan, company.preferences)
                record.action, record.plan = plan.action, plan.to_plain()
                if plan.problem:
                    record.problems = [_plain_problem(plan.problem)]
                planned[plan.action] = planned.get(plan.action, 0) + 1
            staging.write(connection, runtime.run, realm_id, records, ["action", "plan", "problems"])
        connection.commit()
    return planned


def validate(runtime: Runtime, flow: Flow, realm_id: str) -> dict[str, int]:
    """Check what is about to be created against the entity's expectations; the rows that fail are set aside."""
    # Great Expectations takes seconds to import: only this step pays, and forks of the scheduler have it already.
    from include.expectations.check import check

    checked, set_aside = 0, 0
    with runtime.connect() as connection:
        for rules in flow.entities:
            records = [r for r in staging.read(connection, runtime.run, realm_id, rules.entity) if _to_check(r)]
            problems = check(
                rules.entity,
                {record.record_id: rules.from_plain(record.lms) for record in records if record.lms},
            )
            bad = [record for record in records if record.record_id in problems]
            for record in bad:
                record.action = "fail"
                record.problems = [_plain_problem(problem) for problem in problems[record.record_id]]
            staging.write(connection, runtime.run, realm_id, bad, ["action", "problems"])
            checked, set_aside = checked + len(records), set_aside + len(bad)
        connection.commit()
    return {"checked": checked, "set_aside": set_aside}


def _to_check(record: StagedRecord) -> bool:
    """Also what waits: its own problems should be known before its customer's are mended."""
    return record.action in ("create", "update", "wait") or (record.action == "fail" and record.link is None)


def _plain_problem(problem: Any) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "resolution": problem.resolution,
        "detail": dict(problem.detail),
    }
