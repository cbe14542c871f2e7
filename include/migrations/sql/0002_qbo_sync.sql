-- The sync schema: companies and connections, links and bases, change marks, staging, outcomes, sync errors.
-- Its names are the contract's; how marks work is explained in docs/decisions/0003-change-marks.md.

create schema if not exists qbo_sync;

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
    warnings                  jsonb not null default '[]',   -- [{code, message, resolution}] about the company's settings
    created_at                timestamptz not null default now(),
    updated_at                timestamptz not null default now()
);

create table qbo_sync.connection (
    billing_lab_id            bigint primary key references lms.billing_lab (id),
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
    created_at                timestamptz not null default now(),
    updated_at                timestamptz not null default now()
);
create index on qbo_sync.connection (realm_id);
create unique index one_lab_receives_qbo_transactions on qbo_sync.connection (realm_id)
    where receives_qbo_transactions;

-- ---------------------------------------------------------------- links and bases

create table qbo_sync.entity_link (
    realm_id    text not null references qbo_sync.company (realm_id),
    entity      text not null check (entity in
                    ('billing_account', 'doctor_office', 'product', 'invoice', 'credit', 'payment')),
    lms_id      bigint not null,
    qbo_id      text not null,
    base        jsonb not null default '{}',  -- what both sides last agreed on, in the canonical form of the entity
    sync_token  text,                         -- QuickBooks' version of the record when it was last written or read
    version     bigint not null default 1,    -- rises with each change of this row: a plan made on an older one is void
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    primary key (realm_id, entity, lms_id),
    unique (realm_id, entity, qbo_id)
);

-- Items of ours that stand for no product of the LMS: 'Tax' and 'Lab Credit'.
create table qbo_sync.special_item (
    realm_id    text not null references qbo_sync.company (realm_id),
    name        text not null,
    qbo_id      text not null,
    created_at  timestamptz not null default now(),
    primary key (realm_id, name),
    unique (realm_id, qbo_id)
);

-- linked_record names records by text: without this, every look at one link reads all links of its entity.
create index on qbo_sync.entity_link (realm_id, entity, (lms_id::text));

-- A credit's applications are one zero-total payment in QuickBooks. It is ours: it never comes back as a payment.
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

create view qbo_sync.linked_record as
    select realm_id, entity, lms_id::text as record_id, qbo_id, base, sync_token, version from qbo_sync.entity_link
    union all
    select realm_id, 'special_item', name, qbo_id, '{}'::jsonb, null, 1 from qbo_sync.special_item
    union all
    select realm_id, 'credit_application', credit_id::text, qbo_id, base, sync_token, version
      from qbo_sync.credit_application_link;

-- ---------------------------------------------------------------- what to look at again

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

-- No generation is given twice: a mark that went and came back is not the one that a slow run still has in hand.
create sequence qbo_sync.mark_generation;

-- One row per record and company that has to be looked at. It goes in the transaction that records the outcome, and
-- only if `generation` is still the one that was extracted.
create table qbo_sync.change_mark (
    realm_id          text not null references qbo_sync.company (realm_id),
    direction         text not null check (direction in ('lms_to_qbo', 'qbo_to_lms')),
    entity            text not null,
    record_id         text not null,   -- the LMS id (lms_to_qbo), the QuickBooks id (qbo_to_lms) or a special item's name
    billing_lab_id    bigint,          -- whose settings decide; for shared records: who needs it
    generation        bigint not null default nextval('qbo_sync.mark_generation'),
    marked_at         timestamptz not null default clock_timestamp(),
    extracted_at      timestamptz,     -- a run has it in hand since then
    extracted_by      text,            -- that run: dag_id/run_id
    attempt_after     timestamptz,     -- not before
    waits_for_entity  text,            -- not before that record is linked
    waits_for_id      text,
    waits_since       timestamptz,
    primary key (realm_id, direction, entity, record_id)
);
create index on qbo_sync.change_mark (realm_id, waits_for_entity, waits_for_id) where waits_for_entity is not null;

-- Both grow from nothing to many thousand rows in minutes: with old statistics the planner takes them for empty, and
-- finding what is due takes a minute instead of a second.
alter table qbo_sync.change_mark set (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 500);
alter table qbo_sync.entity_link set (autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 500);

