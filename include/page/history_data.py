"""The audit as the page reads it: the records that match a search, and everything that is known of one record."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from include.page.database import Row, row, rows
from include.page.not_in_quickbooks import Facts

PAGE_SIZE = 50
#: Without any condition the records of so many days are shown.
USUAL_DAYS = 30

#: A credit and what it is applied to are one record to people.
SHOWN_AS = {"credit_application": "credit"}

_NOT_IN_QUICKBOOKS = Path(__file__).with_name("not_in_quickbooks.sql").read_text()

# A record stands once, with its last entry. Of a number also those that only have an error, and the LMS's own invoices
# to which nothing has happened yet; these have a side, and errors have none.
_SEARCH = """
    with found as (
        select e.id, e.at, e.realm_id,
               case e.entity when 'credit_application' then 'credit' else e.entity end as entity, e.lms_id,
               e.qbo_id, e.document_number, e.customer, e.amount, e.side, e.operation, e.billing_lab_id
          from qbo_sync.audit_entry e
         where (%(since)s::timestamptz is null or e.at >= %(since)s::timestamptz)
           and (%(until)s::timestamptz is null or e.at < %(until)s::timestamptz)
           and (%(lab)s::bigint is null or e.billing_lab_id = %(lab)s)
           and (%(amount)s::numeric is null or e.amount = %(amount)s)
           and (%(text)s::text is null or lower(e.document_number) like %(prefix)s
                or lower(e.customer) like %(anywhere)s)
         union all
        select null, s.last_seen_at, s.realm_id, s.entity, s.lms_id, s.qbo_id, s.document_number, null, null, null,
               null, s.billing_lab_id
          from qbo_sync.sync_error s
         where %(text)s::text is not null and %(amount)s::numeric is null and lower(s.document_number) like %(prefix)s
           and (s.lms_id is not null or s.qbo_id is not null)
           and (%(since)s::timestamptz is null or s.last_seen_at >= %(since)s::timestamptz)
           and (%(until)s::timestamptz is null or s.last_seen_at < %(until)s::timestamptz)
           and (%(lab)s::bigint is null or s.billing_lab_id = %(lab)s)
           and not exists (select 1 from qbo_sync.audit_entry e where e.realm_id = s.realm_id and e.entity = s.entity
                              and (e.lms_id = s.lms_id or e.qbo_id = s.qbo_id))
         union all
        select null, i.created_at, n.realm_id, 'invoice', i.id, null, i.invoice_number, a.name, i.total_amount, 'lms',
               null, i.billing_lab_id
          from lms.invoice i
          join lms.billing_account a on a.id = i.billing_account_id
          left join qbo_sync.connection n on n.billing_lab_id = i.billing_lab_id
         where %(text)s::text is not null and lower(i.invoice_number) like %(prefix)s and i.origin = 'lms'
           and (%(amount)s::numeric is null or i.total_amount = %(amount)s)
           and (%(since)s::timestamptz is null or i.created_at >= %(since)s::timestamptz)
           and (%(until)s::timestamptz is null or i.created_at < %(until)s::timestamptz)
           and (%(lab)s::bigint is null or i.billing_lab_id = %(lab)s)
           and not exists (select 1 from qbo_sync.audit_entry e where e.entity = 'invoice' and e.lms_id = i.id
                              and e.realm_id = coalesce(n.realm_id, e.realm_id))
    ), last as (
        select distinct on (realm_id, entity, coalesce(lms_id::text, 'qbo ' || qbo_id)) *
          from found order by realm_id, entity, coalesce(lms_id::text, 'qbo ' || qbo_id), id desc nulls last,
              side nulls first
    )
    select last.*, l.name as lab, c.name as company
      from last
      left join lms.billing_lab l on l.id = last.billing_lab_id
      left join qbo_sync.company c on c.realm_id = last.realm_id
     order by last.at desc, last.id desc nulls last limit %(limit)s offset %(offset)s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What to look for."""

    text: str = ""
    amount: Decimal | None = None
    #: Days in UTC, both included, on which something was done.
    since: date | None = None
    until: date | None = None
    lab: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing in particular."""
        return self == Search()

    def as_query(self) -> dict[str, Any]:
        """For links."""
        return {"q": self.text, "amount": self.amount, "since": self.since, "until": self.until, "lab": self.lab}


