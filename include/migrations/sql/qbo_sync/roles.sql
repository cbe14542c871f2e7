-- The roles beside the owner, and all that each may do (docs/decisions/0031-database-roles.md). What is not listed here
-- is refused; whoever adds a table or a view lists it here, and a test says so.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['lms_dashboard', 'pilot_pipeline', 'pilot_page'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I login', wanted);  -- nobody can log in before it gets a password
            exception when duplicate_object or unique_violation then
                null;  -- roles belong to the whole server: another database of it has made it, perhaps at this moment
            end;
        end if;
    end loop;
end
$$;

grant usage on schema qbo_sync to lms_dashboard;
grant select on qbo_sync.sync_error, qbo_sync.action_item to lms_dashboard;

-- From nothing, so that what was listed once and is not any more is gone.
revoke all on all tables in schema lms, qbo_sync from pilot_pipeline, pilot_page;
revoke all on all sequences in schema lms, qbo_sync from pilot_pipeline, pilot_page;
grant usage on schema lms, qbo_sync to pilot_pipeline, pilot_page;
grant usage on sequence qbo_sync.mark_generation, qbo_sync.audit_entry_id_seq to pilot_pipeline, pilot_page;

-- pilot_pipeline: the DAGs and their triggers. pilot_page: the page QuickBooks Online, and `make connect`. Neither owns
-- anything, so neither can drop, alter or truncate; rows that go with others (on delete cascade) need no right here.
do $$
declare
    given record;
begin
    for given in
        select * from (values
            -- the LMS: its master data is only read, patients and the lines of cases not even that; the page writes none
            ('lms.billing_lab', 'select', 'select'),
            ('lms.billing_account', 'select', 'select'),
            ('lms.doctor_office', 'select', 'select'),
            ('lms.product', 'select', 'select'),
            ('lms.lab_case', 'select (id, status), update (status)', null),
            ('lms.case_line_item', null, null),
            ('lms.invoice', 'select, insert, update, delete', 'select'),
            ('lms.invoice_line_item', 'select, insert, update, delete', 'select'),
            ('lms.credit', 'select', 'select'),
            ('lms.credit_application', 'select, insert, update, delete', 'select'),
            ('lms.payment', 'select, insert, update, delete', 'select'),
            ('lms.payment_application', 'select, insert, update, delete', 'select'),
            -- who is connected, and how: people decide it, on the page
            ('qbo_sync.company', 'select, update', 'select, insert, update'),
            ('qbo_sync.connection', 'select', 'select, insert, update, delete'),
            ('qbo_sync.former_connection', null, 'select, insert, update, delete'),
            ('qbo_sync.oauth_login', null, 'select, insert, delete'),
            ('qbo_sync.company_account', 'select, insert, update, delete', 'select, insert, update, delete'),
            ('qbo_sync.company_check', 'select, insert, update', 'select, insert, update'),
            ('qbo_sync.company_finding', 'select, insert, update', 'select, insert, update'),
            ('qbo_sync.company_trouble', 'select, insert, update, delete', 'select'),
            -- what people decide about records
            ('qbo_sync.released_invoice', 'select, delete', 'select, insert'),
            ('qbo_sync.error_retry', null, 'select, insert, update'),
            ('qbo_sync.ignored_customer', 'select, delete', 'select, insert, update, delete'),
            ('qbo_sync.left_alone', 'select, insert, delete', 'select, insert, delete'),
            ('qbo_sync.possible_duplicate', 'select, insert, update, delete', 'select, insert, update, delete'),
            -- who did what by hand: written once
            ('qbo_sync.page_change', 'select', 'select, insert'),
            -- links, and what was written: the page links, and adds that to the audit
            ('qbo_sync.entity_link', 'select, insert, update, delete', 'select, insert, update, delete'),
            ('qbo_sync.special_item', 'select, insert, update, delete', 'select'),
            ('qbo_sync.credit_application_link', 'select, insert, update, delete', 'select'),
            ('qbo_sync.audit_entry', 'select, insert, update, delete', 'select, insert'),
            ('qbo_sync.audit_row', 'select', 'select'),
            ('qbo_sync.undo', 'select, insert, update, delete', 'select'),
            ('qbo_sync.undo_record', 'select, insert, update, delete', 'select'),
            -- what is to do, and what came of it
            ('qbo_sync.lms_change', 'select, insert, delete', 'select, insert'),
            ('qbo_sync.change_mark', 'select, insert, update, delete, maintain', 'select, insert, update'),
            ('qbo_sync.dag_listing', 'select, insert, update', null),
            ('qbo_sync.staged_record', 'select, insert, update, delete', 'select'),
            ('qbo_sync.sync_outcome', 'select, insert, delete', 'select'),
            ('qbo_sync.sync_run', 'select, insert, update, delete', 'select'),
            ('qbo_sync.validation_suite', 'select, insert', 'select'),
            ('qbo_sync.validation_result', 'select, insert, delete', 'select'),
            ('qbo_sync.sync_error', 'select, insert, update', 'select, update'),
            ('qbo_sync.preview', 'select, insert, update, delete', 'select'),
            ('qbo_sync.preview_record', 'select, insert, update, delete', 'select'),
            ('qbo_sync.write_request', 'select, insert, update, delete', 'select'),
            ('qbo_sync.write_intent', 'select, insert, update, delete', 'select'),
            ('qbo_sync.unconfirmed_create', 'select, insert, update, delete', 'select'),
            ('qbo_sync.database_identity', 'select, insert, update', null),
            -- QuickBooks: what changed there, the calls, the budget of both
            ('qbo_sync.qbo_cursor', 'select, insert, update', 'select, update (compare_asked_at)'),
            ('qbo_sync.qbo_seen', 'select, insert, update, delete', 'select'),
            ('qbo_sync.captured_object', 'select, insert, update, delete', 'select, delete'),
            ('qbo_sync.webhook_event', 'select, update', 'select, insert, update'),
            ('qbo_sync.poll', 'select, insert, update, delete', 'select'),
            ('qbo_sync.metered_month', 'select, insert, update', 'select'),
            ('qbo_sync.api_call', 'select, insert, delete', 'select, insert'),
            ('qbo_sync.throttle', 'select, insert, update', 'select, insert, update'),
            -- the ledger proof
            ('qbo_sync.ledger_document', 'select, insert, update, delete', 'select'),
            ('qbo_sync.ledger_customer', 'select, insert, update, delete', 'select'),
            ('qbo_sync.ledger_cursor', 'select, insert, update, delete', 'select'),
            ('qbo_sync.reconciliation', 'select, insert, update, delete', 'select'),
            ('qbo_sync.reconciliation_record', 'select, insert, update, delete, maintain', 'select'),
            ('qbo_sync.reconciliation_customer', 'select, insert, update, delete', 'select'),
            ('qbo_sync.reconciliation_difference', 'select, insert, update, delete', 'select'),
            ('qbo_sync.reconciliation_aging', 'select, insert, update, delete', 'select'),
            -- alerts
            ('qbo_sync.alert', 'select, insert, update, delete', 'select'),
            -- views
            ('qbo_sync.action_item', null, 'select'),
            ('qbo_sync.answered_duplicate', 'select', 'select'),
            ('qbo_sync.due_mark', 'select', 'select'),
            ('qbo_sync.error_to_retry', 'select', 'select'),
            ('qbo_sync.held_invoice', 'select', 'select'),
            ('qbo_sync.ledger_balance', 'select', 'select'),
            ('qbo_sync.linked_record', 'select', 'select'),
            ('qbo_sync.orphaned_link', 'select', 'select'),
            ('qbo_sync.pending_mark', 'select', 'select'),
            ('qbo_sync.record_outcome', 'select', 'select'),
            ('qbo_sync.transaction_mark', 'select', 'select'),
            ('qbo_sync.waking_mark', 'select', 'select')
        ) rights (relation, pipeline, page)
    loop
        if given.pipeline is not null then
            execute format('grant %s on %s to pilot_pipeline', given.pipeline, given.relation);
        end if;
        if given.page is not null then
            execute format('grant %s on %s to pilot_page', given.page, given.relation);
        end if;
    end loop;
end
$$;

-- The page locks a payment that it links, without a right to change one.
revoke execute on function qbo_sync.lock_payment(bigint) from public;
grant execute on function qbo_sync.lock_payment(bigint) to pilot_page;
