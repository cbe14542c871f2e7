-- The month's quota of metered calls.

-- What of the log of calls counts against it: the calls after `p_after` (an id) of a stretch of time, and to which id
-- that goes (null: there are none).
create or replace function qbo_sync.metered_calls(p_after bigint, p_from timestamptz, p_until timestamptz)
returns table (calls bigint, polls bigint, proofs bigint, counted_to bigint) language sql stable as $$
    select count(*) filter (where a.metered),
           count(*) filter (where a.metered and a.dag_id = 'qbo_change_capture' and a.operation = 'cdc'),
           count(*) filter (where a.metered and a.dag_id = 'ledger_reconciliation'),
           max(a.id)
      from qbo_sync.api_call a
     where a.id > p_after and a.at >= p_from and a.at < p_until
$$;
