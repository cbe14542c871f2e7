-- What earlier runs have planned to create is asked for at every extract (include/sync/made_unseen.py).
create index on qbo_sync.staged_record (realm_id, entity, record_id) where action = 'create';
