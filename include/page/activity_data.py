"""What synced, when, how quickly, and at the cost of how many calls."""

from datetime import timedelta
from typing import Any

import psycopg

from include.page.database import Row, row, rows

#: Intuit's free calls a month (CorePlus, dossier 3.3).
FREE_CALLS = 500_000

#: What changed a record on one side; `unchanged` and `waiting` are no news.
_SYNCED = "o.outcome in ('created', 'updated', 'deleted', 'adopted')"
_MINE = (
    " (%(lab)s::bigint is null or o.billing_lab_id = %(lab)s"
    "   or (o.billing_lab_id is null and o.realm_id = (select n.realm_id from qbo_sync.connection n"
    "                                                   where n.billing_lab_id = %(lab)s)))"
)
_WINDOWS: dict[str, tuple[str, timedelta, int]] = {
    "day": ("hour", timedelta(hours=1), 24),
    "week": ("day", timedelta(days=1), 7),
}


def per_entity(connection: psycopg.Connection, lab: int | None) -> list[Row]:
    """Per lab, entity and direction: synced and failed records of the last day and week, and the lag."""
    return rows(
        connection,
        f"""
        select l.name as lab, c.name as company, o.entity, o.direction,
               count(*) filter (where {_SYNCED} and o.at > now() - interval '1 day') as day,
               count(*) filter (where {_SYNCED}) as week,
               count(*) filter (where o.outcome = 'failed' and o.at > now() - interval '1 day') as failed_day,
               count(*) filter (where o.outcome = 'failed') as failed_week,
               percentile_cont(0.5) within group (order by extract(epoch from o.at - o.marked_at))
                   filter (where {_SYNCED} and o.marked_at is not null) as lag,
               percentile_cont(0.95) within group (order by extract(epoch from o.at - o.marked_at))
                   filter (where {_SYNCED} and o.marked_at is not null) as slow_lag
          from qbo_sync.sync_outcome o
          left join lms.billing_lab l on l.id = o.billing_lab_id
          left join qbo_sync.company c on c.realm_id = o.realm_id
         where o.at > now() - interval '7 days' and o.outcome not in ('unchanged', 'waiting') and {_MINE}
         group by l.name, c.name, o.entity, o.direction
         order by l.name nulls last, c.name, o.direction,
                  array_position(array['billing_account', 'doctor_office', 'product', 'special_item', 'invoice',
                                       'credit', 'credit_application', 'payment'], o.entity)
        """,  # noqa: S608 - our own text
        {"lab": lab},
    )


def over_time(connection: psycopg.Connection, lab: int | None, window: str) -> list[Row]:
    """Synced and failed records in each hour of the last day, or each day of the last week, oldest first."""
    unit, step, count = _WINDOWS[window]
    return rows(
        connection,
        f"""
        select slot, count(o.id) filter (where {_SYNCED}) as synced,
               count(o.id) filter (where o.outcome = 'failed') as failed
          from generate_series(date_trunc(%(unit)s, now() at time zone 'utc') - %(back)s,
                               date_trunc(%(unit)s, now() at time zone 'utc'), %(step)s) slot
          left join qbo_sync.sync_outcome o
                 on o.at >= slot at time zone 'utc' and o.at < (slot + %(step)s) at time zone 'utc' and {_MINE}
         group by slot order by slot
        """,  # noqa: S608 - our own text
        {"lab": lab, "unit": unit, "step": step, "back": step * (count - 1)},
    )


def in_line(connection: psycopg.Connection, lab: int | None) -> Row:
    """What is due now and what is held back (by a setting, a date, or a record that must come first)."""
    found: Any = row(
        connection,
        "select count(*) filter (where d.record_id is not null) as due,"
        "       count(*) filter (where d.record_id is null) as held,"
        "       extract(epoch from now() - min(m.marked_at) filter (where d.record_id is not null)) as oldest"
        "  from qbo_sync.change_mark m"
        "  left join qbo_sync.due_mark d using (realm_id, direction, entity, record_id)"
        " where %(lab)s::bigint is null or m.billing_lab_id = %(lab)s or (m.billing_lab_id is null"
        "   and m.realm_id = (select n.realm_id from qbo_sync.connection n where n.billing_lab_id = %(lab)s))",
        {"lab": lab},
    )
    return dict(found)


def api_calls(connection: psycopg.Connection, lab: int | None) -> list[Row]:
    """Per company: requests of the last day and of this month, those that count, refusals, and how long they took."""
    return rows(
        connection,
        """
        select c.realm_id, c.name as company,
               count(*) filter (where a.at > now() - interval '1 day') as day,
               count(a.id) as month,
               count(*) filter (where a.metered) as metered,
               count(*) filter (where a.at > now() - interval '1 day'
                                  and (a.status is null or a.status >= 400)) as refused_day,
               percentile_cont(0.5) within group (order by a.duration_ms)
                   filter (where a.at > now() - interval '1 day') as usual_ms
          from qbo_sync.company c
          join qbo_sync.api_call a on a.realm_id = c.realm_id
               and a.at >= date_trunc('month', now() at time zone 'utc') at time zone 'utc'
         where %(lab)s::bigint is null
            or c.realm_id = (select n.realm_id from qbo_sync.connection n where n.billing_lab_id = %(lab)s)
         group by c.realm_id, c.name order by c.name
        """,
        {"lab": lab},
    )


def metered_this_month(connection: psycopg.Connection) -> int:
    """Metered calls of all companies: the quota belongs to the app."""
    found = row(
        connection,
        "select count(*) as calls from qbo_sync.api_call where metered"
        "   and at >= date_trunc('month', now() at time zone 'utc') at time zone 'utc'",
    )
    return int(found["calls"]) if found else 0


def last_runs(connection: psycopg.Connection, lab: int | None, limit: int = 20) -> list[Row]:
    """The last runs that had something to do, newest first."""
    return rows(
        connection,
        "select r.*, c.name as company from qbo_sync.sync_run r left join qbo_sync.company c using (realm_id)"
        " where r.extracted > 0 and (%(lab)s::bigint is null"
        "   or r.realm_id = (select n.realm_id from qbo_sync.connection n where n.billing_lab_id = %(lab)s))"
        " order by r.finished_at desc limit %(limit)s",
        {"lab": lab, "limit": limit},
    )