def find_records(connection: psycopg.Connection, search: Search, page: int) -> tuple[list[Row], bool]:
    """One page of the records that match, the last changed first; whether there are more."""
    escaped = search.text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    today = row(connection, "select (clock_timestamp() at time zone 'UTC')::date as today")
    usual = today["today"] - timedelta(days=USUAL_DAYS) if today and search.is_empty else None
    since = search.since or usual
    found = rows(
        connection,
        _SEARCH,
        {
            "text": escaped or None,
            "prefix": f"{escaped}%",
            "anywhere": f"%{escaped}%",
            "amount": search.amount,
            "lab": search.lab,
            "since": f"{since}T00:00:00Z" if since else None,
            # a search until the last day that there is has no end
            "until": f"{search.until + timedelta(days=1)}T00:00:00Z"
            if search.until and search.until < date.max
            else None,
            "limit": PAGE_SIZE + 1,
            "offset": (page - 1) * PAGE_SIZE,
        },
    )
    return found[:PAGE_SIZE], len(found) > PAGE_SIZE


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A record by whichever of its ids is known."""

    realm_id: str
    entity: str
    lms_id: int | None
    qbo_id: str | None

    @property
    def entities(self) -> list[str]:
        """Its entities: a credit is two."""
        return ["credit", "credit_application"] if self.entity == "credit" else [self.entity]

    def as_query(self) -> dict[str, Any]:
        """For links to its history."""
        return {"realm": self.realm_id, "entity": self.entity, "lms": self.lms_id, "qbo": self.qbo_id}


def complete(connection: psycopg.Connection, record: Record) -> tuple[Record, list[str]]:
    """The record with both of its ids as far as they are known, and every QuickBooks id that it has had."""
    known = rows(
        connection,
        "select lms_id, qbo_id, 1 as place from qbo_sync.entity_link"
        " where realm_id = %(realm)s and entity = %(entity)s and (lms_id = %(lms)s or qbo_id = %(qbo)s)"
        " union all"
        " select lms_id, qbo_id, 2 from qbo_sync.audit_entry"
        "  where realm_id = %(realm)s and entity = %(entity)s and (lms_id = %(lms)s or qbo_id = %(qbo)s)"
        " order by place",
        {"realm": record.realm_id, "entity": record.entity, "lms": record.lms_id, "qbo": record.qbo_id},
    )
    lms_id = record.lms_id or next((one["lms_id"] for one in known if one["lms_id"]), None)
    ids = [one["qbo_id"] for one in known if one["qbo_id"]] + ([record.qbo_id] if record.qbo_id else [])
    whole = Record(realm_id=record.realm_id, entity=record.entity, lms_id=lms_id, qbo_id=next(iter(ids), None))
    return whole, list(dict.fromkeys(ids))


def entries_of(connection: psycopg.Connection, record: Record, qbo_ids: list[str], limit: int) -> list[Row]:
    """The audit entries of the record, and those of others that changed its rows in the LMS; newest first."""
    return rows(
        connection,
        "select e.*, o.marked_at from qbo_sync.audit_entry e"
        "  left join lateral (select s.marked_at from qbo_sync.sync_outcome s"
        "     where s.realm_id = e.realm_id and s.dag_id = e.dag_id and s.run_id = e.run_id and s.entity = e.entity"
        "       and s.record_id in (e.lms_id::text, e.qbo_id) order by s.id desc limit 1) o on true"
        " where e.realm_id = %(realm)s and (e.entity = any(%(entities)s)"
        "        and (e.lms_id = %(lms)s or e.lms_id is null and e.qbo_id = any(%(qbo)s))"
        "    or e.id in (select r.entry_id from qbo_sync.audit_row r"
        "                 where r.entity = %(entity)s and r.lms_id = %(lms)s))"
        " order by e.id desc limit %(limit)s",
        {
            "realm": record.realm_id,
            "entity": record.entity,
            "entities": record.entities,
            "lms": record.lms_id,
            "qbo": qbo_ids,
            "limit": limit,
        },
    )


def rows_of(connection: psycopg.Connection, entries: list[int]) -> dict[int, list[Row]]:
    """The LMS's rows that each of these entries changed, in the order of the writes."""
    found: dict[int, list[Row]] = {entry: [] for entry in entries}
    for one in rows(
        connection, "select * from qbo_sync.audit_row where entry_id = any(%s) order by entry_id, id", [entries]
    ):
        found[one["entry_id"]].append(one)
    return found


def errors_of(connection: psycopg.Connection, record: Record, qbo_ids: list[str]) -> list[Row]:
    """The sync errors of the record, whatever became of them."""
    return rows(
        connection,
        "select * from qbo_sync.sync_error where realm_id = %(realm)s and record_entity = any(%(entities)s)"
        "   and (direction = 'lms_to_qbo' and record_id = %(lms)s::text"
        "        or direction = 'qbo_to_lms' and record_id = any(%(qbo)s)) order by id",
        {"realm": record.realm_id, "entities": record.entities, "lms": record.lms_id, "qbo": qbo_ids},
    )


