-- QuickBooks' side of the ledger proof.

-- What a customer owes by the transactions that were read: open invoices less what of credits and payments is not
-- applied.
create or replace view qbo_sync.ledger_balance as
    select realm_id, customer_id as qbo_id, sum(case entity when 'invoice' then open else -open end) as balance
      from qbo_sync.ledger_document
     where not deleted
     group by realm_id, customer_id;
