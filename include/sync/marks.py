"""Change marks: which records have to be looked at. The rules stand in SQL (migrations/sql/0002_qbo_sync.sql)."""

from collections.abc import Sequence

import psycopg

from include.model.record import Direction, RecordKey
from include.sync.staging import StagedRecord


def dispatch(connection: psycopg.Connection) -> None:
    """Turn the LMS's raw change feed into marks."""
    connection.execute("select qbo_sync.dispatch_lms_changes()")


def looked(connection: psycopg.Connection, dag_id: str) -> None:
    """A run of the DAG is about to look what is due: who marks something from now on has to wake another run."""
    connection.execute(
        "insert into qbo_sync.dag_look (dag_id, looked_at) values (%s, clock_timestamp())"
        " on conflict (dag_id) do update set looked_at = excluded.looked_at",
        [dag_id],
    )


def lock_alone(connection: psycopg.Connection) -> None:
    """Before marks are changed in any order: nobody else changes several of them until this transaction ends."""
    connection.execute("select qbo_sync.lock_marks(true)")


def lock_to_settle(connection: psycopg.Connection) -> None:
    """Before several records are claimed or settled in one transaction: no dispatcher marks them meanwhile."""
    connection.execute("select qbo_sync.lock_marks(false)")


def mark_all(
    connection: psycopg.Connection, direction: Direction, entities: Sequence[str], realm_id: str | None
) -> None:
    """Mark everything of these entities that is linked or, for invoices, could be."""
    lock_alone(connection)
    connection.execute(
        "select qbo_sync.mark(realm_id, %(direction)s, entity, record_id, lab) from ("
        " select l.realm_id, l.entity, l.record_id, i.billing_lab_id as lab"
        "   from qbo_sync.linked_record l"
        "   left join lms.invoice i on l.entity = 'invoice' and i.id::text = l.record_id"
        " union"
        " select n.realm_id, 'invoice', i.id::text, i.billing_lab_id"
        "   from lms.invoice i join qbo_sync.connection n using (billing_lab_id)"
        " union"
        " select n.realm_id, 'payment', p.id::text, p.billing_lab_id"
        "   from lms.payment p join qbo_sync.connection n using (billing_lab_id)"
        " union"
        " select n.realm_id, e.entity, c.id::text, c.billing_lab_id"
        "   from lms.credit c join qbo_sync.connection n using (billing_lab_id)"
        "  cross join (values ('credit'), ('credit_application')) e (entity)"
        " ) everything where entity = any(%(entities)s) and (%(realm)s::text is null or realm_id = %(realm)s)",
        {"direction": direction, "entities": list(entities), "realm": realm_id},
    )


def keep_waiting(
    connection: psycopg.Connection, realm_id: str, record: StagedRecord, entity: str, record_id: str
) -> None:
    """A part of the record cannot go yet: its mark outlives the write, and waits for that record to be linked."""
    connection.execute(
        "update qbo_sync.change_mark set generation = nextval('qbo_sync.mark_generation'), extracted_at = null,"
        " waits_for_entity = %s, waits_for_id = %s, waits_since = clock_timestamp()"
        " where realm_id = %s and direction = %s and entity = %s and record_id = %s and generation = %s",
        [entity, record_id, realm_id, record.direction, record.entity, record.record_id, record.generation],
    )


def wait_no_more(
    connection: psycopg.Connection, realm_id: str, direction: Direction, key: RecordKey, generation: int
) -> None:
    """The write that the mark should outlive (`keep_waiting`) came to nothing: it is this plan's mark again, to be
    settled with what became of it. A change since then has made the mark its own."""
    connection.execute(
        "update qbo_sync.change_mark set generation = %s, waits_for_entity = null, waits_for_id = null,"
        " waits_since = null"
        " where realm_id = %s and direction = %s and entity = %s and record_id = %s and generation > %s"
        "   and waits_for_entity is not null",
        [generation, realm_id, direction, key.entity, key.id, generation],
    )


def mark_one(
    connection: psycopg.Connection,
    realm_id: str,
    direction: Direction,
    entity: str,
    record_id: str,
    billing_lab_id: int | None,
) -> None:
    """Look at this record again (a retry that somebody asked for)."""
    connection.execute(
        "select qbo_sync.mark(%s, %s, %s, %s, %s)", [realm_id, direction, entity, record_id, billing_lab_id]
    )
