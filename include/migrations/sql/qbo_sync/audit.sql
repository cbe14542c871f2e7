-- The audit of what the pipeline writes: every row of the LMS, and links that people make.

-- Arguments: the entity, the column that names the record (as in change_feed.sql), the table's name in the schema lms, and
-- of a case the columns that are kept: who the patient is, and what is noted about the case, is none of the audit's business. The transaction has
-- announced its entry in qbo_sync.audit_entry; without it the write is refused, so that none can be forgotten. A row that
-- is written as it was says nothing.
create or replace function qbo_sync.audit_lms_row() returns trigger
language plpgsql security definer set search_path = qbo_sync, pg_temp as $$
declare
    old_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    new_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
begin
    if tg_nargs > 3 then
        select jsonb_object_agg(column_name, old_row -> column_name) filter (where old_row is not null),
               jsonb_object_agg(column_name, new_row -> column_name) filter (where new_row is not null)
          into old_row, new_row
          from unnest(string_to_array(tg_argv[3], ',')) column_name;
    end if;
    if old_row - 'updated_at' is distinct from new_row - 'updated_at' then
        insert into qbo_sync.audit_row (entry_id, table_name, entity, lms_id, before, after)
        values (nullif(current_setting('qbo_sync.audit_entry', true), '')::bigint, tg_argv[2], tg_argv[0],
                (coalesce(new_row, old_row) ->> tg_argv[1])::bigint, old_row, new_row);
    end if;
    return null;
end
$$;

do $$
declare
    audited record;
begin
    for audited in
        select * from (values
            ('lms.billing_account', 'billing_account', 'id', null),
            ('lms.doctor_office', 'doctor_office', 'id', null),
            ('lms.product', 'product', 'id', null),
            ('lms.lab_case', 'lab_case', 'id', 'id,status'),
            ('lms.case_line_item', 'lab_case', 'case_id', null),
            ('lms.invoice', 'invoice', 'id', null),
            ('lms.invoice_line_item', 'invoice', 'invoice_id', null),
            ('lms.credit', 'credit', 'id', null),
            ('lms.credit_application', 'credit', 'credit_id', null),
            ('lms.payment', 'payment', 'id', null),
            ('lms.payment_application', 'payment', 'payment_id', null)
        ) tables (relation, entity, key_column, columns)
    loop
        execute format('create or replace trigger audit_row after insert or update or delete on %s for each row '
                       'when (current_setting(''qbo_sync.origin'', true) = ''pipeline'') '
                       'execute function qbo_sync.audit_lms_row(%s)', qbo_sync.table_behind(audited.relation),
                       concat_ws(', ', quote_literal(audited.entity), quote_literal(audited.key_column),
                                 quote_literal(split_part(audited.relation, '.', 2)), quote_literal(audited.columns)));
    end loop;
end
$$;

-- The name of a customer of the LMS, as QuickBooks would show it.
create or replace function qbo_sync.customer_name(p_entity text, p_lms_id text) returns text
language sql stable as $$
    select name from lms.billing_account where p_entity = 'billing_account' and id = p_lms_id::bigint
    union all
    select a.name || ': ' || o.child_subaccount_name
      from lms.doctor_office o join lms.billing_account a on a.id = o.billing_account_id
     where p_entity = 'doctor_office' and o.id = p_lms_id::bigint
$$;

-- A person's link, from the page or with SQL: it knows no version of QuickBooks' yet. Who it was, the page's changes say.
create or replace function qbo_sync.audit_link() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or (new.lms_id, new.qbo_id) is distinct from (old.lms_id, old.qbo_id) then
        insert into qbo_sync.audit_entry (side, realm_id, entity, lms_id, qbo_id, operation)
        values ('qbo', new.realm_id, new.entity, new.lms_id, new.qbo_id, 'link');
    end if;
    return null;
end
$$;
create or replace trigger audit_link after insert or update of lms_id, qbo_id on qbo_sync.entity_link for each row
    when (new.sync_token is null) execute function qbo_sync.audit_link();
