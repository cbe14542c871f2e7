-- The companies of which a version was sighted that is not the last one seen (find_new_versions.sql looks closer).
select distinct s.realm_id
  from unnest(%(realms)s::text[], %(resources)s::text[], %(ids)s::text[], %(tokens)s::text[])
       as s (realm_id, resource, qbo_id, sync_token)
  left join qbo_sync.qbo_seen k using (realm_id, resource, qbo_id)
 where k.qbo_id is null or s.sync_token is distinct from k.sync_token
