-- QuickBooks tells by webhook that something has changed in a company. Only that it told is kept, never what it said:
-- the change capture asks QuickBooks itself. A notification that comes twice, late, out of order or not at all is harmless.

create table qbo_sync.webhook_notice (
    realm_id     text primary key references qbo_sync.company (realm_id),
    told_at      timestamptz not null default clock_timestamp(),  -- the last notification
    answered_at  timestamptz,            -- the `told_at` that a capture has answered: it began after that notification
    awake        boolean not null default false  -- a capture has been woken and has not answered: no second one is woken
);

-- For the receiver: companies of which QuickBooks says that they have changed. Those that are not connected do not count.
create function qbo_sync.note_webhook(p_realm_ids text[]) returns integer language plpgsql as $$
declare
    noted integer;
begin
    insert into qbo_sync.webhook_notice as w (realm_id)
    select c.realm_id from qbo_sync.company c
     where c.realm_id = any (p_realm_ids) and c.status = 'connected'
       and exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id)
     order by c.realm_id
    on conflict (realm_id) do update set told_at = excluded.told_at;
    get diagnostics noted = row_count;
    if noted > 0 then
        perform pg_notify('qbo_webhook', '');
    end if;
    return noted;
end
$$;

-- For the event trigger: how many companies have been told of that no capture has been woken for yet. It is now. Should
-- the wake-up get lost, the next capture by the clock answers. While the sync itself writes to a company, QuickBooks tells
-- of that all the time, and a capture in its midst would only get in its way: nobody is woken before what has changed in the
-- LMS is there, and then it has been quiet for five seconds. (Changes that wait for longer than two minutes do not count.)
create function qbo_sync.wake_capture() returns integer language sql as $$
    with woken as (
        update qbo_sync.webhook_notice w set awake = true
          from qbo_sync.company c
         where c.realm_id = w.realm_id and c.status = 'connected'
           and not w.awake and w.told_at is distinct from w.answered_at
           and not exists (select 1 from qbo_sync.due_mark m
                            where m.realm_id = w.realm_id and m.direction = 'lms_to_qbo'
                              and m.marked_at > clock_timestamp() - interval '2 minutes')
           and not exists (select 1 from qbo_sync.write_intent i where i.realm_id = w.realm_id)
           and not exists (select 1 from qbo_sync.api_call a
                            where a.realm_id = w.realm_id and a.at > clock_timestamp() - interval '5 seconds'
                              and a.operation in ('create', 'update', 'delete', 'batch'))
     returning 1)
    select count(*)::integer from woken
$$;

-- For the capture: it has answered the notification of that moment. What came meanwhile wakes another one.
create function qbo_sync.answer_webhook(p_realm_id text, p_told_at timestamptz) returns void language plpgsql as $$
declare
    told_again boolean;
begin
    update qbo_sync.webhook_notice set answered_at = p_told_at, awake = false
     where realm_id = p_realm_id returning told_at <> p_told_at into told_again;
    if told_again then
        perform pg_notify('qbo_webhook', '');
    end if;
end
$$;
