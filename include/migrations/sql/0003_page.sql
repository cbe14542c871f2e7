-- What the QuickBooks Online page keeps beside the sync itself.

-- ---------------------------------------------------------------- connecting

-- A login at Intuit that is under way. Only hashes are kept: who reads this table cannot finish somebody's login.
create table qbo_sync.oauth_login (
    state_hash      bytea primary key,
    browser_hash    bytea not null,        -- of the random cookie of the browser that began it
    user_id         text not null,         -- the Airflow user who began it
    billing_lab_id  bigint not null references lms.billing_lab (id) on delete cascade,
    sync_start_date date,                  -- chosen before connecting, so that no older invoice is ever sent
    created_at      timestamptz not null default clock_timestamp(),
    expires_at      timestamptz not null
);

-- The settings of labs that were disconnected: given back when the same lab connects to the same company again.
create table qbo_sync.former_connection (
    billing_lab_id   bigint not null references lms.billing_lab (id) on delete cascade,
    realm_id         text not null references qbo_sync.company (realm_id),
    settings         jsonb not null,       -- the row of qbo_sync.connection
    disconnected_at  timestamptz not null default clock_timestamp(),
    primary key (billing_lab_id, realm_id)
);

-- ---------------------------------------------------------------- company check

-- The company's chart of accounts as last read: what the settings offer, also while QuickBooks does not answer.
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

-- One row per finding, kept after it is gone.
create table qbo_sync.company_finding (
    realm_id       text not null references qbo_sync.company (realm_id),
    code           text not null,
    subject        text not null default '',   -- what it is about, where a company can have several (an account's id)
    severity       text not null check (severity in ('problem', 'warning', 'note')),
    message        text not null,          -- what is so
    effect         text not null,          -- what it means for the sync
    resolution     text not null,          -- what to change in QuickBooks
    first_seen_at  timestamptz not null default clock_timestamp(),
    last_seen_at   timestamptz not null default clock_timestamp(),
    resolved_at    timestamptz,
    primary key (realm_id, code, subject)
);

-- ---------------------------------------------------------------- what people did

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

-- The last retry of an error that somebody asked for, so that the page can say what became of it.
create table qbo_sync.error_retry (
    sync_error_id  bigint primary key references qbo_sync.sync_error (id) on delete cascade,
    asked_at       timestamptz not null default clock_timestamp(),
    user_name      text not null,
    dag_id         text,
    run_id         text
);

-- Customers of QuickBooks whose transactions shall never come to the LMS.
create table qbo_sync.ignored_customer (
    realm_id    text not null references qbo_sync.company (realm_id),
    qbo_id      text not null,
    name        text not null,
    reason      text not null,
    user_name   text not null,
    created_at  timestamptz not null default clock_timestamp(),
    primary key (realm_id, qbo_id)
);

-- Their errors are born ignored. The customer stands in the error's detail: {"customer_id", "customer_name"}.
create function qbo_sync.ignore_customer_for_good() returns trigger language plpgsql as $$
begin
    if new.status = 'open' and new.error_code = 'customer_not_linked'
       and exists (select 1 from qbo_sync.ignored_customer i
                    where i.realm_id = new.realm_id and i.qbo_id = new.detail ->> 'customer_id') then
        new.status := 'ignored';
        new.retry_at := null;
    end if;
    return new;
end
$$;
create trigger ignore_customer_for_good before insert or update on qbo_sync.sync_error
    for each row execute function qbo_sync.ignore_customer_for_good();

-- ---------------------------------------------------------------- lag, and whose record it was

-- When the change that an outcome ends was noticed (outcome − this is the lag that the page shows), and whose record it
-- was. Filled here because the outcome is written while its mark still stands, in the same transaction.
alter table qbo_sync.sync_outcome add column marked_at timestamptz, add column billing_lab_id bigint;
create index on qbo_sync.sync_outcome (realm_id, at);

create function qbo_sync.note_lag() returns trigger language plpgsql as $$
begin
    if new.marked_at is null then
        select m.marked_at, m.billing_lab_id into new.marked_at, new.billing_lab_id
          from qbo_sync.change_mark m
         where m.realm_id = new.realm_id and m.direction = new.direction and m.entity = new.entity
           and m.record_id = new.record_id;
    end if;
    return new;
end
$$;
create trigger note_lag before insert on qbo_sync.sync_outcome
    for each row execute function qbo_sync.note_lag();
