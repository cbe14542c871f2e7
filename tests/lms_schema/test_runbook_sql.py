"""Whoever is woken at night copies the runbook's SQL: each statement can be run."""

import re

from include.stack.postgres import PROJECT
from tests.support.world import World

#: What the reader has to fill in.
FILLED_IN = {"'MOMENT OF STEP 2'": "'2026-11-28 05:00Z'", "INV-1234": "INV-100001"}


def statements() -> list[str]:
    """Of all blocks, without their comments."""
    runbook = (PROJECT / "docs" / "operations.md").read_text()
    blocks = re.findall(r"^ *```sql\n(.*?)^ *```", runbook, re.MULTILINE | re.DOTALL)
    text = re.sub(r"--.*", "", "\n".join(blocks))
    for placeholder, value in FILLED_IN.items():
        assert placeholder in text
        text = text.replace(placeholder, value)
    return [one.strip() for one in text.split(";") if one.strip()]


def test_each_statement_of_the_runbook_can_be_run(world: World) -> None:
    for statement in statements():
        with world.connection.transaction(force_rollback=True):
            world.connection.execute(statement.encode())


def test_an_invoice_that_waits_says_why_it_is_not_in_quickbooks(world: World) -> None:
    [why] = [one for one in statements() if "lms.invoice i" in one]
    number = world.lms_invoice(world.simple_invoice())["invoice_number"]
    why = why.replace(FILLED_IN["INV-1234"], number)
    world.sql("select qbo_sync.dispatch_lms_changes()")
    [row] = world.sql(why)
    assert (row["status"], row["qbo_id"], row["error_code"]) == ("connected", None, None)
    assert row["marked_at"] is not None
    world.sync()
    [row] = world.sql(why)
    assert row["qbo_id"] is not None and row["marked_at"] is None
