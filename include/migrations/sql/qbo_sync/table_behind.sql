-- An LMS may keep its tables elsewhere, under names of its own, and show them as views in the schema lms
-- (docs/other-lms.md). Triggers and foreign keys belong to the tables.

create schema if not exists qbo_sync;

-- The table itself, or the one that the view shows.
create or replace function qbo_sync.table_behind(p_relation regclass) returns regclass language plpgsql stable as $$
declare
    tables regclass[];
begin
    if (select relkind from pg_class where oid = p_relation) <> 'v' then
        return p_relation;
    end if;
    select array_agg(distinct c.oid::regclass) into tables
      from pg_rewrite r
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
      join pg_class c on c.oid = d.refobjid and c.relkind in ('r', 'p')
     where r.ev_class = p_relation;
    if cardinality(tables) is distinct from 1 then
        raise exception 'the view % must show exactly one table, and shows %', p_relation, coalesce(tables::text, 'none');
    end if;
    return tables[1];
end
$$;