-- ---------------------------------------------------------------- staging and outcomes

-- The rows that travel through a run's four tasks. XCom carries only keys and counts.
create table qbo_sync.staged_record (
    dag_id        text not null,
    run_id        text not null,
    realm_id      text not null,
    direction     text not null,
    entity        text not null,
    record_id     text not null,
    billing_lab_id bigint,
    generation    bigint not null,
    link_version  bigint,              -- entity_link.version that the plan is made on; null: not linked
    link          jsonb,               -- {qbo_id, base, sync_token}
    lms           jsonb,               -- canonical form of what the LMS says; null: not there
    qbo           jsonb,               -- what was observed in QuickBooks, as far as the plan needs it
    action        text,                -- create, update, delete, adopt, nothing, wait, fail
    plan          jsonb,               -- the action's details
    problems      jsonb not null default '[]',
    outcome       text check (outcome in
                      ('created', 'updated', 'deleted', 'adopted', 'unchanged', 'waiting', 'failed')),
    extracted_at  timestamptz not null default clock_timestamp(),
    primary key (dag_id, run_id, realm_id, entity, record_id)
);

create table qbo_sync.sync_outcome (
    id          bigint generated always as identity primary key,
    realm_id    text not null,
    direction   text not null,
    entity      text not null,
    record_id   text not null,
    outcome     text not null,
    dag_id      text not null,
    run_id      text not null,
    at          timestamptz not null default clock_timestamp()
);
create index on qbo_sync.sync_outcome (realm_id, direction, entity, record_id, id desc);
create index on qbo_sync.sync_outcome (at);

-- Where each record stands: its last outcome; where that is 'unchanged', what was last done to it before, if anything.
create view qbo_sync.record_outcome as
    select l.realm_id, l.direction, l.entity, l.record_id,
           coalesce(case when l.outcome = 'unchanged' then d.outcome end, l.outcome) as outcome,
           l.dag_id, l.run_id, l.at
      from (select distinct on (realm_id, direction, entity, record_id) *
              from qbo_sync.sync_outcome order by realm_id, direction, entity, record_id, id desc) l
      left join lateral (
          select o.outcome from qbo_sync.sync_outcome o
           where o.realm_id = l.realm_id and o.direction = l.direction and o.entity = l.entity
             and o.record_id = l.record_id and o.outcome in ('created', 'updated', 'deleted', 'adopted')
           order by o.id desc limit 1) d on true;

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

-- ---------------------------------------------------------------- writes to QuickBooks: intent first

-- One HTTP request that writes, committed before it goes out. Its id is the requestid that QuickBooks sees.
create table qbo_sync.write_request (
    request_id  text primary key,
    realm_id    text not null references qbo_sync.company (realm_id),
    created_at  timestamptz not null default clock_timestamp()
);

create table qbo_sync.write_intent (
    id            bigint generated always as identity primary key,
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
    base          jsonb not null,         -- the canonical form that both agree on once this is done
    unique (realm_id, entity, record_id)  -- at most one write of a record is under way
);
create index on qbo_sync.write_intent (request_id);

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

-- The request budget of a company, shared by all workers: the reserved moments of the last requests, per bucket.
create table qbo_sync.throttle (
    realm_id  text not null,
    bucket    text not null,
    slots     timestamptz[] not null,   -- oldest first, at most the bucket's limit
    primary key (realm_id, bucket)
);

-- Reserves the next moment at which at most p_limit requests fall into any window, and answers the seconds until then.
create function qbo_sync.reserve(p_realm_id text, p_bucket text, p_limit integer, p_window interval)
returns double precision language plpgsql as $$
declare
    taken timestamptz[];
    slot timestamptz;
begin
    insert into qbo_sync.throttle values (p_realm_id, p_bucket, '{}') on conflict do nothing;
    select t.slots into taken from qbo_sync.throttle t
     where t.realm_id = p_realm_id and t.bucket = p_bucket for update;
    slot := greatest(clock_timestamp(), taken[cardinality(taken)]);
    if cardinality(taken) >= p_limit then
        slot := greatest(slot, taken[cardinality(taken) - p_limit + 1] + p_window);
    end if;
    taken := taken || slot;
    update qbo_sync.throttle t set slots = taken[greatest(1, cardinality(taken) - p_limit + 1):]
     where t.realm_id = p_realm_id and t.bucket = p_bucket;
    return greatest(0, extract(epoch from slot - clock_timestamp()));
