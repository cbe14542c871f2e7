"""What the overview shows: every billing lab, whether it is connected and in sync, and what needs a person."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from include.page import words
from include.page.database import Row, rows

#: A grant this close to its end is worth a word; a change that waits this long is too.
GRANT_WARNING = timedelta(days=14)
SLOW = timedelta(minutes=30)
#: More labs than this that are not connected share one line.
MANY = 3

_LABS = Path(__file__).with_name("labs.sql").read_text()


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One thing that a person has to do."""

    severity: str
    text: str
    link: str
    action: str


def read_labs(connection: psycopg.Connection) -> list[Row]:
    """Every lab with its state, and whether it is in sync, in words."""
    labs = [dict(lab) for lab in rows(connection, _LABS)]
    for lab in labs:
        lab["state"], lab["state_words"] = state_of(lab)
        lab["sync"], lab["sync_words"] = in_sync(lab)
    return labs


def state_of(lab: Row) -> tuple[str, str]:
    """Connected or not: (css class, words)."""
    if lab["realm_id"] is None:
        return "off", "Not connected"
    if lab["status"] == "connected":
        return "good", "Connected"
    return "bad", "Reconnect needed"


def in_sync(lab: Row) -> tuple[str, str]:
    """In sync or not: (css class, words)."""
    if lab["realm_id"] is None:
        return "off", "–"
    if lab["status"] != "connected":
        return "bad", "Paused until reconnected"
    if lab["started_at"] is None:
        return "warn", "Not started"
    if lab["due"]:
        waited = datetime.now(UTC) - lab["due_since"]
        text = f"{words.several(lab['due'], 'record')} waiting to sync, the oldest for {words.span(waited)}"
        return ("warn" if waited > SLOW else "busy"), text
    if lab["errors"]:
        return "warn", f"{words.several(lab['errors'], 'record')} not in sync"
    return "good", "In sync"


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
        text = f"{lab['name']}: Pilot lost its access to {lab['company']} . Nothing syncs until you reconnect it."
        found.append(Need(severity="bad", text=text, link=f"{place}/connect", action="Reconnect"))
    elif lab["failing_since"]:
        lasts = words.span(datetime.now(UTC) - lab["failing_since"])
        text = f"{lab['name']}: Pilot has not been able to sync with {lab['company']} for {lasts}. It keeps trying."
        found.append(Need(severity="warn", text=text, link=place, action="See more"))
    elif lab["refresh_token_expires_at"] and lab["refresh_token_expires_at"] < datetime.now(UTC) + GRANT_WARNING:
        day = words.day(lab["refresh_token_expires_at"])
        text = f"{lab['name']}: Pilot’s access to {lab['company']} expires on {day} unless it is used before then."
        found.append(Need(severity="warn", text=text, link=f"{place}/connect", action="Reconnect"))
    elif lab["started_at"] is None:
        text = f"{lab['name']} is connected to {lab['company']} but has not started syncing."
        found.append(Need(severity="warn", text=text, link=f"{place}/preview", action="Preview and start"))
    if lab["errors"]:
        text = f"{lab['name']}: {words.several(lab['errors'], 'record')} did not sync."
        found.append(Need(severity="warn", text=text, link=f"/errors?lab={lab['id']}", action="See errors"))
    if lab["sync"] == "warn" and lab["due"] and lab["started_at"]:
        text = f"{lab['name']}: {lab['sync_words']}."
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
