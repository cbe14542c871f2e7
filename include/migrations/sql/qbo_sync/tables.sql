-- The tables of the sync schema. Their public names are the contract's; how marks work is explained in
-- docs/decisions/0003-change-marks.md.

-- ---------------------------------------------------------------- companies and connections

create table qbo_sync.company (
    realm_id                  text primary key,
    name                      text not null,
    status                    text not null default 'connected'
                              check (status in ('connected', 'reconnect_required', 'disconnected')),
    access_token_encrypted    bytea,
    refresh_token_encrypted   bytea,
    access_token_expires_at   timestamptz,
    refresh_token_expires_at  timestamptz,
    preferences               jsonb not null default '{}',   -- Preferences as last read from QuickBooks
    preferences_read_at       timestamptz,
    warnings                  jsonb not null default '[]',   -- [{code, message, resolution}] about its settings
    created_at                timestamptz not null default now(),
    updated_at                timestamptz not null default now()
);

create table qbo_sync.connection (
    billing_lab_id            bigint primary key,
    realm_id                  text not null references qbo_sync.company (realm_id),
    direction                 text not null default 'both' check (direction in ('lms_to_qbo', 'qbo_to_lms', 'both')),
    sync_invoices             boolean not null default true,
    sync_credits              boolean not null default true,
    sync_payments             boolean not null default true,
    income_account_id         text not null,
    deposit_account_id        text not null,
    receivable_account_id     text,
    discount_account_id       text,
    shipping_account_id       text,
    tax_account_id            text,
    credit_account_id         text,
    sync_start_date           date,
    receives_qbo_transactions boolean not null default false,
    started_at                timestamptz default now(),   -- null: not started yet; its changes are marked, none is due
    hold_invoices             text not null default 'none' check (hold_invoices in ('none', 'days', 'month_end')),
    hold_days                 integer not null default 0 check (hold_days between 0 and 365),
    created_at                timestamptz not null default now(),
    updated_at                timestamptz not null default now()
);
create index on qbo_sync.connection (realm_id);
create unique index one_lab_receives_qbo_transactions on qbo_sync.connection (realm_id)
    where receives_qbo_transactions;

-- The settings of labs that were disconnected: restored when the same lab connects to the same company again.
create table qbo_sync.former_connection (
    billing_lab_id   bigint not null,
    realm_id         text not null references qbo_sync.company (realm_id),
    settings         jsonb not null,       -- the row of qbo_sync.connection
    disconnected_at  timestamptz not null default clock_timestamp(),
    primary key (billing_lab_id, realm_id)
);

-- A login at Intuit that has begun and not ended. Only hashes are kept: whoever reads this table cannot finish it.
create table qbo_sync.oauth_login (
    state_hash      bytea primary key,
    browser_hash    bytea not null,        -- of the random cookie of the browser that began it
    user_id         text not null,         -- the Airflow user who began it
    billing_lab_id  bigint not null,
    sync_start_date date,                  -- chosen before connecting, so that no older invoice is ever sent
    start_at_once   boolean not null default true,  -- else the lab waits, connected, until somebody starts it
    created_at      timestamptz not null default clock_timestamp(),
    expires_at      timestamptz not null
);

-- The company's chart of accounts as last read: what the settings offer, even while QuickBooks does not answer.
create table qbo_sync.company_account (
    realm_id    text not null references qbo_sync.company (realm_id),
    account_id  text not null,
    name        text not null,             -- with its parents: “Income:Lab work”
    type        text not null,             -- AccountType
    subtype     text not null,             -- AccountSubType
    active      boolean not null,
    primary key (realm_id, account_id)
);

create table qbo_sync.company_check (
    realm_id    text primary key references qbo_sync.company (realm_id),
    checked_at  timestamptz not null,
    country     text,
    plan        text,                      -- the QuickBooks subscription
    currency    text
);

-- One row per finding of the company check, kept after it has been resolved.
create table qbo_sync.company_finding (
    realm_id       text not null references qbo_sync.company (realm_id),
    code           text not null,
    subject        text not null default '',   -- which one, where a company can have several (an account's id)
    severity       text not null check (severity in ('problem', 'warning', 'note')),
    message        text not null,          -- what was found
    effect         text not null,          -- what it means for the sync
    resolution     text not null,          -- what to change in QuickBooks
    first_seen_at  timestamptz not null default clock_timestamp(),
    last_seen_at   timestamptz not null default clock_timestamp(),
    resolved_at    timestamptz,
    primary key (realm_id, code, subject)
);

-- ---------------------------------------------------------------- links and bases

create table qbo_sync.entity_link (
    realm_id    text not null references qbo_sync.company (realm_id),
    entity      text not null check (entity in
                    ('billing_account', 'doctor_office', 'product', 'invoice', 'credit', 'payment')),
    lms_id      bigint not null,
    qbo_id      text not null,
    base        jsonb not null default '{}',  -- what both sides last agreed on, in the canonical form of the entity
    -- QuickBooks' version of the record when it was last written or read; null: none that the LMS has followed (it was
    -- linked by hand, or is left alone for its date), so that a change of the settings or the LMS's record compares it.
    sync_token  text,
    version     bigint not null default 1,    -- rises with each change of this row: a plan made on an older one is void
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    primary key (realm_id, entity, lms_id),
    unique (realm_id, entity, qbo_id)
);
-- The view linked_record names records by text: without this index, each look-up of one link reads all of its entity.
create index on qbo_sync.entity_link (realm_id, entity, (lms_id::text));
-- Which payments both sides have agreed to apply to an invoice: looked up for each balance that QuickBooks reports.
create index on qbo_sync.entity_link using gin ((base -> 'applications') jsonb_path_ops) where entity = 'payment';