def people_of(connection: psycopg.Connection, record: Record, errors: list[int]) -> list[Row]:
    """What people did on the page about the record or its errors."""
    return rows(
        connection,
        "select p.*, null as lab, e.document_number, e.entity, e.lms_id, e.qbo_id from qbo_sync.page_change p"
        "  left join qbo_sync.sync_error e on e.id = p.sync_error_id"
        " where p.sync_error_id = any(%(errors)s)"
        "    or p.realm_id = %(realm)s and p.detail ->> 'entity' = any(%(entities)s)"
        "       and p.detail ->> 'lms_id' = %(lms)s::text order by p.id",
        {"errors": errors, "realm": record.realm_id, "entities": record.entities, "lms": record.lms_id},
    )


_ENTERED = {
    "billing_account": "select name as document_number, created_at from lms.billing_account where id = %s",
    "doctor_office": "select child_subaccount_name as document_number, created_at from lms.doctor_office where id = %s",
    "product": "select name as document_number, created_at from lms.product where id = %s",
    "invoice": "select i.invoice_number as document_number, i.created_at, i.origin, i.total_amount as amount,"
    " a.name as customer from lms.invoice i join lms.billing_account a on a.id = i.billing_account_id where i.id = %s",
    "credit": "select reference as document_number, created_at from lms.credit where id = %s",
    "payment": "select reference as document_number, created_at, origin from lms.payment where id = %s",
}


def in_pilot(connection: psycopg.Connection, record: Record) -> Row | None:
    """Number and first moment of the record in the LMS, if it is there."""
    statement = _ENTERED.get(record.entity)
    return row(connection, statement, [record.lms_id]) if statement and record.lms_id else None


def waiting_of(connection: psycopg.Connection, record: Record, qbo_ids: list[str]) -> list[Row]:
    """Changes of the record that have not been synced yet."""
    return rows(
        connection,
        "select * from qbo_sync.change_mark where realm_id = %(realm)s and entity = any(%(entities)s)"
        "   and (direction = 'lms_to_qbo' and record_id = %(lms)s::text"
        "        or direction = 'qbo_to_lms' and record_id = any(%(qbo)s)) order by marked_at",
        {"realm": record.realm_id, "entities": record.entities, "lms": record.lms_id, "qbo": qbo_ids},
    )


def facts_of_invoice(connection: psycopg.Connection, record: Record) -> Facts | None:
    """What may keep it out of QuickBooks; None for anything but an invoice that Pilot has made."""
    if record.entity != "invoice" or record.lms_id is None:
        return None
    found = row(connection, _NOT_IN_QUICKBOOKS, {"lms": record.lms_id, "realm": record.realm_id})
    return Facts(lms_id=record.lms_id, **found) if found else None


def left_alone_of(connection: psycopg.Connection, record: Record, qbo_ids: list[str]) -> Row | None:
    """That the record is left alone until somebody asks for it, with its lab and the lab's direction, if it has one."""
    return row(
        connection,
        "select a.*, n.billing_lab_id, n.direction from qbo_sync.left_alone a"
        "  left join lms.invoice i on a.entity = 'invoice' and i.id = a.lms_id"
        "  left join lms.payment p on a.entity = 'payment' and p.id = a.lms_id"
        "  left join lms.credit c on a.entity in ('credit', 'credit_application') and c.id = a.lms_id"
        " cross join lateral (select coalesce(i.billing_lab_id, p.billing_lab_id, c.billing_lab_id,"
        "     (select s.billing_lab_id from qbo_sync.sync_outcome s"
        "       where s.realm_id = a.realm_id and s.entity = a.entity and s.billing_lab_id is not null"
        "         and s.record_id = case s.direction when 'lms_to_qbo' then a.lms_id::text else a.qbo_id end"
        "       order by s.id desc limit 1)) as billing_lab_id) own"
        # What only QuickBooks has belongs to the lab that receives such transactions.
        "  left join qbo_sync.connection n on n.realm_id = a.realm_id and case when a.lms_id is null"
        "     then n.receives_qbo_transactions else n.billing_lab_id = own.billing_lab_id end"
        " where a.realm_id = %(realm)s and a.entity = any(%(entities)s)"
        "   and (a.lms_id = %(lms)s or a.qbo_id = any(%(qbo)s)) order by a.entity limit 1",
        {"realm": record.realm_id, "entities": record.entities, "lms": record.lms_id, "qbo": qbo_ids},
    )
