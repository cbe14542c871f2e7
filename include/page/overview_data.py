"""What the overview shows: every billing lab, whether it is connected and in step, and what needs a person."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from include.page import words
from include.page.database import Row, rows

#: A grant this close to its end is worth a word; a change that waits this long is too.
GRANT_WARNING = timedelta(days=14)
SLOW = timedelta(minutes=30)
#: More labs than this that are not connected are told in one line.
MANY = 3

_LABS = """
    with open_errors as (
        select billing_lab_id, realm_id, count(*) as errors from qbo_sync.sync_error
         where status = 'open' group by billing_lab_id, realm_id
    ), due as (
        select realm_id, billing_lab_id, count(*) as records, min(marked_at) as since
          from qbo_sync.due_mark group by realm_id, billing_lab_id
    )
    select l.id, l.name, n.realm_id, n.direction, n.receives_qbo_transactions,
           c.name as company, c.status, c.refresh_token_expires_at,
           (select sum(e.errors) from open_errors e where e.billing_lab_id = l.id) as errors,
           (select sum(d.records) from due d
             where d.realm_id = n.realm_id and (d.billing_lab_id = l.id or d.billing_lab_id is null)) as due,
           (select min(d.since) from due d
             where d.realm_id = n.realm_id and (d.billing_lab_id = l.id or d.billing_lab_id is null)) as due_since,
           (select max(o.at) from qbo_sync.sync_outcome o
             where o.realm_id = n.realm_id and (o.billing_lab_id = l.id or o.billing_lab_id is null)
               and o.outcome in ('created', 'updated', 'deleted', 'adopted')
               and o.at > now() - interval '30 days') as last_synced,
           (select count(*) from qbo_sync.connection other
             where other.realm_id = n.realm_id and other.billing_lab_id <> l.id) as sharers,
           (select count(*) from qbo_sync.company_finding f
             where f.realm_id = n.realm_id and f.resolved_at is null and f.severity = 'problem') as problems,
           (select count(*) from qbo_sync.company_finding f
             where f.realm_id = n.realm_id and f.resolved_at is null and f.severity = 'warning') as warnings,
           (select f.realm_id from qbo_sync.former_connection f
             where f.billing_lab_id = l.id order by f.disconnected_at desc limit 1) as former_realm
      from lms.billing_lab l
      left join qbo_sync.connection n on n.billing_lab_id = l.id
      left join qbo_sync.company c on c.realm_id = n.realm_id
     order by lower(l.name), l.id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One thing that a person has to do."""

    severity: str
    text: str
    link: str
    action: str


def read_labs(connection: psycopg.Connection) -> list[Row]:
    """Every lab with its state and in-step words."""
    labs = [dict(lab) for lab in rows(connection, _LABS)]
    for lab in labs:
        lab["state"], lab["state_words"] = state_of(lab)
        lab["step"], lab["step_words"] = in_step(lab)
    return labs


def state_of(lab: Row) -> tuple[str, str]:
    """Connected or not: (css class, words)."""
    if lab["realm_id"] is None:
        return "off", "Not connected"
    if lab["status"] == "connected":
        return "good", "Connected"
    return "bad", "Reconnect needed"


def in_step(lab: Row) -> tuple[str, str]:
    """In step or not: (css class, words)."""
    if lab["realm_id"] is None:
        return "off", "–"
    if lab["status"] != "connected":
        return "bad", "Stopped until reconnected"
    if lab["due"]:
        waited = datetime.now(UTC) - lab["due_since"]
        text = f"{words.several(lab['due'], 'record')} under way, for {words.span(waited)} at most"
        return ("warn" if waited > SLOW else "busy"), text
    if lab["errors"]:
        return "warn", f"All but {words.several(lab['errors'], 'record')}"
    return "good", "In step"


def needs(labs: list[Row], findings: list[Row]) -> list[Need]:
    """What needs a person, the gravest first."""
    found: list[Need] = []
    off = [lab for lab in labs if lab["realm_id"] is None]
    if len(off) > MANY:
        text = f"{len(off)} labs are not connected to QuickBooks."
        found.append(Need(severity="note", text=text, link="/connect", action="Connect"))
        labs = [lab for lab in labs if lab["realm_id"] is not None]
    for lab in labs:
        found += _needs_of(lab)
    for finding in findings:
        if finding["severity"] == "problem":
            text = f"{finding['company']}: {finding['message']}"
            found.append(Need(severity="bad", text=text, link=f"/labs/{finding['lab']}", action="See what to change"))
    return sorted(found, key=lambda need: ("bad", "warn", "note").index(need.severity))


def _needs_of(lab: Row) -> list[Need]:
    found: list[Need] = []
    place = f"/labs/{lab['id']}"
    if lab["realm_id"] is None:
        text = f"{lab['name']} is not connected to QuickBooks."
        return [Need(severity="note", text=text, link=f"{place}/connect", action="Connect")]
    if lab["status"] != "connected":
        text = f"{lab['name']}: QuickBooks no longer accepts our access to {lab['company']}. Nothing syncs."
        found.append(Need(severity="bad", text=text, link=f"{place}/connect", action="Reconnect"))
    elif lab["refresh_token_expires_at"] and lab["refresh_token_expires_at"] < datetime.now(UTC) + GRANT_WARNING:
        day = words.day(lab["refresh_token_expires_at"])
        text = f"{lab['name']}: the access to {lab['company']} ends on {day} unless it is used or renewed."
        found.append(Need(severity="warn", text=text, link=f"{place}/connect", action="Reconnect"))
    if lab["errors"]:
        text = f"{lab['name']}: {words.several(lab['errors'], 'record')} could not be synced."
        found.append(Need(severity="warn", text=text, link=f"/errors?lab={lab['id']}", action="See errors"))
    if lab["step"] == "warn" and lab["due"]:
        text = f"{lab['name']}: {lab['step_words']}."
        found.append(Need(severity="warn", text=text, link=f"/activity?lab={lab['id']}", action="See activity"))
    return found


def read_findings(connection: psycopg.Connection, realm_id: str | None = None) -> list[Row]:
    """The findings in force, with a lab of the company."""
    found: list[Any] = rows(
        connection,
        "select f.*, c.name as company,"
        "       (select min(n.billing_lab_id) from qbo_sync.connection n where n.realm_id = f.realm_id) as lab"
        "  from qbo_sync.company_finding f join qbo_sync.company c using (realm_id)"
        " where f.resolved_at is null and (%(realm)s::text is null or f.realm_id = %(realm)s)"
        "   and exists (select 1 from qbo_sync.connection n where n.realm_id = f.realm_id)"
        " order by array_position(array['problem', 'warning', 'note'], f.severity), f.message",
        {"realm": realm_id},
    )
    return found