-- Items that the sync makes for itself and that stand for no product of the LMS: 'Tax' and 'Lab Credit'.
create table qbo_sync.special_item (
    realm_id    text not null references qbo_sync.company (realm_id),
    name        text not null,
    qbo_id      text not null,
    created_at  timestamptz not null default now(),
    primary key (realm_id, name),
    unique (realm_id, qbo_id)
);

-- A credit's applications are one zero-total payment in QuickBooks. The sync made it: it never comes back as a payment.
create table qbo_sync.credit_application_link (
    realm_id    text not null references qbo_sync.company (realm_id),
    credit_id   bigint not null,
    qbo_id      text not null,
    base        jsonb not null default '{}',
    sync_token  text,
    version     bigint not null default 1,
    updated_at  timestamptz not null default now(),
    primary key (realm_id, credit_id),
    unique (realm_id, qbo_id)
);
create index on qbo_sync.credit_application_link using gin ((base -> 'applications') jsonb_path_ops);

-- ---------------------------------------------------------------- changes and marks

-- The raw feed: one row per changed LMS row, written in the LMS's own transaction. It has no unique key on purpose:
-- two LMS transactions never wait for each other here. Rows become visible with the commit that made them, however
-- late, and are deleted when they have been turned into marks, so there is no watermark to get wrong.
create table qbo_sync.lms_change (
    id              bigint generated always as identity primary key,
    entity          text not null,
    lms_id          bigint,            -- null: every record of the entity (TRUNCATE)
    billing_lab_id  bigint,
    changed_at      timestamptz not null default clock_timestamp()
);

-- No generation is given twice: a mark that was deleted and made again is not the one that a slow run still holds.
create sequence qbo_sync.mark_generation;

