"""QuickBooks' side of the ledger, kept in tables and moved along: read by the page once, then only what changed.

That nothing was missed, QuickBooks' own balance of each customer proves: it must be what the kept transactions come to
and the rest that was there when everything was read last (journal entries, refunds). Where it is not, all is read
again.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from include.lms.database import jsonb
from include.qbo import ledger
from include.qbo.client import QboClient
from include.qbo.ledger import LedgerCustomer, LedgerDocument

#: QuickBooks' change data capture looks back 30 days; a good deal less, so that a weekly proof that failed twice still
#: goes on from where it was.
GOES_ON_FOR = timedelta(days=25)

#: QuickBooks may show a change only after some seconds, so each question begins before the last answer.
OVERLAP = timedelta(minutes=3)

_MISMATCHED = Path(__file__).with_name("balances_mismatched.sql").read_bytes()


def bring_up_to_date(
    connection: psycopg.Connection, client: QboClient, reconciliation_id: int, *, full: bool
) -> str | None:
    """Read what changed since the last proof, or everything, and commit; why everything was read, if it was.

    The caller holds the company's lock. `full`: read everything in any case.
    """
    why = "It was asked for." if full else None
    if why is None:
        cursor = _read_cursor(connection, client.realm_id)
        if cursor is None:
            why = "The books were never compared before."
        elif datetime.now(UTC) - cursor > GOES_ON_FOR:
            why = f"The books were last compared more than {GOES_ON_FOR.days} days ago."
        else:
            why = _read_changes(connection, client, reconciliation_id, cursor)
    if why is not None:
        _read_everything(connection, client, reconciliation_id)
    return why


def _read_cursor(connection: psycopg.Connection, realm_id: str) -> datetime | None:
    found = connection.execute(
        "select changed_since from qbo_sync.ledger_cursor where realm_id = %s", [realm_id]
    ).fetchone()
    connection.rollback()
    return found[0] if found else None


def _read_changes(
    connection: psycopg.Connection, client: QboClient, reconciliation_id: int, since: datetime
) -> str | None:
    """Only what changed; why that is not enough, if it is not."""
    changed = ledger.changes(client, since)
    if changed is None:
        return "More had changed in QuickBooks than it lists at once."
    store_documents(connection, client.realm_id, reconciliation_id, changed.documents)
    _read_customers(connection, client, reconciliation_id)
    time = changed.time
    if _mismatched(connection, client.realm_id):
        # Perhaps something was entered between the two answers.
        again = ledger.changes(client, time - OVERLAP)
        if again is not None:
            store_documents(connection, client.realm_id, reconciliation_id, again.documents)
            time = again.time
        _reread_mismatched(connection, client, reconciliation_id)
        if _mismatched(connection, client.realm_id):
            connection.commit()
            return "QuickBooks’ own customer balances did not match what had been read."
    _keep_cursor(connection, client.realm_id, time, fully=False)
    connection.commit()
    return None


def _read_everything(connection: psycopg.Connection, client: QboClient, reconciliation_id: int) -> None:
    """Every transaction and customer, each page committed as it comes."""
    started = ledger.server_time(client)
    for resource in ledger.TRANSACTIONS:
        for page in ledger.all_documents(client, resource):
            store_documents(connection, client.realm_id, reconciliation_id, page)
            connection.commit()
    _read_customers(connection, client, reconciliation_id)
    # What is gone, and what changed while the pages were read. A delete that the change capture has not seen yet is
    # kept for a while, so that the proof can say that it is on its way.
    since = min(started, _captured_until(connection, client.realm_id) or started) - OVERLAP
    changed = ledger.changes(client, since) or ledger.changes(client, started - OVERLAP)
    connection.execute(
        "delete from qbo_sync.ledger_document where realm_id = %s and read_by <> %s",
        [client.realm_id, reconciliation_id],
    )
    time = started
    if changed is not None:
        store_documents(connection, client.realm_id, reconciliation_id, changed.documents)
        time = changed.time
    _settle_others(connection, client.realm_id)
    if _mismatched(connection, client.realm_id, ignore_known=True):
        _reread_mismatched(connection, client, reconciliation_id, ignore_known=True)
        _settle_others(connection, client.realm_id)
    _keep_cursor(connection, client.realm_id, time, fully=True)
    connection.commit()


def _captured_until(connection: psycopg.Connection, realm_id: str) -> datetime | None:
    found = connection.execute(
        "select changed_since from qbo_sync.qbo_cursor where realm_id = %s", [realm_id]
    ).fetchone()
    return found[0] if found else None


def store_documents(
    connection: psycopg.Connection, realm_id: str, reconciliation_id: int, documents: Sequence[LedgerDocument]
) -> None:
    """Keep these versions, in the caller's transaction. One that comes twice counts once."""
    distinct = {(one.entity, one.qbo_id): one for one in documents}.values()
    connection.execute(
        "insert into qbo_sync.ledger_document (realm_id, entity, qbo_id, customer_id, number, dated, due, amount, open,"
        " applied, sync_token, last_updated, deleted, read_by)"
        " select %(realm)s, *, %(by)s from unnest(%(entities)s::text[], %(ids)s::text[], %(customers)s::text[],"
        "   %(numbers)s::text[], %(dated)s::date[], %(due)s::date[], %(amounts)s::numeric[], %(open)s::numeric[],"
        "   %(applied)s::jsonb[], %(tokens)s::text[], %(updated)s::timestamptz[], %(deleted)s::boolean[])"
        " on conflict (realm_id, entity, qbo_id) do update set customer_id = excluded.customer_id,"
        "   number = excluded.number, dated = excluded.dated, due = excluded.due, amount = excluded.amount,"
        "   open = excluded.open, applied = excluded.applied, sync_token = excluded.sync_token,"
        "   last_updated = excluded.last_updated, deleted = excluded.deleted, read_by = excluded.read_by",
        {
            "realm": realm_id,
            "by": reconciliation_id,
            "entities": [one.entity for one in distinct],
            "ids": [one.qbo_id for one in distinct],
            "customers": [one.customer_id for one in distinct],
            "numbers": [one.number for one in distinct],
            "dated": [one.dated for one in distinct],
            "due": [one.due for one in distinct],
            "amounts": [one.amount for one in distinct],
            "open": [one.open for one in distinct],
            "applied": [jsonb({id_: sum_ for id_, sum_ in one.applied.items() if sum_}) for one in distinct],
            "tokens": [one.sync_token for one in distinct],
            "updated": [one.last_updated for one in distinct],
            "deleted": [one.deleted for one in distinct],
        },
    )


