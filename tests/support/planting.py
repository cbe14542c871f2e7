"""Differences between the ledgers that nobody reports: what only a proof finds."""

from collections.abc import Collection
from decimal import Decimal

from tests.support.pipeline import as_pipeline
from tests.support.world import World

#: (entity, LMS id)
Key = tuple[str, str]


def behind(world: World, statement: str, *parameters: object, **named: object) -> None:
    """Change the LMS without any trigger reporting it: as only the pipeline may."""
    with world.connection.transaction():
        as_pipeline(world.connection)
        world.connection.execute(statement.encode(), named or parameters)


def unseen(world: World) -> None:
    """As if a change capture had read everything up to now and missed what changed."""
    world.sql(
        "update qbo_sync.qbo_cursor set changed_since = now() + interval '1 hour' where realm_id = %s", world.qbo.realm
    )


def plant(world: World, spared: Collection[Key]) -> set[Key]:
    """Change up to three linked records that are not spared, on one side and unseen; their names."""
    linked = [
        (row["entity"], row["lms_id"], row["qbo_id"])
        for row in world.sql(
            "select entity, lms_id, qbo_id from qbo_sync.entity_link where realm_id = %s"
            "   and entity in ('invoice', 'payment') order by entity, lms_id",
            world.qbo.realm,
        )
        if (row["entity"], str(row["lms_id"])) not in spared
    ]
    invoices = [one for one in linked if one[0] == "invoice"]
    payments = [one for one in linked if one[0] == "payment"]
    planted: set[Key] = set()
    for entity, lms_id, _ in invoices[:1]:
        behind(world, "update lms.invoice set balance = balance + 1.23 where id = %s", lms_id)
        planted.add((entity, str(lms_id)))
    for entity, lms_id, _ in payments[:1]:
        behind(world, "update lms.payment set amount = amount + 2 where id = %s", lms_id)
        planted.add((entity, str(lms_id)))
    for entity, lms_id, qbo_id in payments[1:2]:
        body = world.qbo.call(f"payment/{qbo_id}")["Payment"]
        lines = [{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in body.get("Line", [])]
        more = body["TotalAmt"] + Decimal(3)
        world.qbo.update("Payment", body, CustomerRef=body["CustomerRef"], TotalAmt=more, Line=lines)
        planted.add((entity, str(lms_id)))
    unseen(world)
    return planted