-- A pending change: one row per record and company that has to be synced. It is deleted in the transaction that records
-- the outcome, and only if `generation` is still the one that was extracted.
create table qbo_sync.change_mark (
    realm_id          text not null references qbo_sync.company (realm_id),
    direction         text not null check (direction in ('lms_to_qbo', 'qbo_to_lms')),
    entity            text not null,
    record_id         text not null,   -- LMS id (lms_to_qbo), QuickBooks id (qbo_to_lms) or a special item's name
    billing_lab_id    bigint,          -- whose settings decide; for shared records: which lab needs it
    generation        bigint not null default nextval('qbo_sync.mark_generation'),
    marked_at         timestamptz not null default clock_timestamp(),
    extracted_at      timestamptz,     -- in flight since then
    extracted_by      text,            -- in which run: dag_id/run_id
    attempt_after     timestamptz,     -- not before
    waits_for_entity  text,            -- not before that record is linked
    waits_for_id      text,
    waits_since       timestamptz,
    -- The generation for which the customers and items that the record needs were marked. Whatever changes which ones
    -- it needs (the account's structure, a moved pair, settings) marks the record anew.
    dependencies_generation  bigint,
    -- A person wants it deleted, however many there are (rule 8.9). Until it is marked anew.
    released          boolean not null default false,
    primary key (realm_id, direction, entity, record_id),
    -- Whoever marks by hand may take a number for an id, which would stop the dispatcher for all companies.
    constraint record_id_is_an_id
        check (direction <> 'lms_to_qbo' or entity = 'special_item' or record_id ~ '^[0-9]{1,18}$')
);
create index on qbo_sync.change_mark (realm_id, waits_for_entity, waits_for_id) where waits_for_entity is not null;
-- Mostly empty, so that asking after each commit costs the same however many marks there are.
create index on qbo_sync.change_mark (realm_id)
    where direction = 'lms_to_qbo' and entity in ('invoice', 'credit', 'doctor_office')
      and dependencies_generation is distinct from generation;

-- Both grow from nothing to many thousand rows in minutes: with old statistics the planner takes them for empty, and
-- finding what is due takes a minute instead of a second.
alter table qbo_sync.change_mark set (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 500);
alter table qbo_sync.entity_link set (autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 500);

-- Invoices that somebody has released from the lab's hold: they go out although their time has not come.
create table qbo_sync.released_invoice (
    invoice_id   bigint primary key,       -- of the LMS
    user_name    text not null,
    released_at  timestamptz not null default clock_timestamp()
);

-- When a run of the DAG last listed what is due. An event trigger that has started a run does not start another one
-- before that run has made its list: it will contain everything.
create table qbo_sync.dag_listing (
    dag_id     text primary key,
    listed_at  timestamptz not null
);

-- A company of which a run has failed. For a while it is worked by tasks of its own, so that it delays no other, and in
-- the Airflow UI its name stands at what fails.
create table qbo_sync.company_trouble (
    realm_id     text primary key references qbo_sync.company (realm_id) on delete cascade,
    since        timestamptz not null default clock_timestamp(),
    failures     integer not null default 1,      -- running, since it last went well
    retry_at     timestamptz,                     -- runs that events or the clock start leave it out until then
    alone_until  timestamptz not null,            -- no task shares it with others until then
    error        text not null,
    dag_id       text not null,                   -- whose run failed last
    shown        boolean not null                 -- a task of its own has failed in Airflow
);

-- ---------------------------------------------------------------- change capture and webhooks

-- How far a company's changes have been read, by QuickBooks' own clock. No row, or `compare_asked_at`: the next capture
-- compares everything, not only what changed.
create table qbo_sync.qbo_cursor (
    realm_id          text primary key references qbo_sync.company (realm_id),
    changed_since     timestamptz not null,        -- the next question
    compare_asked_at  timestamptz,                 -- since then a comparison of everything is requested
    captured_at       timestamptz not null default clock_timestamp()
);

-- When each company is asked next what changed in it, and what that goes by (include/model/polling.py).
create table qbo_sync.poll (
    realm_id      text primary key references qbo_sync.company (realm_id) on delete cascade,
    polled_at     timestamptz,             -- last answer
    poll_after    timestamptz not null default clock_timestamp(),
    changed_at    timestamptz,             -- the last poll that found a change
    surprised_at  timestamptz,             -- the last one that found a change which no webhook had reported
    failures      integer not null default 0,  -- running
    rests_until   timestamptz,             -- it fails, or a task of its own works on it: not asked before
    apart_until   timestamptz,             -- it has failed or was slow: a task of its own asks it until then
    left_by       text                     -- the run that has left it to a task of its own, until that is done
);

-- The metered calls of a month (UTC), counted as far as the log of calls goes: the quota is all companies' together.
create table qbo_sync.metered_month (
    month       date primary key,
    calls       bigint not null default 0,
    polls       bigint not null default 0, -- of these the questions what changed
    proofs      bigint not null default 0, -- and those of the ledger proof
    counted_to  bigint not null default 0  -- qbo_sync.api_call.id
);

-- The last version seen of each record. The questions overlap, and a change that was seen is not marked twice.
create table qbo_sync.qbo_seen (
    realm_id      text not null references qbo_sync.company (realm_id),
    resource      text not null,
    qbo_id        text not null,
    sync_token    text,                            -- null: deleted
    last_updated  timestamptz not null,
    primary key (realm_id, resource, qbo_id)
);

-- What change capture has just read of invoices and payments: for some minutes their runs need not ask for it again
-- (include/model/captured.py). To lose it costs a question.
create unlogged table qbo_sync.captured_object (
    realm_id     text not null references qbo_sync.company (realm_id),
    resource     text not null,
    qbo_id       text not null,
    sync_token   text,                             -- null: deleted
    body         jsonb,                            -- the record as it came; null: deleted
    asked_at     timestamptz not null,             -- by our clock, before QuickBooks was asked
    captured_at  timestamptz not null default clock_timestamp(),
    primary key (realm_id, resource, qbo_id)
);

-- QuickBooks reports by webhook that something has changed in a company. Only that it did is kept, not what it said:
-- the change capture reads QuickBooks itself. An event that comes twice, late, out of order or not at all is harmless.
create table qbo_sync.webhook_event (
    realm_id       text primary key references qbo_sync.company (realm_id),
    received_at    timestamptz not null default clock_timestamp(),  -- the last event
    captured_at    timestamptz,            -- the `received_at` up to which a capture has read
    capture_woken  boolean not null default false  -- a capture was woken and has not finished: no second one is woken
);

-- ---------------------------------------------------------------- staging, outcomes, runs

-- The rows that travel through a run's four tasks. XCom carries only keys and counts.
create table qbo_sync.staged_record (
    dag_id         text not null,       -- the run that has the record in flight
    run_id         text not null,
    realm_id       text not null,       -- the QuickBooks company
    direction      text not null,       -- lms_to_qbo or qbo_to_lms
    entity         text not null,       -- as in change_mark
    record_id      text not null,       -- as in change_mark: the LMS id, the QuickBooks id or a special item's name
    billing_lab_id bigint,              -- as in change_mark: whose settings decide
    generation     bigint not null,     -- the mark's when it was extracted; since then it may have a newer one
    link_version   bigint,              -- the link's version that the plan is made on; null: not linked
    link           jsonb,               -- {qbo_id, base, sync_token, record_id}; null: not linked
    lms            jsonb,               -- canonical form of what the LMS says; null: not there
    qbo            jsonb,               -- canonical form of what QuickBooks says; null: not read, or not there
    context        jsonb,               -- what else the plan needs to know: links, names, numbers, settings
    step           text,                -- what the plan does: create, update, delete, adopt, nothing, wait, fail …
    plan           jsonb,               -- the details of that step
    problems       jsonb not null default '[]',  -- what keeps the record from being synced, as error rows will say it
    outcome        text check (outcome in    -- how it ended; null: not finished
                       ('created', 'updated', 'deleted', 'adopted', 'unchanged', 'waiting', 'failed')),
    extracted_at   timestamptz not null default clock_timestamp(),  -- when the run took it from the marks
    primary key (dag_id, run_id, realm_id, entity, record_id)
);

create table qbo_sync.sync_outcome (
    id              bigint generated always as identity primary key,
    realm_id        text not null,
    direction       text not null,
    entity          text not null,
    record_id       text not null,
    outcome         text not null,
    dag_id          text not null,
    run_id          text not null,
    at              timestamptz not null default clock_timestamp(),
    marked_at       timestamptz,   -- when the change that this outcome ends was marked: at − marked_at is the lag
    billing_lab_id  bigint
);
create index on qbo_sync.sync_outcome (realm_id, direction, entity, record_id, id desc);
create index on qbo_sync.sync_outcome (at);
create index on qbo_sync.sync_outcome (realm_id, at);

create table qbo_sync.sync_run (
    dag_id       text not null,
    run_id       text not null,
    realm_id     text not null,
    extracted    integer not null,
    created      integer not null default 0,
    updated      integer not null default 0,
    deleted      integer not null default 0,
    adopted      integer not null default 0,
    unchanged    integer not null default 0,
    waiting      integer not null default 0,
    failed       integer not null default 0,
    finished_at  timestamptz not null default clock_timestamp(),
    primary key (dag_id, run_id, realm_id),
    check (extracted = created + updated + deleted + adopted + unchanged + waiting + failed)
);

-- The rules of a Great Expectations suite, once for each wording of it; the id is made of them.
create table qbo_sync.validation_suite (
    id            text primary key,
    entity        text not null,
    side          text not null,         -- the side that is written: lms or qbo
    rules         jsonb not null         -- [{rule, expectation, fails_when}], in the order in which they are told
);

-- What the task validate of a run found. Kept as long as the run's staged rows are.
create table qbo_sync.validation_result (
    dag_id        text not null,
    run_id        text not null,
    realm_id      text not null,
    entity        text not null,
    suite_id      text not null references qbo_sync.validation_suite (id),
    checked       integer not null,
    set_aside     integer not null,      -- failed one rule or several
    failed_rules  jsonb not null,        -- rule → {failed, records}: how many failed it, and the first of their ids
    checked_at    timestamptz not null default clock_timestamp(),
    primary key (dag_id, run_id, realm_id, entity),
    check (set_aside between 0 and checked)
);
create index on qbo_sync.validation_result (checked_at);

-- ---------------------------------------------------------------- previews

-- What a sync would do, planned and not carried out: of one DAG's run, or of all that a lab or company has to sync.
create table qbo_sync.preview (
    id              bigint generated always as identity primary key,
    realm_id        text not null references qbo_sync.company (realm_id),
    billing_lab_id  bigint,                -- null: the whole company
    dag_id          text not null,
    run_id          text not null,
    made_at         timestamptz not null default clock_timestamp(),
    calls           integer not null,      -- requests to QuickBooks that it took
    unchanged       integer not null,      -- records with nothing to do, which have no row of their own
    unique (dag_id, run_id, realm_id)
);
create index on qbo_sync.preview (realm_id, made_at);

create table qbo_sync.preview_record (
    preview_id      bigint not null references qbo_sync.preview (id) on delete cascade,
    position        integer not null,      -- in the order in which they would be carried out
    billing_lab_id  bigint,
    entity          text not null,
    side            text not null check (side in ('lms', 'qbo')),   -- which would be written
    step            text not null check (step in ('create', 'update', 'delete', 'adopt', 'wait', 'fail')),
    cause           text not null,
    lms_id          text,                  -- null: it would get one
    qbo_id          text,
    number          text,                  -- an invoice's number, the name of a customer or item
    customer        text,
    dated           date,
    amount          numeric,               -- after the step; of a delete, before it
    waits_for       text,                  -- what has to be synced first, in words
    waits_until     timestamptz,           -- when the lab lets a held invoice go
    error_code      text,                  -- why it fails, or what a person should know although it is done
    message         text,
    resolution      text,
    candidates      jsonb not null default '[]',   -- of which one has to be chosen: [words]
    primary key (preview_id, position)
);

-- ---------------------------------------------------------------- writes to QuickBooks: intent first

-- One HTTP request that writes, committed before it goes out. Its id is the requestid that QuickBooks sees.
create table qbo_sync.write_request (
    request_id  text primary key,
    realm_id    text not null references qbo_sync.company (realm_id),
    created_at  timestamptz not null default clock_timestamp(),
    sent_at     timestamptz not null default clock_timestamp()  -- the last time
);

create table qbo_sync.write_intent (
    id            bigint generated by default as identity primary key,
    request_id    text not null references qbo_sync.write_request (request_id) on delete cascade
                  deferrable initially deferred,
    position      integer not null,
    realm_id      text not null,
    entity        text not null,
    record_id     text not null,
    billing_lab_id bigint,
    generation    bigint not null,
    operation     text not null check (operation in ('create', 'update', 'delete')),
    resource      text not null,          -- QuickBooks' name of the entity
    payload       jsonb not null,         -- the body as sent
    base          jsonb not null,         -- the canonical form that both sides agree on once this is done
    before        jsonb,                  -- what QuickBooks had, as far as known; null: a create
    customer_id   text,                   -- QuickBooks' customer that a transaction is for
    undo_of       bigint,                 -- the entry of the audit that this write takes back
    beside        jsonb,                  -- the write to a payment in its way that is under way, or that one was done
    unique (realm_id, entity, record_id)  -- at most one write of a record is in flight
);
create index on qbo_sync.write_intent (request_id);

-- Creates that QuickBooks answered with a fault and may have done all the same: before they are sent again, what
-- QuickBooks has created since is searched for them.
create table qbo_sync.unconfirmed_create (
    realm_id   text not null,
    entity     text not null,
    record_id  text not null,
    sent_after timestamptz not null,
    answered_at timestamptz not null default clock_timestamp(),   -- with the fault, the last time
    payload    jsonb,   -- the body as it was last sent; null: nobody knows (the database was restored)
    base       jsonb,   -- what both sides agree on if QuickBooks has made that
    primary key (realm_id, entity, record_id)
);

-- Which database the runs have worked on so far: after a restore it is another one.
create table qbo_sync.database_identity (
    only_row   boolean primary key default true check (only_row),
    identity   text not null,
    noticed_at timestamptz not null default clock_timestamp()
);

-- Payments of both sides that may be the same money, until somebody links them or keeps both (rule 9). QuickBooks'
-- payment waits meanwhile.
create table qbo_sync.possible_duplicate (
    realm_id      text not null,
    lms_id        bigint not null,
    qbo_id        text not null,
    detail        jsonb not null,          -- QuickBooks' payment as it was seen
    kept_both_at  timestamptz,             -- they are two
    primary key (realm_id, lms_id, qbo_id)
);

-- An audit row per API call.
create table qbo_sync.api_call (
    id           bigint generated always as identity primary key,
    at           timestamptz not null default clock_timestamp(),
    realm_id     text not null,
    dag_id       text,
    run_id       text,
    operation    text not null,           -- query, read, create, update, delete, batch, cdc, token
    resource     text,
    items        integer not null default 1,
    metered      boolean not null,        -- counts against the CorePlus quota
    status       integer,                 -- HTTP status; null: no answer
    fault_code   text,
    intuit_tid   text,
    request_id   text,
    duration_ms  integer not null
);
create index on qbo_sync.api_call (realm_id, at);
create index on qbo_sync.api_call (request_id) where request_id is not null;

-- ---------------------------------------------------------------- the audit: every write to either side

-- One row per record written, in the transaction that settles it (docs/decisions/0024-audit.md). Never a token, never a
-- secret. What QuickBooks said of the request is copied, because qbo_sync.api_call is kept for a shorter time.
create table qbo_sync.audit_entry (
    id               bigint generated by default as identity primary key,
    at               timestamptz not null default clock_timestamp(),
    side             text not null check (side in ('lms', 'qbo')),   -- which one was written, or was to be
    realm_id         text not null,
    billing_lab_id   bigint,
    entity           text not null,     -- as in change_mark
    lms_id           bigint,            -- null for special items
    qbo_id           text,
    document_number  text,              -- of customers and items their name
    customer         text,              -- as it was called then
    amount           numeric,
    operation        text not null check (operation in ('create', 'update', 'delete', 'adopt', 'link', 'unlink')),
    before           jsonb,             -- canonical form of the entity; null: it was not there, or is not known
    after            jsonb,             -- null: it is not there any more
    base             jsonb,             -- of a write to the LMS: what both sides had agreed on before it
    sync_token       text,              -- QuickBooks' version after the write; null: a delete, or not told
    dag_id           text,              -- null: a person's link
    run_id           text,
    request_id       text,              -- of the write to QuickBooks
    intuit_tid       text,
    http_status      integer,
    duration_ms      integer,
    undo_of          bigint             -- the entry that this one takes back
);
create index on qbo_sync.audit_entry (dag_id, run_id, id);
create index on qbo_sync.audit_entry (entity, lms_id, id);
create index on qbo_sync.audit_entry (entity, qbo_id, id);
create index on qbo_sync.audit_entry (at);
create index on qbo_sync.audit_entry (amount);
create index on qbo_sync.audit_entry (lower(document_number) text_pattern_ops);

-- Each row of the LMS that the pipeline wrote, by trigger, as it was and as it is. The pipeline cannot write the LMS
-- without the entry that each row belongs to.
create table qbo_sync.audit_row (
    id          bigint generated always as identity primary key,
    entry_id    bigint not null references qbo_sync.audit_entry (id) on delete cascade deferrable initially deferred,
    table_name  text not null,     -- without its schema
    entity      text not null,     -- the record that the row is a part of, as the change feed names it
    lms_id      bigint not null,
    before      jsonb,             -- the row; null: inserted
    after       jsonb              -- null: deleted
);
create index on qbo_sync.audit_row (entry_id);
create index on qbo_sync.audit_row (entity, lms_id);

-- ---------------------------------------------------------------- undo of a run

-- What is to be taken back of a run (docs/decisions/0025-undo.md): a preview until a run of undo_run carries it out.
create table qbo_sync.undo (
    id            bigint generated always as identity primary key,
    realm_id      text not null references qbo_sync.company (realm_id),
    dag_id        text not null,            -- the run that is undone
    run_id        text not null,
    by_run        text not null,            -- the run of undo_run
    asked_by      text not null,
    confirmed     boolean not null,         -- false: a preview
    made_at       timestamptz not null default clock_timestamp(),
    finished_at   timestamptz,
    unique (by_run, realm_id)
);
create index on qbo_sync.undo (dag_id, run_id);

-- One record of it: all that the run wrote of a record on one side.
create table qbo_sync.undo_record (
    undo_id       bigint not null references qbo_sync.undo (id) on delete cascade,
    entry_id      bigint not null,          -- the run's last entry of the record in qbo_sync.audit_entry
    seen          jsonb not null default '{}',  -- what is so now, as far as the plan needs it
    action        text check (action in ('create', 'update', 'delete', 'unlink', 'rows', 'leave')),
    reason        text,                     -- why it is left, for people
    done_at       timestamptz,
    primary key (undo_id, entry_id)
);

-- The request budget of a company, shared by all workers: the reserved moments of the last requests, per bucket.
create table qbo_sync.throttle (
    realm_id  text not null,
    bucket    text not null,
    slots     timestamptz[] not null,   -- oldest first, at most the bucket's limit
    primary key (realm_id, bucket)
);

-- ---------------------------------------------------------------- sync errors

create table qbo_sync.sync_error (
    id               bigint generated always as identity primary key,
    billing_lab_id   bigint,
    realm_id         text not null,
    entity           text not null,
    direction        text not null check (direction in ('lms_to_qbo', 'qbo_to_lms')),
    operation        text not null check (operation in ('create', 'update', 'delete')),
    lms_id           bigint,
    qbo_id           text,
    document_number  text,
    error_code       text not null,
    message          text not null,
    resolution       text not null,
    detail           jsonb not null default '{}',
    status           text not null default 'open' check (status in ('open', 'resolved', 'ignored')),
    attempts         integer not null default 1,
    first_seen_at    timestamptz not null default clock_timestamp(),
    last_seen_at     timestamptz not null default clock_timestamp(),
    resolved_at      timestamptz,
    retry_at         timestamptz,          -- retried automatically then; null: only when something changes
    -- Retried as soon as one of these changes: 'Invoice:145' in QuickBooks, 'Deposit' (any) there, 'Preferences' (the
    -- company's settings), 'lms.invoice:12' in the LMS.
    causes           text[] not null default '{}',
    dag_id           text,
    run_id           text,
    task_id          text,
    -- The record as marks name it: special items are 'special_item' there and 'product' to the public.
    record_entity    text not null,
    record_id        text not null
);
create unique index one_error_per_record on qbo_sync.sync_error (realm_id, direction, record_entity, record_id);
create index on qbo_sync.sync_error (status, retry_at);
create index on qbo_sync.sync_error (realm_id, error_code) where status = 'open';
create index on qbo_sync.sync_error using gin (causes) where status = 'open';

-- The last retry of an error that somebody asked for, so that the page can say what became of it.
create table qbo_sync.error_retry (
    sync_error_id  bigint primary key references qbo_sync.sync_error (id) on delete cascade,
    asked_at       timestamptz not null default clock_timestamp(),
    user_name      text not null,
    dag_id         text,
    run_id         text
);

-- Customers of QuickBooks whose transactions are never synced to the LMS.
create table qbo_sync.ignored_customer (
    realm_id    text not null references qbo_sync.company (realm_id),
    qbo_id      text not null,
    name        text not null,
    reason      text not null,
    user_name   text not null,
    created_at  timestamptz not null default clock_timestamp(),
    primary key (realm_id, qbo_id)
);

-- Records that are not synced until somebody asks for it (function sync_again): their delete was refused, or what a run
-- did with them was taken back. One row per record; written by the function leave_alone.
create table qbo_sync.left_alone (
    realm_id    text not null references qbo_sync.company (realm_id),
    entity      text not null,              -- as in change_mark
    lms_id      bigint,
    qbo_id      text,
    -- A refused delete: the side that has lost the record. Is it there again, the record is synced again by itself.
    -- Null: left alone whatever happens to it.
    gone_from   text check (gone_from in ('lms', 'qbo')),
    reason      text not null,              -- for people
    user_name   text not null,
    created_at  timestamptz not null default clock_timestamp(),
    check (lms_id is not null or qbo_id is not null)
);
create unique index left_alone_by_lms_id on qbo_sync.left_alone (realm_id, entity, lms_id) where lms_id is not null;
create unique index left_alone_by_qbo_id on qbo_sync.left_alone (realm_id, entity, qbo_id) where qbo_id is not null;

-- ---------------------------------------------------------------- ledger proof

-- QuickBooks' side of the ledger as last read: what the proof compares with, and goes on from (0019).
create table qbo_sync.ledger_document (
    realm_id      text not null references qbo_sync.company (realm_id),
    entity        text not null check (entity in ('invoice', 'credit', 'payment')),
    qbo_id        text not null,
    customer_id   text,
    number        text,
    dated         date,
    due           date,
    amount        numeric(14,2) not null,
    open          numeric(14,2) not null,              -- an invoice's balance; what of a credit or payment is not applied
    applied       jsonb not null default '{}',         -- of a payment: QuickBooks' invoice id → amount
    sync_token    text,
    last_updated  timestamptz not null,
    deleted       boolean not null default false,      -- kept for a while: a delete may not have reached the LMS yet
    read_by       bigint not null,                     -- the reconciliation that read it last
    primary key (realm_id, entity, qbo_id)
);

create table qbo_sync.ledger_customer (
    realm_id     text not null references qbo_sync.company (realm_id),
    qbo_id       text not null,
    name         text not null,                        -- with its parents: “Cedar Grove:Dr. Raman”
    parent_id    text,
    balance      numeric(14,2) not null,               -- QuickBooks' own figure, without sub-customers
    other        numeric(14,2) not null default 0,     -- what of it no invoice, credit memo or payment explains
    read_by      bigint not null,
    primary key (realm_id, qbo_id)
);

-- How far QuickBooks' side has been read, by QuickBooks' own clock. No row: the next proof reads everything.
create table qbo_sync.ledger_cursor (
    realm_id       text primary key references qbo_sync.company (realm_id),
    changed_since  timestamptz not null,
    read_fully_at  timestamptz not null
);

-- One proof of one company: kept, so that a month's proof can be shown later.
create table qbo_sync.reconciliation (
    id           bigint generated always as identity primary key,
    realm_id     text not null references qbo_sync.company (realm_id),
    dag_id       text not null,
    run_id       text not null,
    as_of        date not null default (now() at time zone 'utc')::date,
    started_at   timestamptz not null default clock_timestamp(),
    finished_at  timestamptz,                          -- null: under way, or it stopped
    state        text check (state in ('equal', 'explained', 'differs', 'failed')),
    reads        integer not null default 0,           -- requests to QuickBooks
    read_fully   boolean not null default false,
    read_reason  text,                                 -- why everything was read, if it was
    compared     integer not null default 0,           -- records
    control      jsonb not null default '{}',          -- totals read on another way, which the customers must come to
    validation   jsonb,                                -- what Great Expectations found
    unique (dag_id, run_id, realm_id)
);
create index on qbo_sync.reconciliation (realm_id, finished_at);

-- The records of a proof that is under way, both sides in one row; deleted when it is finished.
create table qbo_sync.reconciliation_record (
    reconciliation_id  bigint not null references qbo_sync.reconciliation (id) on delete cascade,
    entity             text not null,
    lms_id             bigint,
    qbo_id             text,
    linked             boolean not null,
    billing_lab_id     bigint,
    number             text,
    lms_customer       text,                           -- QuickBooks' id of the customer, or its LMS name (entity:id)
    qbo_customer       text,
    lms_dated          date,
    qbo_dated          date,
    lms_due            date,
    qbo_due            date,
    lms_amount         numeric(14,2),                  -- null: not there
    lms_open           numeric(14,2),
    lms_applied        jsonb,
    qbo_amount         numeric(14,2),
    qbo_open           numeric(14,2),
    qbo_applied        jsonb,
    sync_token         text,
    qbo_updated_at     timestamptz,
    settled_at         timestamptz                     -- the last change of the LMS record or its link
);
create index on qbo_sync.reconciliation_record (reconciliation_id);

-- Both sides per lab and customer. Dollars; `qbo_other` is what no invoice, credit memo or payment explains.
create table qbo_sync.reconciliation_customer (
    reconciliation_id  bigint not null references qbo_sync.reconciliation (id) on delete cascade,
    billing_lab_id     bigint,                         -- null: of no lab
    customer           text not null,
    name               text not null,
    parent             text,                           -- the main customer's name, of a sub-customer
    lms_invoices       numeric(14,2) not null,
    lms_invoices_open  numeric(14,2) not null,
    lms_credits        numeric(14,2) not null,
    lms_credits_open   numeric(14,2) not null,
    lms_payments       numeric(14,2) not null,
    lms_payments_open  numeric(14,2) not null,
    qbo_invoices       numeric(14,2) not null,
    qbo_invoices_open  numeric(14,2) not null,
    qbo_credits        numeric(14,2) not null,
    qbo_credits_open   numeric(14,2) not null,
    qbo_payments       numeric(14,2) not null,
    qbo_payments_open  numeric(14,2) not null,
    qbo_other          numeric(14,2) not null,
    differences        integer not null,               -- records
    unexplained        integer not null,
    unique nulls not distinct (reconciliation_id, billing_lab_id, customer)
);

-- The records that explain each gap. A customer's gap is what they differ by, to the cent.
create table qbo_sync.reconciliation_difference (
    id                 bigint generated always as identity primary key,
    reconciliation_id  bigint not null references qbo_sync.reconciliation (id) on delete cascade,
    billing_lab_id     bigint,
    entity             text not null,                  -- invoice, credit, payment, other
    lms_id             bigint,
    qbo_id             text,
    number             text,
    dated              date,
    lms_customer       text,                           -- null: not in the LMS
    qbo_customer       text,                           -- null: not in QuickBooks
    lms_amount         numeric(14,2) not null,
    lms_open           numeric(14,2) not null,
    qbo_amount         numeric(14,2) not null,
    qbo_open           numeric(14,2) not null,
    cause              text not null,
    explained          boolean not null,
    reason             text not null,                  -- in words
    what_to_do         text not null,
    fix                text check (fix in ('compare', 'link')),
    sync_error_id      bigint
);
create index on qbo_sync.reconciliation_difference (reconciliation_id);

-- Open receivables by days past due. Dollars.
create table qbo_sync.reconciliation_aging (
    reconciliation_id  bigint not null references qbo_sync.reconciliation (id) on delete cascade,
    billing_lab_id     bigint,
    bucket             text not null check (bucket in ('current', '1-30', '31-60', '61-90', 'over-90')),
    lms                numeric(14,2) not null,
    qbo                numeric(14,2) not null,
    unique nulls not distinct (reconciliation_id, billing_lab_id, bucket)
);

-- ---------------------------------------------------------------- what people did on the page

-- Who changed what, when. Never a token, never a secret.
create table qbo_sync.page_change (
    id              bigint generated always as identity primary key,
    at              timestamptz not null default clock_timestamp(),
    user_name       text not null,
    action          text not null,         -- connect, disconnect, settings, retry, ignore, link, …
    billing_lab_id  bigint,
    realm_id        text,
    sync_error_id   bigint,
    detail          jsonb not null default '{}'
);
create index on qbo_sync.page_change (at);
create index on qbo_sync.page_change (sync_error_id) where sync_error_id is not null;

-- Who has a lab's settings is a lab of the LMS, whichever table it keeps them in.
do $$
declare
    labs regclass := qbo_sync.table_behind('lms.billing_lab');
begin
    execute format('alter table qbo_sync.connection add foreign key (billing_lab_id) references %s (id)', labs);
    execute format('alter table qbo_sync.former_connection add foreign key (billing_lab_id) references %s (id) '
                   'on delete cascade', labs);
    execute format('alter table qbo_sync.oauth_login add foreign key (billing_lab_id) references %s (id) '
                   'on delete cascade', labs);
end
$$;
-- ---------------------------------------------------------------- alerts

-- One row per cause that a person should know of, from when it was found until it is over (docs/decisions/0036-alerts.md).
-- The words hold no secret, and of records only counts.
create table qbo_sync.alert (
    id                bigint generated always as identity primary key,
    kind              text not null,          -- include/alerts/causes.py
    realm_id          text,                   -- null: of no one company
    subject           text not null,          -- which one, where a company can have several
    since             timestamptz not null,
    title             text not null,
    message           text not null,
    over_message      text not null,
    found_at          timestamptz not null default clock_timestamp(),
    over_at           timestamptz,
    told              text[] not null default '{}',  -- the services that know of it
    told_over         text[] not null default '{}',  -- and those that know that it is over
    notified_at       timestamptz,            -- all have been told
    over_notified_at  timestamptz
);
create unique index one_open_alert_per_cause on qbo_sync.alert (kind, realm_id, subject) nulls not distinct
    where over_at is null;
create index on qbo_sync.alert (over_at);
