"""The steps before the load, from QuickBooks to the LMS; those of the other direction stand in sync/steps.py."""

from typing import Any

import psycopg

from include.company.company import read_company, refresh_preferences, require_known
from include.company.runtime import Runtime
from include.sync import marks, staging
from include.sync.currency import refuse_foreign_inbound
from include.sync.due import companies_with_work
from include.sync.inbound.observed import plan_unread
from include.sync.inbound.rules import InboundFlow
from include.sync.inbound.surroundings import try_doubtful_again


def companies(
    runtime: Runtime, flow: InboundFlow, realm_id: str | None, resync: bool, *, woken: bool = False
) -> list[dict[str, Any]]:
    """The companies that have something due: [{realm_id, name}]. `resync` marks every linked record first.

    `woken` by an event: companies where something has to go first are left out (due.py). Raises UnknownCompany.
    """
    with runtime.connect() as connection:
        require_known(connection, realm_id)
        if resync:
            _mark_linked(connection, flow, realm_id)
        marks.dispatch(connection)
        if not realm_id:
            marks.looked(connection, runtime.run.dag_id)
        connection.commit()
        after = flow.after if woken else ()
        return companies_with_work(connection, flow.direction, flow.names, realm_id, after)


def _mark_linked(connection: psycopg.Connection, flow: InboundFlow, realm_id: str | None) -> None:
    marks.lock_alone(connection)
    connection.execute(
        "select qbo_sync.mark(l.realm_id, %(direction)s, l.entity, l.qbo_id,"
        "                     coalesce(i.billing_lab_id, p.billing_lab_id))"
        "  from qbo_sync.entity_link l"
        "  left join lms.invoice i on l.entity = 'invoice' and i.id = l.lms_id"
        "  left join lms.payment p on l.entity = 'payment' and p.id = l.lms_id"
        " where l.entity = any(%(entities)s) and (%(realm)s::text is null or l.realm_id = %(realm)s)",
        {"direction": flow.direction, "entities": flow.names, "realm": realm_id},
    )


def extract(runtime: Runtime, flow: InboundFlow, realm_id: str) -> dict[str, int]:
    """Stage the due records with what both sides say of them; their number is returned."""
    rules = flow.rules
    with runtime.connect() as connection, runtime.client(realm_id) as client:
        refresh_preferences(connection, client)
        marks.lock_alone(connection)
        staging.take_due(connection, runtime.run, realm_id, flow.direction, flow.names)
        connection.commit()
        company = read_company(connection, realm_id)
        records = staging.read(connection, runtime.run, realm_id, rules.entity)
        if records:
            rules.observe(connection, client, company, records)
        staging.write(connection, runtime.run, realm_id, records, ["lms", "qbo"])
        connection.commit()
        if any(record.qbo.get("on_its_way") for record in records):
            try_doubtful_again(connection, realm_id, rules.entity)
            connection.commit()
    return {rules.entity: len(records)}


def transform(runtime: Runtime, flow: InboundFlow, realm_id: str) -> dict[str, int]:
    """Plan one action for each staged record; the number of each action is returned."""
    counts: dict[str, int] = {}
    with runtime.connect() as connection:
        company = read_company(connection, realm_id)
        records = staging.read(connection, runtime.run, realm_id, flow.rules.entity)
        for record in records:
            plan = plan_unread(record) or flow.rules.plan(record, company)
            plan = refuse_foreign_inbound(flow.rules.noun(record), record, plan, company)
            record.action, record.plan = plan.action, plan.to_plain()
            record.problems = [_plain_problem(plan.problem)] if plan.problem else []
            counts[plan.action] = counts.get(plan.action, 0) + 1
        staging.write(connection, runtime.run, realm_id, records, ["action", "plan", "problems"])
        connection.commit()
    return counts


def validate(runtime: Runtime, flow: InboundFlow, realm_id: str) -> dict[str, int]:
    """Check what is about to be written against the entity's expectations; the rows that fail are set aside."""
    # Great Expectations takes seconds to import: only this step pays, and forks of the scheduler have it already.
    from include.expectations.check import check

    with runtime.connect() as connection:
        staged = staging.read(connection, runtime.run, realm_id, flow.rules.entity)
        planned = {record.record_id: flow.rules.planned(record) for record in staged}
        problems = check(f"{flow.rules.entity}_inbound", {id_: one for id_, one in planned.items() if one is not None})
        bad = [record for record in staged if record.record_id in problems]
        for record in bad:
            record.action = "fail"
            record.problems = [_plain_problem(problem) for problem in problems[record.record_id]]
        staging.write(connection, runtime.run, realm_id, bad, ["action", "problems"])
        connection.commit()
    return {"checked": sum(one is not None for one in planned.values()), "set_aside": len(bad)}


def _plain_problem(problem: Any) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "resolution": problem.resolution,
        "detail": dict(problem.detail),
    }