end
$$;

-- After a 429 nobody sends before the pause is over: the next reservation comes after the last moment kept here.
create function qbo_sync.pause_throttle(p_realm_id text, p_pause interval) returns void language sql as $$
    update qbo_sync.throttle set slots = slots || (clock_timestamp() + p_pause)
     where realm_id = p_realm_id and bucket = 'request'
$$;

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
    retry_at         timestamptz,          -- tried again then by itself; null: only when something changes
    dag_id           text,
    run_id           text,
    task_id          text,
    -- The record as marks name it: special items are 'special_item' there and 'product' to the public.
    record_entity    text not null,
    record_id        text not null
);
create unique index one_error_per_record on qbo_sync.sync_error (realm_id, direction, record_entity, record_id);
create index on qbo_sync.sync_error (status, retry_at);

create view qbo_sync.action_item as
    select e.*, l.name as billing_lab_name
      from qbo_sync.sync_error e
      left join lms.billing_lab l on l.id = e.billing_lab_id
     where e.status = 'open'
     order by e.last_seen_at desc, e.id desc;

-- ---------------------------------------------------------------- what is due

-- A mark is due when its company is connected, its lab's settings let it flow, its time has come, and what it waits
-- for is linked. What a setting switches off stays marked: switched on again, it is synced. Below every wake-up lies a
-- net: after an hour of waiting the record is looked at again, whatever it waits for. A record whose lab nobody knows
-- any more (TRUNCATE) goes by the settings of any lab of its company.
create view qbo_sync.due_mark as
    select m.*
      from qbo_sync.change_mark m
      join qbo_sync.company c on c.realm_id = m.realm_id and c.status = 'connected'
     where (m.attempt_after is null or m.attempt_after <= clock_timestamp())
       and (m.waits_for_entity is null
            or exists (select 1 from qbo_sync.linked_record l
                        where l.realm_id = m.realm_id and l.entity = m.waits_for_entity
                          and l.record_id = m.waits_for_id)
            or m.waits_since < clock_timestamp() - interval '1 hour')
       and exists (select 1 from qbo_sync.connection n
                    where n.realm_id = m.realm_id
                      and n.direction in (m.direction, 'both')
                      and (m.entity in ('billing_account', 'doctor_office', 'product', 'special_item')
                           or (n.billing_lab_id = coalesce(m.billing_lab_id, n.billing_lab_id)
                               and case m.entity when 'invoice' then n.sync_invoices
                                                 when 'payment' then n.sync_payments
                                                 else n.sync_credits end)));

-- What no run has in hand. A run that has held a mark for two minutes may be dead; should it be alive, its plan and a
-- second one cannot both be carried out.
create view qbo_sync.pending_mark as
    select * from qbo_sync.due_mark
     where extracted_at is null or extracted_at < clock_timestamp() - interval '2 minutes';

create function qbo_sync.mark(p_realm_id text, p_direction text, p_entity text, p_record_id text,
                              p_billing_lab_id bigint) returns void language sql as $$
    insert into qbo_sync.change_mark as m (realm_id, direction, entity, record_id, billing_lab_id)
    values (p_realm_id, p_direction, p_entity, p_record_id, p_billing_lab_id)
    on conflict (realm_id, direction, entity, record_id) do update
       set generation = excluded.generation, marked_at = clock_timestamp(), extracted_at = null,
           attempt_after = null, waits_for_entity = null, waits_for_id = null, waits_since = null,
           billing_lab_id = coalesce(excluded.billing_lab_id, m.billing_lab_id)
$$;

-- Marked transactions with the account and pair that decide on their customer.
create view qbo_sync.marked_transaction as
    select m.*, t.billing_account_id, t.doctor_office_id
      from (select 'invoice' as entity, id, billing_account_id, doctor_office_id from lms.invoice
            union all
            select 'credit', id, billing_account_id, doctor_office_id from lms.credit
            union all
            select 'payment', id, billing_account_id, doctor_office_id from lms.payment) t
     cross join qbo_sync.company c
      join qbo_sync.change_mark m on m.realm_id = c.realm_id and m.direction = 'lms_to_qbo' and m.entity = t.entity
                                 and m.record_id = t.id::text;

