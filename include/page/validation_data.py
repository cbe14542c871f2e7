"""What the task validate of a run has found, with the errors that came of it."""

import psycopg

from include.page.database import Row, rows
from include.sync.flows import FLOWS


def read_results(connection: psycopg.Connection, dag_id: str, run_id: str) -> list[Row]:
    """By company and record type: checked, set_aside, checked_at, and `rules` in their order, each with rule,
    expectation, fails_when, failed and records ([{record_id, sync_error_id, name}])."""
    found = rows(
        connection,
        "select v.*, s.rules, coalesce(c.name, v.realm_id) as company from qbo_sync.validation_result v"
        "  join qbo_sync.validation_suite s on s.id = v.suite_id left join qbo_sync.company c using (realm_id)"
        " where v.dag_id = %s and v.run_id = %s order by lower(c.name), v.realm_id, v.checked_at, v.entity",
        [dag_id, run_id],
    )
    direction = FLOWS[dag_id].direction
    for result in found:
        failed = result["failed_rules"]
        ids = sorted({record_id for one in failed.values() for record_id in one["records"]})
        errors = {
            one["record_id"]: one
            for one in rows(
                connection,
                "select record_id, id, document_number from qbo_sync.sync_error"
                " where realm_id = %s and direction = %s and record_entity = %s and record_id = any(%s)",
                [result["realm_id"], direction, result["entity"], ids],
            )
        }
        result["rules"] = [{**rule, **_of_rule(failed.get(rule["rule"]), errors)} for rule in result["rules"]]
    return found


def _of_rule(found: Row | None, errors: dict[str, Row]) -> Row:
    if found is None:
        return {"failed": 0, "records": []}
    records = [
        {
            "record_id": record_id,
            "sync_error_id": errors[record_id]["id"] if record_id in errors else None,
            "name": (errors[record_id]["document_number"] if record_id in errors else None) or record_id,
        }
        for record_id in found["records"]
    ]
    return {"failed": found["failed"], "records": records}
