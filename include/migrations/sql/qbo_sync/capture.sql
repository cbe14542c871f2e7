-- Change capture: when everything has to be compared again.

-- Transactions that were skipped may concern the sync once the start date or the receiving lab changes.
create or replace function qbo_sync.request_full_comparison() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or (old.realm_id, old.sync_start_date, old.receives_qbo_transactions)
                            is distinct from (new.realm_id, new.sync_start_date, new.receives_qbo_transactions) then
        update qbo_sync.qbo_cursor set compare_asked_at = clock_timestamp() where realm_id = new.realm_id;
    end if;
    return null;
end
$$;
create or replace trigger request_full_comparison
    after insert or update on qbo_sync.connection for each row execute function qbo_sync.request_full_comparison();
