-- The dashboard's read-only role.

do $$
begin
    create role lms_dashboard login;
exception when duplicate_object or unique_violation then
    null;  -- roles belong to the whole server: another database of it has made it, perhaps at this very moment
end
$$;
grant usage on schema qbo_sync to lms_dashboard;
grant select on qbo_sync.sync_error, qbo_sync.action_item to lms_dashboard;
