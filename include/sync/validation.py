"""What validation found in a run, kept for its report: which rules were checked, and which records failed each.

The rules of a suite are kept once, under an id made of themselves: a report shows the rules of its day.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import simplejson

from include.company.runtime import Run
from include.model.record import Entity, Side

#: Records that are named for each rule; all are counted.
NAMED = 100

#: [{rule, expectation, fails_when}], in the suite's order.
Rules = Sequence[Mapping[str, str]]


def keep(
    connection: psycopg.Connection,
    run: Run,
    realm_id: str,
    entity: Entity,
    suite_id: str,
    *,
    checked: int,
    failures: Sequence[tuple[str, Sequence[str]]],
) -> None:
    """Keep what came of a suite for one company: how many records were checked, and the failed ones as (record id,
    rules). Does not commit. A task that is tried again leaves what its first try found."""
    by_rule: dict[str, dict[str, Any]] = {}
    for record_id, rules in failures:
        for rule in rules:
            found = by_rule.setdefault(rule, {"failed": 0, "records": []})
            found["failed"] += 1
            if len(found["records"]) < NAMED:
                found["records"].append(record_id)
    connection.execute(
        "insert into qbo_sync.validation_result"
        " (dag_id, run_id, realm_id, entity, suite_id, checked, set_aside, failed_rules)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        [run.dag_id, run.run_id, realm_id, entity, suite_id, checked, len(failures), simplejson.dumps(by_rule)],
    )


def keep_suite(connection: psycopg.Connection, entity: Entity, side: Side, rules: Rules) -> str:
    """The id under which these rules are kept."""
    text = simplejson.dumps(list(rules), sort_keys=True)
    suite_id = hashlib.sha256(f"{entity} {side} {text}".encode()).hexdigest()[:16]
    connection.execute(
        "insert into qbo_sync.validation_suite (id, entity, side, rules) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        [suite_id, entity, side, text],
    )
    return suite_id


def forget(connection: psycopg.Connection, run: Run, realm_id: str) -> None:
    """A run that begins again is checked again. Does not commit."""
    connection.execute(
        "delete from qbo_sync.validation_result where dag_id = %s and run_id = %s and realm_id = %s",
        [run.dag_id, run.run_id, realm_id],
    )
