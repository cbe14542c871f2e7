"""The month's metered calls to QuickBooks, of all companies together: the quota belongs to the app (fact 3.3)."""

from datetime import datetime, timedelta

import psycopg

from include.model.polling import Quota, month_around

#: Calls this young are counted the next time: one that gets its number now may be committed after a later one.
_SETTLED = timedelta(seconds=10)

_COUNTED_TO = "select coalesce(max(counted_to), 0) from qbo_sync.metered_month"


def count_on(connection: psycopg.Connection, now: datetime) -> None:
    """Count on in the log of calls from where it was last counted, in the caller's transaction."""
    first, _ = month_around(now)
    connection.execute(
        "insert into qbo_sync.metered_month as m (month, calls, polls, proofs, counted_to)"  # noqa: S608 - our own words
        f" select %(month)s, n.calls, n.polls, n.proofs, coalesce(n.counted_to, ({_COUNTED_TO}))"
        f"   from qbo_sync.metered_calls(({_COUNTED_TO}), %(first)s, %(until)s) n"
        " on conflict (month) do update set calls = m.calls + excluded.calls, polls = m.polls + excluded.polls,"
        "   proofs = m.proofs + excluded.proofs, counted_to = excluded.counted_to"
        # Else another poll has counted these just now.
        f" where m.counted_to = ({_COUNTED_TO})",
        {"month": first.date(), "first": first, "until": now - _SETTLED},
    )


def read_quota(connection: psycopg.Connection, monthly_calls: int, now: datetime) -> Quota:
    """How the month stands: what is counted, and what has come since."""
    first, end = month_around(now)
    row = connection.execute(
        "select coalesce(m.calls, 0) + n.calls, coalesce(m.polls, 0) + n.polls, coalesce(m.proofs, 0) + n.proofs"  # noqa: S608 - our own words
        f"  from qbo_sync.metered_calls(({_COUNTED_TO}), %(first)s, %(now)s) n"
        "  left join qbo_sync.metered_month m on m.month = %(month)s",
        {"month": first.date(), "first": first, "now": now},
    ).fetchone()
    used, polls, proofs = row or (0, 0, 0)
    return Quota(calls=monthly_calls, used=used, polls=polls, proofs=proofs, elapsed=now - first, left=end - now)
