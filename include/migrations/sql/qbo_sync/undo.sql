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

-- Whether every row that these entries wrote is as the last of them left it.
create or replace function qbo_sync.rows_as_left(p_entries bigint[]) returns boolean language plpgsql as $$
declare
    wrote record;
    now_there jsonb;
begin
    for wrote in
        select distinct on (table_name, key) table_name, coalesce(after, before) as which, after
          from qbo_sync.audit_row r,
               lateral (select coalesce(after, before) as here) h,
               lateral (select case table_name
                               when 'payment_application' then (h.here ->> 'payment_id') || '/' || (h.here ->> 'invoice_id')
                               when 'credit_application' then (h.here ->> 'credit_id') || '/' || (h.here ->> 'invoice_id')
                               else h.here ->> 'id' end as key) k
         where r.entry_id = any (p_entries)
         order by table_name, key, r.id desc
    loop
        execute format('select to_jsonb(t) from lms.%I t where %s', wrote.table_name,
                       qbo_sync.row_condition(wrote.table_name)) into now_there using wrote.which;
        if now_there - 'updated_at' is distinct from wrote.after - 'updated_at' then
            return false;
        end if;
    end loop;
    return true;
end
$$;

-- Put the rows back as they were before these entries, in the caller's transaction (which has announced its own entry of
-- the audit): what was inserted goes, what was deleted comes back, parts after what they are parts of, then what was
-- changed, last one first.
create or replace function qbo_sync.undo_rows(p_entries bigint[]) returns void language plpgsql as $$
declare
    wrote qbo_sync.audit_row;
    here text;
    columns text;
begin
    for wrote in
        select r.* from qbo_sync.audit_row r,
               lateral (select (r.table_name ~ '_(application|line_item)$')::int as part) p
         where entry_id = any (p_entries)
         order by before is not null, after is not null, case when before is null then -part when after is null then part end,
                  id desc
    loop
        here := qbo_sync.row_condition(wrote.table_name);
        if wrote.before is null then
            execute format('delete from lms.%I t where %s', wrote.table_name, here) using wrote.after;
        elsif wrote.after is null then
            execute format('insert into lms.%1$I select * from jsonb_populate_record(null::lms.%1$I, $1)',
                           wrote.table_name) using wrote.before;
        else
            select string_agg(format('%I', attname), ', ') into columns
              from pg_attribute
             where attrelid = format('lms.%I', wrote.table_name)::regclass and attnum > 0 and not attisdropped
               and attname <> 'updated_at';
            execute format('update lms.%1$I t set (%2$s) = (select %2$s from jsonb_populate_record(null::lms.%1$I, $1))'
                           ' where %3$s', wrote.table_name, columns, here) using wrote.before;
        end if;
    end loop;
end
$$;
