select c.qbo_id
  from qbo_sync.ledger_customer c
  left join qbo_sync.ledger_balance d using (realm_id, qbo_id)
 where c.realm_id = %(realm)s
   and c.balance <> coalesce(d.balance, 0) + case when %(ignore_known)s then 0 else c.other end
 order by length(c.qbo_id), c.qbo_id
