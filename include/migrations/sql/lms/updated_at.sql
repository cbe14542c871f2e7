-- updated_at of every LMS table.

create or replace function lms.touch_updated_at() returns trigger language plpgsql as $$
begin
    new.updated_at := clock_timestamp();
    return new;
end
$$;

do $$
declare
    table_name text;
begin
    foreach table_name in array array[
        'billing_lab', 'billing_account', 'doctor_office', 'product', 'lab_case', 'case_line_item', 'invoice',
        'invoice_line_item', 'credit', 'credit_application', 'payment', 'payment_application'
    ] loop
        execute format(
            'create or replace trigger touch_updated_at before update on %s
             for each row execute function lms.touch_updated_at()', qbo_sync.table_behind(format('lms.%I', table_name)));
    end loop;
end
$$;