-- Does the sync have anything to do with this record in this company?
create function qbo_sync.is_known(p_realm_id text, p_entity text, p_record_id text) returns boolean
language sql stable as $$
    select exists (select 1 from qbo_sync.linked_record
                    where realm_id = p_realm_id and entity = p_entity and record_id = p_record_id)
        or exists (select 1 from qbo_sync.change_mark
                    where realm_id = p_realm_id and entity = p_entity and record_id = p_record_id)
        or exists (select 1 from qbo_sync.sync_error
                    where realm_id = p_realm_id and record_entity = p_entity and record_id = p_record_id
                      and status in ('open', 'ignored'))
$$;

-- A changed record of the LMS, as marks in the companies that it concerns.
create function qbo_sync.dispatch_change(change qbo_sync.lms_change) returns void language plpgsql as $$
begin
    if change.entity in ('invoice', 'credit', 'payment') then
        perform qbo_sync.mark(n.realm_id, 'lms_to_qbo', change.entity, change.lms_id::text, n.billing_lab_id)
           from qbo_sync.connection n
          where n.billing_lab_id = change.billing_lab_id;
        if change.entity = 'credit' then  -- its applications are a record of their own in QuickBooks
            perform qbo_sync.mark(n.realm_id, 'lms_to_qbo', 'credit_application', change.lms_id::text, n.billing_lab_id)
               from qbo_sync.connection n
              where n.billing_lab_id = change.billing_lab_id;
        end if;
        -- a record that has left its lab: whoever has the link looks at it
        perform qbo_sync.mark(l.realm_id, 'lms_to_qbo', l.entity, l.lms_id::text, change.billing_lab_id)
           from qbo_sync.entity_link l
          where l.entity = change.entity and l.lms_id = change.lms_id
            and not exists (select 1 from qbo_sync.connection n
                             where n.billing_lab_id = change.billing_lab_id and n.realm_id = l.realm_id);
    elsif change.entity = 'product' then
        perform qbo_sync.mark(c.realm_id, 'lms_to_qbo', 'product', change.lms_id::text, null)
           from qbo_sync.company c
          where qbo_sync.is_known(c.realm_id, 'product', change.lms_id::text);
    elsif change.entity = 'billing_account' then
        perform qbo_sync.mark(c.realm_id, 'lms_to_qbo', 'billing_account', change.lms_id::text, null)
           from qbo_sync.company c
          where qbo_sync.is_known(c.realm_id, 'billing_account', change.lms_id::text);
        -- combined to detailed: its pairs get sub-customers
        perform qbo_sync.mark(c.realm_id, 'lms_to_qbo', 'doctor_office', o.id::text, null)
           from qbo_sync.company c, lms.doctor_office o
          where o.billing_account_id = change.lms_id
            and qbo_sync.is_known(c.realm_id, 'billing_account', change.lms_id::text);
        -- and what waits for one of its customers, or is in a run's hands, may now need another
        perform qbo_sync.mark(m.realm_id, m.direction, m.entity, m.record_id, m.billing_lab_id)
           from qbo_sync.marked_transaction m where m.billing_account_id = change.lms_id;
    elsif change.entity = 'doctor_office' then
        perform qbo_sync.mark(c.realm_id, 'lms_to_qbo', 'doctor_office', o.id::text, null)
           from qbo_sync.company c, lms.doctor_office o
          where o.id = change.lms_id
            and (qbo_sync.is_known(c.realm_id, 'doctor_office', change.lms_id::text)
                 or qbo_sync.is_known(c.realm_id, 'billing_account', o.billing_account_id::text));
        perform qbo_sync.mark(m.realm_id, m.direction, m.entity, m.record_id, m.billing_lab_id)
           from qbo_sync.marked_transaction m where m.doctor_office_id = change.lms_id;
    elsif change.entity = 'connection' then
        -- connected, or settings changed: everything of the lab that is not in step yet, and every open error
        perform qbo_sync.mark(n.realm_id, 'lms_to_qbo', 'invoice', i.id::text, n.billing_lab_id)
           from qbo_sync.connection n
           join lms.invoice i on i.billing_lab_id = n.billing_lab_id
          where n.billing_lab_id = change.billing_lab_id
            and not exists (select 1 from qbo_sync.entity_link l
                             where l.realm_id = n.realm_id and l.entity = 'invoice' and l.lms_id = i.id);
        perform qbo_sync.mark(n.realm_id, 'lms_to_qbo', t.entity, t.id::text, n.billing_lab_id)
           from qbo_sync.connection n
           join (select 'payment' as entity, id, billing_lab_id from lms.payment
                 union all
                 select entity, c.id, c.billing_lab_id
                   from lms.credit c cross join (values ('credit'), ('credit_application')) e (entity)) t
             on t.billing_lab_id = n.billing_lab_id
          where n.billing_lab_id = change.billing_lab_id;
        perform qbo_sync.mark(e.realm_id, e.direction, e.record_entity, e.record_id, e.billing_lab_id)
           from qbo_sync.sync_error e
           join qbo_sync.connection n on n.realm_id = e.realm_id
          where n.billing_lab_id = change.billing_lab_id and e.status = 'open';
    end if;