def _read_customers(connection: psycopg.Connection, client: QboClient, reconciliation_id: int) -> None:
    """All of them: a balance that moves does not touch its customer, so nothing tells which ones changed (fact 5.1)."""
    for page in ledger.all_customers(client):
        _store_customers(connection, client.realm_id, reconciliation_id, page)
    connection.execute(
        "delete from qbo_sync.ledger_customer where realm_id = %s and read_by <> %s",
        [client.realm_id, reconciliation_id],
    )


def _store_customers(
    connection: psycopg.Connection, realm_id: str, reconciliation_id: int, customers: Iterable[LedgerCustomer]
) -> None:
    distinct = {one.qbo_id: one for one in customers}.values()
    connection.execute(
        "insert into qbo_sync.ledger_customer (realm_id, qbo_id, name, parent_id, balance, read_by)"
        " select %(realm)s, *, %(by)s from unnest(%(ids)s::text[], %(names)s::text[], %(parents)s::text[],"
        "   %(balances)s::numeric[])"
        " on conflict (realm_id, qbo_id) do update set name = excluded.name, parent_id = excluded.parent_id,"
        "   balance = excluded.balance, read_by = excluded.read_by",
        {
            "realm": realm_id,
            "by": reconciliation_id,
            "ids": [one.qbo_id for one in distinct],
            "names": [one.name for one in distinct],
            "parents": [one.parent_id for one in distinct],
            "balances": [one.balance for one in distinct],
        },
    )


def _mismatched(connection: psycopg.Connection, realm_id: str, *, ignore_known: bool = False) -> list[str]:
    """The customers whose own balance in QuickBooks is not what the kept transactions and the known rest come to.

    `ignore_known`: not what the transactions alone come to.
    """
    found = connection.execute(_MISMATCHED, {"realm": realm_id, "ignore_known": ignore_known})
    return [qbo_id for (qbo_id,) in found]


def _reread_mismatched(
    connection: psycopg.Connection, client: QboClient, reconciliation_id: int, *, ignore_known: bool = False
) -> None:
    ids = _mismatched(connection, client.realm_id, ignore_known=ignore_known)
    _store_customers(connection, client.realm_id, reconciliation_id, ledger.customers(client, ids))


def _settle_others(connection: psycopg.Connection, realm_id: str) -> None:
    """After everything was read: the rest of a customer's balance is the bookkeeper's own."""
    connection.execute(
        "update qbo_sync.ledger_customer c set other = c.balance - coalesce(d.balance, 0)"
        "  from qbo_sync.ledger_customer k left join qbo_sync.ledger_balance d using (realm_id, qbo_id)"
        " where k.realm_id = %s and c.realm_id = k.realm_id and c.qbo_id = k.qbo_id"
        "   and c.other <> c.balance - coalesce(d.balance, 0)",
        [realm_id],
    )


def _keep_cursor(connection: psycopg.Connection, realm_id: str, time: datetime, *, fully: bool) -> None:
    connection.execute(
        "insert into qbo_sync.ledger_cursor as c (realm_id, changed_since, read_fully_at)"
        " values (%(realm)s, %(since)s, clock_timestamp()) on conflict (realm_id) do update"
        " set changed_since = excluded.changed_since,"
        "     read_fully_at = case when %(fully)s then excluded.read_fully_at else c.read_fully_at end",
        {"realm": realm_id, "since": time - OVERLAP, "fully": fully},
    )
