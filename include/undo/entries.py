"""What a run wrote, out of the audit: record by record, with what is so now."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.model.record import Entity, Side
from include.model.typed_json import Canonical, base_of

#: Why a record that was taken back is left alone from then on, for people.
TAKEN_BACK = "What a sync had done with it was taken back."
_WRITTEN = Path(__file__).with_name("written.sql").read_bytes()


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """All that the run wrote of one record on one side."""

    #: The last of its entries; and all of them, oldest first.
    entry_id: int
    entries: tuple[int, ...]
    side: Side
    entity: Entity
    #: Its LMS id, or a special item's name; None: the LMS does not have it.
    record_id: str | None
    qbo_id: str | None
    billing_lab_id: int | None
    #: The first operation and the last one.
    first: str
    last: str
    before: Canonical | None
    after: Canonical | None
    #: Of what was written to the LMS: what both sides had agreed on before.
    base: Canonical | None
    #: QuickBooks' version after the last of them.
    sync_token: str | None
    #: Written again since by another run.
    changed_later: bool
    #: Taken back by an earlier undo.
    undone: bool
    #: An invoice to which payments of ours have been applied since, or taken off it.
    applied_since: bool
    #: A person has decided earlier that it is not synced.
    left_alone: bool
    #: A change that is not synced yet, or a write under way.
    pending: bool
    #: The link as it is now: its QuickBooks id; None: not linked.
    linked_to: str | None
    link_version: int | None
    link_token: str | None


def written(connection: psycopg.Connection, realm_id: str, dag_id: str, run_id: str) -> list[Written]:
    """The records that the run wrote in this company, in the order in which it did."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows: Sequence[dict[str, Any]] = cursor.execute(
            _WRITTEN, {"realm": realm_id, "dag": dag_id, "run": run_id, "taken_back": TAKEN_BACK}
        ).fetchall()
    return [
        Written(
            **{
                **row,
                "entries": tuple(row["entries"]),
                "before": base_of(row["entity"], row["before"]),
                "after": base_of(row["entity"], row["after"]),
                "base": base_of(row["entity"], row["base"]),
            }
        )
        for row in rows
    ]


def companies_of(connection: psycopg.Connection, dag_id: str, run_id: str) -> list[str]:
    """The realms of the companies in which the run wrote."""
    rows = connection.execute(
        "select distinct realm_id from qbo_sync.audit_entry where dag_id = %s and run_id = %s order by 1",
        [dag_id, run_id],
    )
    return [realm_id for (realm_id,) in rows]
