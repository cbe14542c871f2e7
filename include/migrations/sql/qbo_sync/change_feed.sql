-- The raw change feed: triggers on the LMS's tables write one row per changed row.

-- Arguments: the entity, and the column that names the record. Runs with the owner's rights, so that the LMS's own role
-- needs none here. What the pipeline writes itself is not recorded: its own writes must not echo.
create or replace function qbo_sync.record_lms_change() returns trigger
language plpgsql security definer set search_path = qbo_sync, pg_temp as $$
declare
    changed_entity text := tg_argv[0];
    key_column text := tg_argv[1];
    old_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    new_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
begin
    if current_setting('qbo_sync.origin', true) = 'pipeline' then
        return null;
    end if;
    insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)
    select distinct changed_entity, (r ->> key_column)::bigint,
           coalesce((r ->> 'billing_lab_id')::bigint, lms_lab.id)
      from (values (old_row), (new_row)) rows (r)
      left join lateral (
          select i.billing_lab_id as id from lms.invoice i
           where key_column = 'invoice_id' and i.id = (r ->> 'invoice_id')::bigint
          union all
          select c.billing_lab_id from lms.credit c
           where key_column = 'credit_id' and c.id = (r ->> 'credit_id')::bigint
          union all
          select p.billing_lab_id from lms.payment p
           where key_column = 'payment_id' and p.id = (r ->> 'payment_id')::bigint
      ) lms_lab on true
     where r is not null;
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;

-- A TRUNCATE names no rows: one row of the feed stands for every record of the entity.
create or replace function qbo_sync.record_lms_truncate() returns trigger
language plpgsql security definer set search_path = qbo_sync, pg_temp as $$
begin
    insert into qbo_sync.lms_change (entity) values (tg_argv[0]);
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;

do $$
declare
    feed record;
begin
    for feed in
        select * from (values
            ('lms.billing_account', 'billing_account', 'id'),
            ('lms.doctor_office', 'doctor_office', 'id'),
            ('lms.product', 'product', 'id'),
            ('lms.invoice', 'invoice', 'id'),
            ('lms.invoice_line_item', 'invoice', 'invoice_id'),
            ('lms.credit', 'credit', 'id'),
            ('lms.credit_application', 'credit', 'credit_id'),
            ('lms.payment', 'payment', 'id'),
            ('lms.payment_application', 'payment', 'payment_id'),
            ('qbo_sync.connection', 'connection', 'billing_lab_id')
        ) feeds (relation, entity, key_column)
    loop
        execute format('create or replace trigger record_change after insert or update or delete on %s for each row '
                       'execute function qbo_sync.record_lms_change(%L, %L)',
                       qbo_sync.table_behind(feed.relation), feed.entity, feed.key_column);
        if feed.entity <> 'connection' then
            execute format('create or replace trigger record_truncate after truncate on %s for each statement '
                           'execute function qbo_sync.record_lms_truncate(%L)',
                           qbo_sync.table_behind(feed.relation), feed.entity);
        end if;
    end loop;
end
$$;
