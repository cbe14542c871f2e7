-- Versions that were not seen before. QuickBooks has been seen to answer with an older one (trap 8).
create temporary table new_version on commit drop as
select distinct on (s.resource, s.qbo_id) s.resource, s.qbo_id, s.sync_token, s.last_updated
  from unnest(%(resources)s::text[], %(ids)s::text[], %(tokens)s::text[], %(moments)s::timestamptz[])
       as s (resource, qbo_id, sync_token, last_updated)
  left join qbo_sync.qbo_seen k on k.realm_id = %(realm)s and k.resource = s.resource and k.qbo_id = s.qbo_id
 where k.qbo_id is null or %(everything)s
    or (s.sync_token is distinct from k.sync_token and s.last_updated >= k.last_updated)
 order by s.resource, s.qbo_id, s.last_updated desc, s.sync_token is null desc, length(s.sync_token) desc,
          s.sync_token desc
