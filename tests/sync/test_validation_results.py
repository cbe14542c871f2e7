"""What validation found is kept for its report: every rule of the day, how many records failed each, and which."""

from typing import Any

from include.expectations.check import rules
from tests.support.world import INVOICES, World


def results(world: World, entity: str) -> list[dict[str, Any]]:
    return world.sql("select * from qbo_sync.validation_result where entity = %s order by checked_at", entity)


def test_the_result_names_what_failed_and_counts_what_passed(world: World) -> None:
    good = world.simple_invoice()
    bad = world.simple_invoice(world.account("Second practice"))
    world.sql("update lms.invoice set invoice_date = '1601-01-01' where id = %s", bad)
    world.sync()
    found = next(one for one in results(world, "invoice") if one["failed_rules"])
    assert found["checked"] == 2 and found["set_aside"] == 1
    assert found["failed_rules"] == {"days_can_be_right": {"failed": 1, "records": [str(bad)]}}
    assert world.link("invoice", good) and not world.link("invoice", bad)
    kept = world.value("select rules from qbo_sync.validation_suite where id = %s", found["suite_id"])
    assert kept == [dict(one) for one in rules("invoice", "qbo")]
    days = next(one for one in kept if one["rule"] == "days_can_be_right")
    assert days["expectation"].startswith("expect_column_values_to_be_between(")
    assert "max_value=0" in days["expectation"]
    assert "{" not in days["fails_when"] and "cannot be right" in days["fails_when"]


def test_a_second_try_of_the_task_changes_nothing_and_a_run_that_begins_again_is_checked_again(world: World) -> None:
    world.run("billing_account_lms_to_qbo", "product_lms_to_qbo")
    bad = world.simple_invoice()
    world.sql("update lms.invoice set invoice_date = '1601-01-01' where id = %s", bad)
    run = world.prepared(INVOICES)
    [first] = results(world, "invoice")
    assert (first["checked"], first["set_aside"]) == (1, 1)
    world.step("validate", run)
    assert results(world, "invoice") == [first]
    world.step("extract", run)
    assert results(world, "invoice") == []
    world.step("transform", run)
    world.step("validate", run)
    [again] = results(world, "invoice")
    assert again["failed_rules"] == first["failed_rules"] and again["checked_at"] > first["checked_at"]
