-- Webhooks: QuickBooks reports that a company has changed, and that wakes the change capture. Whoever writes the events of
-- several companies takes them in the order of their ids: in a storm receiver, trigger and captures meet all the time.

-- For the receiver: companies of which QuickBooks says that they have changed. Those that are not connected do not
-- count. Returns how many do.
create or replace function qbo_sync.record_webhook_event(p_realm_ids text[]) returns integer language plpgsql as $$
declare
    recorded integer;
begin
    insert into qbo_sync.webhook_event as w (realm_id)
    select c.realm_id from qbo_sync.company c
     where c.realm_id = any (p_realm_ids) and c.status = 'connected'
       and exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id)
     order by c.realm_id
    on conflict (realm_id) do update set received_at = excluded.received_at;
    get diagnostics recorded = row_count;
    if recorded > 0 then
        perform pg_notify('qbo_webhook', '');
    end if;
    return recorded;
end
$$;

-- For the event trigger: how many companies have an event for which no capture was woken yet; it is woken now. Should
-- the wake-up get lost, the next scheduled capture reads the changes. While the sync itself writes to a company,
-- QuickBooks reports that all the time, and a capture would only slow the writes down: none is woken before the pending
-- changes of the LMS are there and no write was sent for five seconds. (Changes pending for more than two minutes do
-- not count.) Nor within ten seconds of the last event that was captured: what changes by the minute is read together.
create or replace function qbo_sync.wake_capture() returns integer language sql as $$
    with due as (
        select w.realm_id from qbo_sync.webhook_event w join qbo_sync.company c on c.realm_id = w.realm_id
         where c.status = 'connected'
           and not w.capture_woken and w.received_at is distinct from w.captured_at
           and not exists (select 1 from qbo_sync.due_mark m
                            where m.realm_id = w.realm_id and m.direction = 'lms_to_qbo'
                              and m.marked_at between clock_timestamp() - interval '2 minutes' and clock_timestamp())
           and not exists (select 1 from qbo_sync.write_intent i where i.realm_id = w.realm_id)
           and (w.captured_at is null
                or w.captured_at not between clock_timestamp() - interval '10 seconds' and clock_timestamp())
           and not exists (select 1 from qbo_sync.api_call a
                            where a.realm_id = w.realm_id and a.at between clock_timestamp() - interval '5 seconds' and clock_timestamp()
                              and a.operation in ('create', 'update', 'delete', 'batch'))
         order by w.realm_id for no key update of w),
    woken as (
        update qbo_sync.webhook_event w set capture_woken = true from due where due.realm_id = w.realm_id returning 1)
    select count(*)::integer from woken
$$;

-- For the capture: it has read everything up to these events. One that came meanwhile wakes another capture.
create or replace function qbo_sync.webhook_captured(p_realm_ids text[], p_received_at timestamptz[]) returns void
language plpgsql as $$
begin
    perform 1 from qbo_sync.webhook_event where realm_id = any (p_realm_ids) order by realm_id for no key update;
    update qbo_sync.webhook_event w set captured_at = captured.received_at, capture_woken = false
      from unnest(p_realm_ids, p_received_at) as captured (realm_id, received_at)
     where w.realm_id = captured.realm_id;
    if exists (select 1 from qbo_sync.webhook_event
                where realm_id = any (p_realm_ids) and received_at <> captured_at) then
        perform pg_notify('qbo_webhook', '');
    end if;
end
$$;
