"""The sync errors: filtered lists, one with both sides of its record, and what became of retries."""

from dataclasses import dataclass
from typing import Any

import psycopg
from fastapi import HTTPException

from include.page.database import Row, row, rows
from include.page.words import DIRECTIONS, ENTITIES, STATUSES

PAGE_SIZE = 50

_FROM = """
      from qbo_sync.sync_error e
      left join lms.billing_lab l on l.id = e.billing_lab_id
      left join qbo_sync.company c on c.realm_id = e.realm_id
      left join qbo_sync.connection n on n.billing_lab_id = e.billing_lab_id and n.realm_id = e.realm_id
      left join qbo_sync.error_retry t on t.sync_error_id = e.id
     where e.status = %(status)s
       and (%(lab)s::bigint is null or e.billing_lab_id = %(lab)s)
       and (%(entity)s::text is null or e.entity = %(entity)s)
       and (%(direction)s::text is null or e.direction = %(direction)s)
       and (%(like)s::text is null or concat_ws(' ', e.message, e.resolution, e.document_number, e.error_code,
                                                e.lms_id, e.qbo_id, l.name) ilike %(like)s)
"""
#: The error's own columns, whether its lab is connected, and whether its record is in line to be synced.
_COLUMNS = """
    select e.*, l.name as lab, c.name as company, n.billing_lab_id is not null and c.status = 'connected' as live,
           t.asked_at, t.dag_id as retry_dag, t.run_id as retry_run,
           exists (select 1 from qbo_sync.change_mark m
                    where m.realm_id = e.realm_id and m.direction = e.direction and m.entity = e.record_entity
                      and m.record_id = e.record_id) as marked
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which errors to show."""

    status: str = "open"
    lab: int | None = None
    entity: str | None = None
    direction: str | None = None
    text: str = ""

    def parameters(self) -> Row:
        """For the query."""
        escaped = self.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return {
            "status": self.status,
            "lab": self.lab,
            "entity": self.entity,
            "direction": self.direction,
            "like": f"%{escaped}%" if escaped else None,
        }

    def as_query(self) -> dict[str, Any]:
        """For links; only what differs from the usual."""
        status = None if self.status == "open" else self.status
        return {"status": status, "lab": self.lab, "entity": self.entity, "direction": self.direction, "q": self.text}


def filter_of(get: Any) -> Filter:
    """From a query string or form (`get(name) -> str`); what it does not know is no filter."""
    lab = get("lab")
    status, entity, direction = get("status"), get("entity"), get("direction")
    return Filter(
        status=status if status in STATUSES else "open",
        lab=int(lab) if lab.isascii() and lab.isdigit() and len(lab) < 19 else None,
        entity=entity if entity in ENTITIES else None,
        direction=direction if direction in DIRECTIONS else None,
        text=get("q").replace("\0", "").strip()[:200],
    )


def count_errors(connection: psycopg.Connection, filters: Filter) -> int:
    """How many errors match."""
    found = row(connection, f"select count(*) as errors {_FROM}", filters.parameters())
    return int(found["errors"]) if found else 0


def read_errors(connection: psycopg.Connection, filters: Filter, page: int = 1, limit: int = PAGE_SIZE) -> list[Row]:
    """One page of them, the last seen first."""
    return rows(
        connection,
        f"{_COLUMNS} {_FROM} order by e.last_seen_at desc, e.id desc limit %(limit)s offset %(offset)s",
        {**filters.parameters(), "limit": limit, "offset": (page - 1) * limit},
    )


def read_chosen(connection: psycopg.Connection, ids: list[int]) -> list[Row]:
    """The open errors of these ids."""
    everything = Filter().parameters()
    return rows(connection, f"{_COLUMNS} {_FROM} and e.id = any(%(ids)s) order by e.id", {**everything, "ids": ids})


def read_error(connection: psycopg.Connection, error_id: int) -> Row:
    """One error. 404 if there is none."""
    found = row(
        connection,
        _COLUMNS + " from qbo_sync.sync_error e"
        "  left join lms.billing_lab l on l.id = e.billing_lab_id"
        "  left join qbo_sync.company c on c.realm_id = e.realm_id"
        "  left join qbo_sync.connection n on n.billing_lab_id = e.billing_lab_id and n.realm_id = e.realm_id"
        "  left join qbo_sync.error_retry t on t.sync_error_id = e.id where e.id = %s",
        [error_id],
    )
    if found is None:
        raise HTTPException(404)
    return found


def recent_retries(connection: psycopg.Connection) -> list[Row]:
    """Errors that somebody retried in the last ten minutes, newest first."""
    return rows(
        connection,
        _COLUMNS + " from qbo_sync.error_retry t join qbo_sync.sync_error e on e.id = t.sync_error_id"
        "  left join lms.billing_lab l on l.id = e.billing_lab_id"
        "  left join qbo_sync.company c on c.realm_id = e.realm_id"
        "  left join qbo_sync.connection n on n.billing_lab_id = e.billing_lab_id and n.realm_id = e.realm_id"
        " where t.asked_at > clock_timestamp() - interval '10 minutes' order by t.asked_at desc, e.id desc limit 20",
    )


def progress(error: Row) -> tuple[str, str]:
    """What became of a retry: (state, words). 'working' asks again."""
    if error["asked_at"] is None:
        return "none", ""
    if error["status"] == "resolved":
        return "fixed", "Fixed. The record is in sync now."
    if error["status"] == "ignored":
        return "ignored", "Ignored."
    if error["last_seen_at"] > error["asked_at"]:
        return "failed", "Retried, but it failed again."
    if error["marked"]:
        return "working", "Retrying…"
    return "working", "Waiting for the result…"


def other_side(connection: psycopg.Connection, error: Row) -> Row | None:
    """The QuickBooks id of the record: the error's own, that of its link, or that of the possible duplicate."""
    return row(
        connection,
        "select coalesce(%(own)s, l.qbo_id, %(duplicate)s) as qbo_id from (select 1) one"
        "  left join qbo_sync.linked_record l on l.realm_id = %(realm)s and l.entity = %(entity)s"
        "        and l.record_id = %(record)s and %(direction)s = 'lms_to_qbo'",
        {
            "own": error["qbo_id"],
            "duplicate": error["detail"].get("qbo_payment_id"),
            "realm": error["realm_id"],
            "entity": error["record_entity"],
            "record": error["record_id"],
            "direction": error["direction"],
        },
    )


def reason_of(connection: psycopg.Connection, error_id: int) -> Row | None:
    """Who ignored an error, when and why."""
    return row(
        connection,
        "select user_name, at, detail ->> 'reason' as reason from qbo_sync.page_change"
        " where sync_error_id = %s and action in ('ignore', 'ignore_customer') order by id desc limit 1",
        [error_id],
    )
