"""Linking a QuickBooks customer by hand to a billing account or a doctor–office pair, or ignoring it permanently."""

from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal, get_args

import psycopg
from psycopg.rows import dict_row

from include.lms.customer import read_accounts, read_pairs
from include.lms.database import jsonb
from include.model.record import RecordKey
from include.sync import links

Holder = Literal["billing_account", "doctor_office"]

_CANDIDATES = Path(__file__).with_name("customer_candidates.sql").read_bytes()


class CannotLink(Exception):
    """The two cannot be linked; the words say why."""


class Candidate(dict):
    """A billing account or pair as the page offers it: entity, lms_id, name, account, score."""


def candidates(connection: psycopg.Connection, realm_id: str, customer_name: str, search: str = "") -> list[Candidate]:
    """Whom the customer could be: unlinked accounts and pairs, the likeliest names first; those that match a search."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_CANDIDATES, {"realm": realm_id}).fetchall()
    wanted = search.casefold().strip()
    found = []
    for row in rows:
        names = " ".join(filter(None, [row["name"], row["account"]])).casefold()
        if row["linked"] or (wanted and wanted not in names):
            continue
        score = likeness(customer_name, row["name"])
        if wanted or score >= 0.5:
            found.append(Candidate(row, score=score))
    return sorted(found, key=lambda one: (-one["score"], one["name"]))[:20]


def likeness(one: str, other: str) -> float:
    """How alike two names are, 0 to 1, whatever the order of their words."""
    plain, turned = one.casefold(), " ".join(sorted(one.casefold().replace(",", " ").split()))
    other_turned = " ".join(sorted(other.casefold().replace(",", " ").split()))
    return max(
        SequenceMatcher(None, plain, other.casefold()).ratio(), SequenceMatcher(None, turned, other_turned).ratio()
    )


def link_customer(connection: psycopg.Connection, realm_id: str, customer_id: str, entity: str, lms_id: int) -> str:
    """Link, in the caller's transaction; the name of what it was linked to. Raises CannotLink."""
    if entity not in get_args(Holder):
        raise CannotLink("A customer can be linked only to a billing account or a doctor–office pair.")
    read = read_accounts if entity == "billing_account" else read_pairs
    customer = read(connection, [str(lms_id)]).get(str(lms_id))
    if customer is None:
        raise CannotLink("This billing account or doctor–office pair was deleted in Pilot. Choose another one.")
    _forget_orphaned(connection, realm_id, customer_id, entity, lms_id)
    taken = connection.execute(
        "select entity, lms_id, qbo_id from qbo_sync.entity_link where realm_id = %(realm)s and"
        " ((entity = %(entity)s and lms_id = %(lms)s)"
        "  or (entity in ('billing_account', 'doctor_office') and qbo_id = %(qbo)s))",
        {"realm": realm_id, "entity": entity, "lms": lms_id, "qbo": customer_id},
    ).fetchone()
    if taken and taken[2] == customer_id:
        raise CannotLink("This QuickBooks customer is already linked.")
    if taken:
        raise CannotLink(f"“{customer.name}” is already linked to another QuickBooks customer. Choose another one.")
    key = RecordKey("billing_account" if entity == "billing_account" else "doctor_office", str(lms_id))
    links.store(connection, realm_id, key, customer_id, customer, None)
    connection.execute(
        "delete from qbo_sync.ignored_customer where realm_id = %s and qbo_id = %s", [realm_id, customer_id]
    )
    return customer.name


def _forget_orphaned(connection: psycopg.Connection, realm_id: str, customer_id: str, entity: str, lms_id: int) -> None:
    """A link to what has left the LMS, or to a customer that was merged into another, stands in nobody's way."""
    connection.execute(
        "with freed as ("
        "delete from qbo_sync.entity_link l using qbo_sync.orphaned_link g"
        " where (g.realm_id, g.entity, g.lms_id) = (l.realm_id, l.entity, l.lms_id) and l.realm_id = %(realm)s"
        "   and ((l.entity = %(entity)s and l.lms_id = %(lms)s)"
        "        or (l.entity in ('billing_account', 'doctor_office') and l.qbo_id = %(qbo)s))"
        " returning l.realm_id, l.entity, l.lms_id, l.qbo_id, l.base)"
        " insert into qbo_sync.audit_entry (side, realm_id, entity, lms_id, qbo_id, operation, before)"
        " select 'qbo', realm_id, entity, lms_id, qbo_id, 'unlink', base from freed",
        {"realm": realm_id, "entity": entity, "lms": lms_id, "qbo": customer_id},
    )


def ignore_customer(
    connection: psycopg.Connection, realm_id: str, customer_id: str, name: str, *, reason: str, user: str
) -> None:
    """Ignore the customer permanently: its open errors, and those to come (a trigger), in the caller's transaction. Not
    those of what is linked, and has moved to that customer."""
    connection.execute(
        "insert into qbo_sync.ignored_customer (realm_id, qbo_id, name, reason, user_name) values (%s, %s, %s, %s, %s)"
        " on conflict (realm_id, qbo_id) do update set reason = excluded.reason, user_name = excluded.user_name",
        [realm_id, customer_id, name, reason, user],
    )
    connection.execute(
        "update qbo_sync.sync_error set status = 'ignored', retry_at = null"
        " where realm_id = %s and error_code = 'customer_not_linked' and status = 'open' and detail @> %s"
        "   and not exists (select 1 from qbo_sync.entity_link l where l.realm_id = sync_error.realm_id"
        "                      and l.entity = record_entity and record_id ="
        "                          case direction when 'qbo_to_lms' then l.qbo_id else l.lms_id::text end)",
        [realm_id, jsonb({"customer_id": customer_id})],
    )
