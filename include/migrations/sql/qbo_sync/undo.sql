-- Rows of the LMS as a run left them, and as they were before it (qbo_sync.audit_row).

-- Names one row of a table: its primary key, out of the row as JSON ($1).
create or replace function qbo_sync.row_condition(p_table text) returns text language sql immutable as $$
    select case p_table
           when 'payment_application' then 't.payment_id = ($1 ->> ''payment_id'')::bigint'
                                           ' and t.invoice_id = ($1 ->> ''invoice_id'')::bigint'
           when 'credit_application' then 't.credit_id = ($1 ->> ''credit_id'')::bigint'
                                          ' and t.invoice_id = ($1 ->> ''invoice_id'')::bigint'
           else 't.id = ($1 ->> ''id'')::bigint' end
$$;

-- Names it as text.
create or replace function qbo_sync.row_key(p_table text, p_row jsonb) returns text language sql immutable as $$
    select case p_table
           when 'payment_application' then (p_row ->> 'payment_id') || '/' || (p_row ->> 'invoice_id')
           when 'credit_application' then (p_row ->> 'credit_id') || '/' || (p_row ->> 'invoice_id')
           else p_row ->> 'id' end
$$;

-- What these entries did to each row together: as it was before the first, and as the last left it.
create or replace function qbo_sync.rows_of_entries(p_entries bigint[])
returns table (table_name text, key text, before jsonb, after jsonb, last_id bigint) language sql stable as $$
    select r.table_name, qbo_sync.row_key(r.table_name, coalesce(r.after, r.before)),
           (array_agg(r.before order by r.id))[1], (array_agg(r.after order by r.id desc))[1], max(r.id)
      from qbo_sync.audit_row r where r.entry_id = any (p_entries) group by 1, 2
$$;

-- Whether every row is as these entries left it; `p_lock`: and stays so until the transaction ends.
create or replace function qbo_sync.rows_as_left(p_entries bigint[], p_lock boolean) returns boolean
language plpgsql as $$
declare
    wrote record;
    columns text;
    now_there jsonb;
begin
    for wrote in select * from qbo_sync.rows_of_entries(p_entries) order by table_name, length(key), key loop
        -- those that the audit keeps, which are not all
        select string_agg(format('%I', kept), ', ') into columns
          from jsonb_object_keys(coalesce(wrote.after, wrote.before)) kept;
        now_there := null;
        execute format('select to_jsonb(r) from (select %s from lms.%I t where %s %s) r', columns, wrote.table_name,
                       qbo_sync.row_condition(wrote.table_name), case when p_lock then 'for update' else '' end)
           into now_there using coalesce(wrote.after, wrote.before);
        if now_there - 'updated_at' is distinct from wrote.after - 'updated_at' then
            return false;
        end if;
    end loop;
    return true;
end
$$;

-- Put the rows back as they were before these entries, in the caller's transaction (which has announced its own entry of
-- the audit): what was inserted goes, what was deleted comes back, parts after what they are parts of, then what was
-- changed.
create or replace function qbo_sync.undo_rows(p_entries bigint[]) returns void language plpgsql as $$
declare
    wrote record;
    here text;
    columns text;
begin
    for wrote in
        select r.*
          from qbo_sync.rows_of_entries(p_entries) r,
               lateral (select (r.table_name ~ '_(application|line_item)$')::int as part) p
         where r.before is distinct from r.after
         order by r.before is not null, r.after is not null,
                  case when r.before is null then -part when r.after is null then part end, last_id desc
    loop
        here := qbo_sync.row_condition(wrote.table_name);
        if wrote.before is null then
            execute format('delete from lms.%I t where %s', wrote.table_name, here) using wrote.after;
        elsif wrote.after is null then
            execute format('insert into lms.%1$I select * from jsonb_populate_record(null::lms.%1$I, $1)',
                           wrote.table_name) using wrote.before;
        else
            select string_agg(format('%I', key), ', ') into columns
              from jsonb_each(wrote.before) b
             where key <> 'updated_at' and value is distinct from wrote.after -> key;
            continue when columns is null;
            execute format('update lms.%1$I t set (%2$s) = (select %2$s from jsonb_populate_record(null::lms.%1$I, $1))'
                           ' where %3$s', wrote.table_name, columns, here) using wrote.before;
        end if;
    end loop;
end
$$;
