-- Errors whose cause may be gone (rule 8.3): what they name has changed in QuickBooks, or the record itself has, and not
-- by our own writes. After a gap nobody knows what changed: all are tried.
with resource_of (entity, resource) as (
    values ('billing_account', 'Customer'), ('doctor_office', 'Customer'), ('product', 'Item'),
           ('special_item', 'Item'), ('invoice', 'Invoice'), ('credit', 'CreditMemo'), ('payment', 'Payment'),
           ('credit_application', 'Payment')
), linked as (
    select r.resource, l.* from qbo_sync.linked_record l join resource_of r using (entity)
     where l.realm_id = %(realm)s
), changed as materialized (
    select n.resource, n.qbo_id
      from new_version n
     where not exists (select 1 from linked l
                        where l.resource = n.resource and l.qbo_id = n.qbo_id and l.sync_token = n.sync_token)
), cause as materialized (
    select array_agg(name) as names
      from (select resource || ':' || qbo_id as name from changed union select resource from changed) named
)
update qbo_sync.sync_error e set retry_at = clock_timestamp()
 where e.realm_id = %(realm)s and e.status = 'open' and e.error_code not like 'conflict%%'
   and (e.causes && (select names from cause)
        or e.direction = 'lms_to_qbo'
           and exists (select 1 from linked l join changed c on c.resource = l.resource and c.qbo_id = l.qbo_id
                        where l.entity = e.record_entity and l.record_id = e.record_id)
        or %(gap)s and e.retry_at is not null)
