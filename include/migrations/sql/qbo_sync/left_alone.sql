-- Records left alone until somebody asks for them (table left_alone). Who calls these holds no lock on marks yet.

-- Leave a record alone from now on. What a run has planned for it meanwhile is void: its mark gets a new generation, so
-- the next run plans it again and finds it here. An earlier row of the record is replaced.
create or replace function qbo_sync.leave_alone(p_realm_id text, p_entity text, p_lms_id bigint, p_qbo_id text,
                                                p_reason text, p_user_name text, p_gone_from text default null)
returns void language plpgsql as $$
begin
    perform qbo_sync.lock_marks(true);
    delete from qbo_sync.left_alone
     where realm_id = p_realm_id and entity = p_entity and (lms_id = p_lms_id or qbo_id = p_qbo_id);
    insert into qbo_sync.left_alone (realm_id, entity, lms_id, qbo_id, gone_from, reason, user_name)
    values (p_realm_id, p_entity, p_lms_id, p_qbo_id, p_gone_from, p_reason, p_user_name);
    update qbo_sync.change_mark
       set generation = nextval('qbo_sync.mark_generation'), extracted_at = null, attempt_after = null,
           waits_for_entity = null, waits_for_id = null, waits_since = null, released = false
     where realm_id = p_realm_id and entity = p_entity
       and record_id = case direction when 'lms_to_qbo' then p_lms_id::text else p_qbo_id end;
end
$$;

-- Somebody asks for it: the record is synced again, in whichever directions it can be. False: it was not left alone.
create or replace function qbo_sync.sync_again(p_realm_id text, p_entity text, p_lms_id bigint, p_qbo_id text)
returns boolean language plpgsql as $$
declare
    found_row qbo_sync.left_alone;
    lab bigint;
begin
    perform qbo_sync.lock_marks(true);
    delete from qbo_sync.left_alone
     where realm_id = p_realm_id and entity = p_entity and (lms_id = p_lms_id or qbo_id = p_qbo_id)
    returning * into found_row;
    if found_row.realm_id is null then
        return false;
    end if;
    -- Whose it is, the LMS says, and its last outcome if it is not there any more.
    select s.billing_lab_id into lab
      from qbo_sync.sync_outcome s
     where s.realm_id = p_realm_id and s.entity = p_entity and s.billing_lab_id is not null
       and s.record_id = case s.direction when 'lms_to_qbo' then found_row.lms_id::text else found_row.qbo_id end
     order by s.id desc limit 1;
    if found_row.lms_id is not null then
        perform qbo_sync.mark(p_realm_id, 'lms_to_qbo', p_entity, found_row.lms_id::text,
                              qbo_sync.lab_now(p_realm_id, 'lms_to_qbo', p_entity, found_row.lms_id::text, lab));
    end if;
    if found_row.qbo_id is not null and p_entity in ('invoice', 'payment') then
        perform qbo_sync.mark(p_realm_id, 'qbo_to_lms', p_entity, found_row.qbo_id,
                              qbo_sync.lab_now(p_realm_id, 'qbo_to_lms', p_entity, found_row.qbo_id, lab));
    end if;
    perform pg_notify('qbo_sync', '');
    return true;
end
$$;

-- Refuse what is held because it would delete or void many records at once (rule 8.9): the side that still has them
-- keeps them, and they are left alone until they are back on the other. How many. Nulls: all companies, all labs.
create or replace function qbo_sync.refuse_held(p_realm_id text, p_direction text, p_entities text[],
                                                p_billing_lab_id bigint, p_user_name text)
returns integer language plpgsql as $$
declare
    held record;
    refused integer := 0;
begin
    perform qbo_sync.lock_marks(true);
    for held in
        select m.realm_id, m.entity, l.record_id, l.qbo_id
          from qbo_sync.change_mark m
          join qbo_sync.linked_record l on l.realm_id = m.realm_id and l.entity = m.entity
               and m.record_id = case m.direction when 'lms_to_qbo' then l.record_id else l.qbo_id end
         where m.direction = p_direction and m.entity = any (p_entities) and m.waits_for_entity = 'mass_delete'
           and (p_realm_id is null or m.realm_id = p_realm_id)
           and (p_billing_lab_id is null or m.billing_lab_id = p_billing_lab_id)
    loop
        perform qbo_sync.leave_alone(held.realm_id, held.entity, held.record_id::bigint, held.qbo_id,
                                     'Its delete was refused: unusually many at once.', p_user_name,
                                     case p_direction when 'lms_to_qbo' then 'lms' else 'qbo' end);
        refused := refused + 1;
    end loop;
    return refused;
end
$$;
