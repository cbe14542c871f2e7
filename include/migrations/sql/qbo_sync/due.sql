-- Which marks are due (rule 8.5).

-- Whether a lab's settings let a marked record sync.
-- * A record whose lab is unknown (TRUNCATE) goes by the settings of any lab of its company; one that QuickBooks
--   created and that is not linked yet belongs to the lab that receives such transactions.
create or replace function qbo_sync.lets_flow(n qbo_sync.connection, m qbo_sync.change_mark) returns boolean
language sql immutable as $$
    select n.direction in (m.direction, 'both')
       and (m.entity in ('billing_account', 'doctor_office', 'product', 'special_item')
            or (case when m.direction = 'qbo_to_lms' and m.billing_lab_id is null
                     then n.receives_qbo_transactions
                     else n.billing_lab_id = coalesce(m.billing_lab_id, n.billing_lab_id) end
                and case m.entity when 'invoice' then n.sync_invoices
                                  when 'payment' then n.sync_payments
                                  else n.sync_credits end))
$$;

-- A mark is due when its company is connected, its lab's settings let the record sync, its time has come, and what it
-- waits for is linked. What a setting switches off stays marked: switched on again, it is synced.
-- A lab that nobody has started yet has marks, and none of them is due: only a preview looks at them.
-- * As a safety net, a record that has waited for an hour is due whatever it waits for; but what waits for an invoice
--   that its lab holds back waits as long as that, if the lab still is of the company and sends invoices.
-- * What would delete many records at once waits for a person (rule 8.9): nothing is ever linked under that name.
-- * QuickBooks → LMS, a record also stops waiting when what it waits for is no longer marked: nothing will link it.
create or replace view qbo_sync.due_mark as
    select m.*
      from qbo_sync.change_mark m
      join qbo_sync.company c on c.realm_id = m.realm_id and c.status = 'connected'
     where (m.attempt_after is null or m.attempt_after <= clock_timestamp())
       and (m.waits_for_entity is null
            or case m.direction
               when 'lms_to_qbo' then
                   exists (select 1 from qbo_sync.linked_record l
                            where l.realm_id = m.realm_id and l.entity = m.waits_for_entity
                              and l.record_id = m.waits_for_id)
               else
                   exists (select 1 from qbo_sync.linked_record l
                            where l.realm_id = m.realm_id and l.entity = m.waits_for_entity
                              and l.qbo_id = m.waits_for_id)
                   or m.waits_for_entity <> 'mass_delete'
                      and not exists (select 1 from qbo_sync.change_mark w
                                       where w.realm_id = m.realm_id and w.direction = m.direction
                                         and w.entity = m.waits_for_entity and w.record_id = m.waits_for_id)
               end
            or m.waits_since < clock_timestamp() - interval '1 hour'
               and not exists (select 1 from qbo_sync.change_mark w
                                where w.realm_id = m.realm_id and w.direction = m.direction
                                  and w.entity = m.waits_for_entity and w.record_id = m.waits_for_id
                                  and w.attempt_after > clock_timestamp() + interval '1 hour'
                                  and exists (select 1 from qbo_sync.connection n
                                               where n.realm_id = w.realm_id and n.started_at is not null
                                                 and qbo_sync.lets_flow(n, w))))
       and exists (select 1 from qbo_sync.connection n
                    where n.realm_id = m.realm_id and n.started_at is not null and qbo_sync.lets_flow(n, m));

-- Companies in which something of these entities is due or in flight, so that what needs it goes later. After three
-- minutes nothing waits for it any longer.
create or replace function qbo_sync.companies_with_earlier_work(p_direction text, p_entities text[]) returns setof text
language sql stable as $$
    select realm_id from qbo_sync.due_mark
     where direction = p_direction and entity = any (p_entities)
       and marked_at between clock_timestamp() - interval '3 minutes' and clock_timestamp()
$$;

-- Due and not in flight. A run that has held a mark for two minutes may be dead; should it be alive, its plan and a
-- second one cannot both be carried out. (One that has held it since a time to come has held it since a clock that was
-- ahead.)
create or replace view qbo_sync.pending_mark as
    select * from qbo_sync.due_mark
     where extracted_at is null
        or extracted_at not between clock_timestamp() - interval '2 minutes' and clock_timestamp();

-- Pending, and a reason to start a run: not of a company that fails and rests a while (15 minutes at most; what is
-- longer was set by a clock that was ahead).
create or replace view qbo_sync.waking_mark as
    select * from qbo_sync.pending_mark
     where realm_id <> all (array(select realm_id from qbo_sync.company_trouble
                                 where retry_at > clock_timestamp()
                                   and retry_at <= clock_timestamp() + interval '15 minutes'));
