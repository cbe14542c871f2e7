"""Old history goes, what tells how the ledgers stand stays."""

from tests.support.world import World


def test_old_rows_go_and_the_state_stays(world: World) -> None:
    world.simple_invoice()
    world.sync()
    world.resync()
    world.resync()
    old, recent = world.prove(), world.prove()
    before = world.sql("select * from qbo_sync.record_outcome order by entity, record_id")
    assert set(world.prune().values()) == {0}
    world.sql("update qbo_sync.staged_record set extracted_at = now() - interval '15 days'")
    world.sql("update qbo_sync.validation_result set checked_at = now() - interval '15 days'")
    world.sql("update qbo_sync.api_call set at = now() - interval '101 days'")
    world.sql("update qbo_sync.sync_outcome set at = now() - interval '101 days'")
    world.sql("update qbo_sync.reconciliation set started_at = now() - interval '761 days' where id = %s", old.id)
    counted = world.prune(dry_run=True)
    deleted = world.prune()
    assert counted == deleted, "a dry run counts them, and deletes none"
    assert deleted["staged_record"] > 0 and deleted["validation_result"] > 0
    assert [one["reconciliation_id"] for one in world.sql("select * from qbo_sync.reconciliation_customer")] == [
        recent.id
    ]
    assert deleted["api_call"] > 0
    assert deleted["sync_outcome"] > 0

    def without_time(rows: list[dict]) -> list[tuple]:
        return [(row["entity"], row["record_id"], row["outcome"]) for row in rows]

    after = world.sql("select * from qbo_sync.record_outcome order by entity, record_id")
    assert without_time(after) == without_time(before)
    assert world.resync()["unchanged"] > 0


def test_the_audit_is_kept_as_long_as_the_setting_says(world: World) -> None:
    world.simple_invoice()
    world.sync()
    entries = world.value("select count(*) from qbo_sync.audit_entry")
    assert entries >= 3
    world.sql("update qbo_sync.audit_entry set at = now() - interval '31 days'")
    assert world.prune()["audit_entry"] == 0
    assert world.prune(audit_days=30)["audit_entry"] == entries
    world.sql("truncate qbo_sync.sync_outcome, qbo_sync.api_call")  # they would tell of what is forgotten
