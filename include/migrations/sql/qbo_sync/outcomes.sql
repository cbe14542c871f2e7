-- Outcomes: where each record stands.

-- The last outcome of each record; where that is 'unchanged', what was last done to it before, if anything.
create or replace view qbo_sync.record_outcome as
    select l.realm_id, l.direction, l.entity, l.record_id,
           coalesce(case when l.outcome = 'unchanged' then d.outcome end, l.outcome) as outcome,
           l.dag_id, l.run_id, l.at
      from (select distinct on (realm_id, direction, entity, record_id) *
              from qbo_sync.sync_outcome order by realm_id, direction, entity, record_id, id desc) l
      left join lateral (
          select o.outcome from qbo_sync.sync_outcome o
           where o.realm_id = l.realm_id and o.direction = l.direction and o.entity = l.entity
             and o.record_id = l.record_id and o.outcome in ('created', 'updated', 'deleted', 'adopted')
           order by o.id desc limit 1) d on true;

-- When the change was marked, and whose record it is. Copied by a trigger because the outcome is written while its mark
-- still exists, in the same transaction.
create or replace function qbo_sync.copy_mark_to_outcome() returns trigger language plpgsql as $$
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
create or replace trigger copy_mark_to_outcome before insert on qbo_sync.sync_outcome
    for each row execute function qbo_sync.copy_mark_to_outcome();
