"""Years of a lab's work, the clock moved: the sync's own history levels off, and only what tells of the books grows."""

import psycopg
import pytest

from tests.support.world import World

#: Between two looks, and looks: longer than the longest that anything is kept (760 days), and as long again.
DAYS, LOOKS = 20, 60
LONGEST = 760 // DAYS + 2
#: What tells of each record, company or person for ever, so that it grows with the books.
OF_THE_BOOKS = {
    "database_identity",
    "entity_link",
    "ledger_customer",
    "ledger_document",
    "metered_month",
    "page_change",
    "qbo_seen",
    "sync_error",
    "sync_outcome",  # of each record the last one
}
#: Of how things stand now, not of what has happened: their times stay as they are.
OF_TODAY = {"company", "connection", "poll", "qbo_cursor"}


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_history_levels_off_and_only_the_books_grow(world: World, lms_database: str) -> None:
    account, other = world.account(), world.account("Second practice")
    rows: list[dict[str, int]] = []
    size: list[int] = []
    for look in range(LOOKS):
        good = world.simple_invoice(account)
        bad = world.simple_invoice(other)
        world.sql("update lms.invoice set invoice_date = '1601-01-01' where id = %s", bad)
        world.both()
        world.payment(account, "20.00", {good: "20.00"})
        world.sql("update lms.invoice set invoice_date = current_date where id = %s", bad)
        world.both()
        world.preview()
        world.prove()
        world.prune()
        with psycopg.connect(lms_database, autocommit=True) as connection:
            connection.execute("vacuum analyze")  # as autovacuum would, in the meantime
        rows.append(history(world))
        size.append(sum(kilobytes(world).values()))
        if look in (0, LONGEST, LOOKS - 1):
            print(f"\nday {look * DAYS:>5}: {sum(rows[-1].values()):>6} rows of history, {size[-1]:>6} kB in all of it")
        assert not [error for error in world.errors() if error["status"] == "open"]
        move_clock(world)
    assert rows[0]["sync_run"] > 0 and rows[0]["validation_result"] > 0 and rows[0]["audit_entry"] > 0
    grown = {table: (then, rows[-1][table]) for table, then in rows[LONGEST].items() if rows[-1][table] > then * 1.05}
    assert grown == {}
    assert size[-1] <= size[LONGEST] * 1.2
    assert sum(rows[-1].values()) > sum(rows[0].values()), "what is recent is kept"
    world.sql("truncate qbo_sync.sync_outcome, qbo_sync.api_call, qbo_sync.audit_entry cascade")  # not of the same days


def tables(world: World) -> list[str]:
    """Those that are expected to level off."""
    names = {row["tablename"] for row in world.sql("select tablename from pg_tables where schemaname = 'qbo_sync'")}
    assert names > OF_THE_BOOKS
    return sorted(names - OF_THE_BOOKS)


def history(world: World) -> dict[str, int]:
    return {table: world.value(f"select count(*) from qbo_sync.{table}") for table in tables(world)}


def kilobytes(world: World) -> dict[str, int]:
    return {table: world.value(f"select pg_total_relation_size('qbo_sync.{table}')") // 1024 for table in tables(world)}


def move_clock(world: World) -> None:
    """The sync's history is so many days older; the books and QuickBooks' clock stay as they are."""
    columns = world.sql(
        "select c.table_name as name,"
        f" string_agg(format('%%1$I = %%1$I - make_interval(days => {DAYS})', c.column_name), ', ') as older"
        " from information_schema.columns c join pg_tables t on t.schemaname = c.table_schema"
        "   and t.tablename = c.table_name"
        " where c.table_schema = 'qbo_sync' and c.data_type = 'timestamp with time zone' and c.is_generated = 'NEVER'"
        " group by c.table_name"
    )
    for one in columns:
        if one["name"] not in OF_THE_BOOKS | OF_TODAY:
            world.sql(f"update qbo_sync.{one['name']} set {one['older']}")