end
$$;

-- The customers and items that due invoices and moves need and that nobody has seen to yet. A record with an open or ignored
-- error is seen to: it is marked again when it changes.
create function qbo_sync.mark_needed() returns void language sql as $$
    with due as (
        select m.realm_id, i.*
          from qbo_sync.due_mark m
          join lms.invoice i on i.id = m.record_id::bigint
          left join qbo_sync.connection n on n.billing_lab_id = m.billing_lab_id
         where m.entity = 'invoice' and m.direction = 'lms_to_qbo' and i.origin = 'lms'
           and (n.sync_start_date is null or i.invoice_date >= n.sync_start_date)
           and not exists (select 1 from qbo_sync.entity_link l
                            where l.realm_id = m.realm_id and l.entity = 'invoice' and l.lms_id = i.id)
    ), needed (realm_id, entity, record_id, billing_lab_id) as (
        select realm_id, 'billing_account', billing_account_id::text, billing_lab_id from due
        union
        select d.realm_id, 'billing_account', o.billing_account_id::text, d.billing_lab_id
          from due d
          join lms.billing_account a on a.id = d.billing_account_id and a.accounting_structure = 'detailed'
          join lms.doctor_office o on o.id = d.doctor_office_id
        union
        select d.realm_id, 'doctor_office', d.doctor_office_id::text, d.billing_lab_id
          from due d
          join lms.billing_account a on a.id = d.billing_account_id and a.accounting_structure = 'detailed'
         where d.doctor_office_id is not null
        union
        select d.realm_id, 'product', l.product_id::text, d.billing_lab_id
          from due d join lms.invoice_line_item l on l.invoice_id = d.id
         where l.product_id is not null
        union
        select realm_id, 'special_item', 'Tax', billing_lab_id from due where tax_amount <> 0
        union
        select m.realm_id, 'special_item', 'Lab Credit', m.billing_lab_id
          from qbo_sync.due_mark m join lms.credit c on c.id::text = m.record_id
         where m.entity = 'credit' and m.direction = 'lms_to_qbo'
        union
        -- a pair that moves needs the customer of its new account
        select m.realm_id, 'billing_account', o.billing_account_id::text, m.billing_lab_id
          from qbo_sync.due_mark m
          join lms.doctor_office o on o.id::text = m.record_id
          join qbo_sync.entity_link l on l.realm_id = m.realm_id and l.entity = 'doctor_office' and l.lms_id = o.id
         where m.entity = 'doctor_office' and m.direction = 'lms_to_qbo'
    )
    insert into qbo_sync.change_mark (realm_id, direction, entity, record_id, billing_lab_id)
    select distinct on (realm_id, entity, record_id) realm_id, 'lms_to_qbo', entity, record_id, billing_lab_id
      from needed d
     where not exists (select 1 from qbo_sync.linked_record l where l.realm_id = d.realm_id
                          and l.entity = d.entity and l.record_id = d.record_id)
       and not exists (select 1 from qbo_sync.sync_error e where e.realm_id = d.realm_id
                          and e.record_entity = d.entity and e.record_id = d.record_id
                          and e.direction = 'lms_to_qbo' and e.status in ('open', 'ignored'))
     order by realm_id, entity, record_id, billing_lab_id
    on conflict do nothing
