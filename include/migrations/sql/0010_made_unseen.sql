-- Creates that QuickBooks answered with a fault and may have done all the same (include/sync/made_unseen.py): what it has made
-- since they were sent is looked at before they are sent again.
create table qbo_sync.doubtful_create (
    realm_id   text not null,
    entity     text not null,
    record_id  text not null,
    sent_at    timestamptz not null,
    primary key (realm_id, entity, record_id)
);
