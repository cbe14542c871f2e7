"""What a preview said and what the sync then did, in a form in which the two can be compared."""

from datetime import datetime

from tests.support.quickbooks import Json
from tests.support.world import World

#: (direction, entity, the record's id as its mark has it) → what happens to it.
Steps = dict[tuple[str, str, str], set[str]]

_STEPS = {"created": "create", "updated": "update", "deleted": "delete", "adopted": "adopt"}
_DIRECTIONS = {"qbo": "lms_to_qbo", "lms": "qbo_to_lms"}


def moment(world: World) -> datetime:
    """Now, by the database's clock."""
    return world.value("select clock_timestamp()")


def predicted(records: list[Json]) -> Steps:
    """By a preview."""
    steps_of: Steps = {}
    for one in records:
        record_id = one["lms_id"] if one["side"] == "qbo" else one["qbo_id"]
        steps = {one["step"]} - {"fail", "wait"} | ({one["error_code"]} if one["error_code"] else set())
        if record_id and steps:
            steps_of.setdefault((_DIRECTIONS[one["side"]], one["entity"], record_id), set()).update(steps)
    return steps_of


def actual(world: World, since: datetime) -> Steps:
    """By the outcomes since then and the errors that are open."""
    steps_of: Steps = {}
    for one in world.sql(
        "select direction, entity, record_id, outcome from qbo_sync.sync_outcome where realm_id = %s and at > %s",
        world.qbo.realm,
        since,
    ):
        if one["outcome"] in _STEPS:
            steps_of.setdefault((one["direction"], one["entity"], one["record_id"]), set()).add(_STEPS[one["outcome"]])
    for one in world.sql(
        "select * from qbo_sync.sync_error where realm_id = %s and status = 'open' and last_seen_at > %s",
        world.qbo.realm,
        since,
    ):
        place = (one["direction"], one["record_entity"], one["record_id"])
        if one["error_code"].startswith("conflict") and place not in steps_of:
            continue  # an older one, which a later error had covered, is shown again
        steps_of.setdefault(place, set()).add(one["error_code"])
        if one["error_code"] == "total_mismatch" and _linked_since(world, one["lms_id"], since):
            steps_of[place].add("create")  # its outcome is that it failed, and it is there
    return steps_of


def _linked_since(world: World, invoice: int, since: datetime) -> bool:
    return bool(
        world.sql(
            "select 1 from qbo_sync.entity_link where entity = 'invoice' and lms_id = %s and created_at > %s",
            invoice,
            since,
        )
    )


#: What only QuickBooks' answer tells: where people have moved a credit memo to another customer on one side, its
#: applications may be refused although something else was predicted.
_ONLY_QUICKBOOKS_KNOWS = {("credit_application", "qbo_620")}

#: Where money cannot be applied for several reasons, QuickBooks names the one that it comes to first.
_CANNOT_BE_APPLIED = {"qbo_620", "qbo_6000", "applied_to_deleted"}


def differences(said: Steps, done: Steps) -> list[str]:
    """What came otherwise than predicted."""
    return [
        f"{' '.join(place)}: predicted {sorted(said.get(place, set()))}, then {sorted(done.get(place, set()))}"
        for place in sorted({*said, *done})
        if not _is_the_same(place[1], said.get(place, set()), done.get(place, set()))
    ]


def _is_the_same(entity: str, said: set[str], done: set[str]) -> bool:
    refused = any((entity, code) in _ONLY_QUICKBOOKS_KNOWS for code in done - said)
    return refused or _plain(said) == _plain(done)


def _plain(steps_of: set[str]) -> set[str]:
    return {"cannot be applied" if one in _CANNOT_BE_APPLIED else one for one in steps_of}
