-- What this database's clock has written while it was ahead (docs/decisions/0039-clock-that-was-ahead.md).

-- Runs and triggers put right what waits for a time: it begins to wait anew, as long as it was to wait. Nothing is due
-- before that, for QuickBooks may still be at work on what was sent (rule 8.5): how far the clock was ahead, nobody
-- knows. A minute is left alone: time servers set clocks back by less.
create or replace function qbo_sync.correct_times() returns void language plpgsql as $$
declare
    minute constant interval := interval '1 minute';
    -- by QuickBooks' clock, mostly, which may be ahead of ours for ever
    sent_tolerance constant interval := interval '10 minutes';
    present timestamptz := clock_timestamp();
begin
    if exists (select from qbo_sync.change_mark where waits_since > present + minute)
       or exists (select from qbo_sync.sync_error where status = 'open' and last_seen_at > present + minute)
       or exists (select from qbo_sync.unconfirmed_create where sent_after > present + sent_tolerance)
       or exists (select from qbo_sync.write_request where greatest(created_at, sent_at) > present + minute) then
        perform qbo_sync.lock_marks(true);
        present := clock_timestamp();  -- others may have had the lock for long
        update qbo_sync.change_mark
           set attempt_after = present + (attempt_after - waits_since), waits_since = present
         where waits_since > present + minute;
        update qbo_sync.sync_error set retry_at = present + (retry_at - last_seen_at), last_seen_at = present
         where status = 'open' and last_seen_at > present + minute;
        -- When a create that may have been done was sent, nobody knows: anything of the last day may be it.
        update qbo_sync.unconfirmed_create set sent_after = present - interval '1 day'
         where sent_after > present + sent_tolerance;
        -- As if it had been sent for the last time now, and for the first time as long before that as it was.
        update qbo_sync.write_request
           set sent_at = least(sent_at, present),
               created_at = case when created_at <= present then created_at
                                 else least(created_at - (sent_at - present), sent_at, present) end
         where greatest(created_at, sent_at) > present + minute;
    end if;
end
$$;