$$;

-- Who changes several marks in one transaction takes this lock first. Dispatchers, who mark in any order, are alone;
-- those who settle records share it: their records are different ones. Without it the two would deadlock.
create function qbo_sync.lock_marks(p_alone boolean) returns void language plpgsql as $$
begin
    if p_alone then
        perform pg_advisory_xact_lock(hashtextextended('qbo_sync.dispatch', 0));
    else
        perform pg_advisory_xact_lock_shared(hashtextextended('qbo_sync.dispatch', 0));
    end if;
end
$$;

-- Turns the raw feed into marks. Cheap when there is nothing to do; one at a time, by a lock, so that two dispatchers
-- cannot take each other's rows.
create function qbo_sync.dispatch_lms_changes() returns integer language plpgsql as $$
declare
    change qbo_sync.lms_change;
    taken integer := 0;
begin
    perform qbo_sync.lock_marks(true);
    for change in delete from qbo_sync.lms_change returning * loop
        if change.lms_id is not null then
            perform qbo_sync.dispatch_change(change);
        else
            perform qbo_sync.mark(l.realm_id, 'lms_to_qbo', l.entity, l.lms_id::text, null)
               from qbo_sync.entity_link l where l.entity = change.entity;
        end if;
        taken := taken + 1;
    end loop;
    with retried as (
        update qbo_sync.sync_error e set retry_at = null
         where status = 'open'
           and (retry_at <= clock_timestamp()
                -- its customer was linked at the very moment when it failed for want of that link
                or error_code = 'customer_not_linked'
                   and exists (select 1 from qbo_sync.entity_link l
                                where l.realm_id = e.realm_id and l.entity in ('billing_account', 'doctor_office')
                                  and l.qbo_id = e.detail ->> 'customer_id')
                   and not exists (select 1 from qbo_sync.change_mark m
                                    where m.realm_id = e.realm_id and m.direction = e.direction
                                      and m.entity = e.record_entity and m.record_id = e.record_id))
        returning realm_id, direction, record_entity, record_id, billing_lab_id
    )
    select taken + count(*) into taken
      from (select qbo_sync.mark(realm_id, direction, record_entity, record_id, billing_lab_id) from retried) marked;
    perform qbo_sync.mark_needed();
    return taken;
end
$$;

-- ---------------------------------------------------------------- triggers on the LMS tables

-- Arguments: the entity, the column that names the record. Runs with the owner's rights, so the LMS's own role needs
-- none here. What the pipeline writes itself is not reported (rule "no echo").
create function qbo_sync.record_lms_change() returns trigger
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

create function qbo_sync.record_lms_truncate() returns trigger
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
        execute format('create trigger record_change after insert or update or delete on %s for each row '
                       'execute function qbo_sync.record_lms_change(%L, %L)',
                       feed.relation, feed.entity, feed.key_column);
        if feed.key_column = 'id' then
            execute format('create trigger record_truncate after truncate on %s for each statement '
                           'execute function qbo_sync.record_lms_truncate(%L)', feed.relation, feed.entity);
        end if;
    end loop;
end
$$;

-- A new link may end somebody's waiting.
create function qbo_sync.announce() returns trigger language plpgsql as $$
begin
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;
create trigger announce after insert on qbo_sync.entity_link for each statement execute function qbo_sync.announce();
create trigger announce after insert on qbo_sync.special_item for each statement execute function qbo_sync.announce();

-- Connected again: what failed runs had in hand is free for the next one.
create function qbo_sync.release_marks() returns trigger language plpgsql as $$
begin
    update qbo_sync.change_mark set extracted_at = null where realm_id = new.realm_id;
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;
create trigger release_marks after update of status on qbo_sync.company for each row
    when (new.status = 'connected' and old.status <> 'connected') execute function qbo_sync.release_marks();

-- ---------------------------------------------------------------- rights

do $$
begin
    create role lms_dashboard login;
exception when duplicate_object or unique_violation then
    null;  -- roles belong to the whole server: another database of it has made it, perhaps at this very moment
end
$$;
grant usage on schema qbo_sync to lms_dashboard;
grant select on qbo_sync.sync_error, qbo_sync.action_item to lms_dashboard;
