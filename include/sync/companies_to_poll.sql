-- The connected companies of labs that are to be asked now what changed, with all that a poll needs to know of them.
select c.realm_id, c.name, c.access_token_encrypted, c.access_token_expires_at, q.changed_since,
       case when w.received_at is distinct from w.captured_at then w.received_at end as reported_at,
       q.changed_since is null or q.compare_asked_at is not null as as_a_whole,
       coalesce(p.apart_until between clock_timestamp() and clock_timestamp() + %(longest_rest)s, false) as failed,
       coalesce(p.left_by = %(run)s, false) as left_before,
       -- The closing date is not among what changes tell.
       exists (select 1 from qbo_sync.sync_error e
                where e.realm_id = c.realm_id and e.status = 'open' and e.causes @> array[%(preferences)s])
         as preferences_matter
  from qbo_sync.company c
  left join qbo_sync.qbo_cursor q using (realm_id)
  left join qbo_sync.poll p using (realm_id)
  left join qbo_sync.webhook_event w using (realm_id)
 where c.status = 'connected' and exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id)
   and (%(realm)s::text is null or c.realm_id = %(realm)s)
   and (not %(reported_only)s or w.received_at is distinct from w.captured_at)
   and (%(by_hand)s or p.left_by = %(run)s
        or (coalesce(p.rests_until not between clock_timestamp() and clock_timestamp() + %(longest_rest)s, true)
            and (coalesce(p.poll_after <= clock_timestamp() + %(early)s, true)
                 -- it has never answered, or did so by a clock that was ahead
                 or p.polled_at is null or p.polled_at > %(now)s
                 -- also one whose event woke a poll that did not get to it
                 or w.received_at is distinct from w.captured_at or q.compare_asked_at is not null)))
 order by p.rests_until nulls first, c.realm_id
