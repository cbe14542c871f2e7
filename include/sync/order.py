"""Who goes first (sync rules, section 8.5): a DAG is not woken while what its records need is still on its way.

It would find that everything has to wait, and be woken again by the load that it waited for. Only what events wake is
put off, and not for long: runs by hand and by the clock take whatever is due, and after three minutes nobody waits for
what does not come.
"""

#: Companies in which something of these entities is due or in a run's hands. Parameters: direction, after.
GOING_FIRST = (
    "select realm_id from qbo_sync.due_mark where direction = %(direction)s and entity = any(%(after)s::text[])"
    " and marked_at > clock_timestamp() - interval '3 minutes'"
)
