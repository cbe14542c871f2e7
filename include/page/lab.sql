-- One billing lab with its connection and company, if it has one.
select l.id, l.name, n.realm_id, n.created_at as connected_at, n.started_at, c.name as company, c.status,
       c.refresh_token_expires_at, k.checked_at, k.plan, k.country, k.currency,
       w.received_at as last_webhook_at, q.captured_at, t.since as failing_since
  from lms.billing_lab l
  left join qbo_sync.connection n on n.billing_lab_id = l.id
  left join qbo_sync.company c on c.realm_id = n.realm_id
  left join qbo_sync.company_check k on k.realm_id = n.realm_id
  left join qbo_sync.webhook_event w on w.realm_id = n.realm_id
  left join qbo_sync.qbo_cursor q on q.realm_id = n.realm_id
  -- not after the first failure: it is tried again at once
  left join qbo_sync.company_trouble t on t.realm_id = n.realm_id and t.failures > 1
 where l.id = %s
