"""What all DAGs of the sync have in common: when they run, their parameters and limits."""

import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, Param
from airflow.sdk.definitions.asset import BaseAsset

from include.orchestration.deadlines import DEADLINE
from include.orchestration.retries import DEFAULT_ARGS

#: In case an event was lost. A setting, because every run costs a little.
SAFETY_NET = os.environ.get("PILOT_SYNC_CRON", "*/15 * * * *")


def on(assets: BaseAsset | Asset) -> AssetOrTimeSchedule:
    """On an event of the assets, and from time to time in case an event was lost."""
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(SAFETY_NET, timezone="UTC"), assets=assets)


def params(*, transactions: bool = False, numbered: bool = False) -> dict[str, Param]:
    """What an operator may choose when starting a run by hand.

    `transactions` have a lab and a date, and deletes of them may be held; those `numbered` can be named by number.
    """
    return {
        "realm_id": Param(
            None,
            type=["null", "string"],
            title="QuickBooks company",
            description="Only this company (its realm id; an unknown one fails); empty: all that have something to do.",
        ),
        "resync": Param(
            False,
            type="boolean",
            title="Compare again",
            description="Compare every record again, not only those that changed, or only those chosen below. Safe at "
            "any time: only what differs is written.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Preview only (dry run)",
            description="Read, plan, and check as usual, but write nothing to QuickBooks or the LMS. What would be "
            "created, changed, and deleted is kept as a preview (on the QuickBooks Online page, under Previews).",
        ),
        **(_OF_TRANSACTIONS if transactions else {}),
        **({"document_numbers": _names("Numbers", "numbers, such as INV-101022")} if numbered else {}),
        "lms_ids": _names("Pilot IDs", "IDs in Pilot"),
        "qbo_ids": _names("QuickBooks IDs", "IDs in QuickBooks (with a company or a lab: each company counts its own)"),
        **(_OF_HELD if transactions else {}),
    }


def _names(title: str, what: str) -> Param:
    return Param(
        None,
        type=["null", "array"],
        items={"type": "string"},
        title=title,
        section="Compare again: which records",
        description=f"With “Compare again”: only the records with these {what}; one per line. An unknown one fails.",
    )


_OF_TRANSACTIONS = {
    "billing_lab_id": Param(
        None,
        type=["null", "integer"],
        title="Billing lab",
        section="Compare again: which records",
        description="Only records of this billing lab (its ID in Pilot; an unknown one fails). It also narrows the two "
        "choices about held deletes.",
    ),
    "from_date": Param(
        None,
        type=["null", "string"],
        format="date",
        title="From date",
        section="Compare again: which records",
        description="With “Compare again”: only transactions dated on this day or later.",
    ),
    "to_date": Param(
        None,
        type=["null", "string"],
        format="date",
        title="To date",
        section="Compare again: which records",
        description="With “Compare again”: only transactions dated on this day or earlier.",
    ),
}


_OF_HELD = {
    "release_held": Param(
        False,
        type="boolean",
        title="Delete many at once",
        description="Carry out deletes and voids that are held because they are unusually many (sync error "
        "mass_delete_held). Turn it on only if those records were deleted on purpose.",
    ),
    "refuse_held": Param(
        False,
        type="boolean",
        title="Keep what is held",
        description="Refuse deletes and voids that are held because they are unusually many (sync error "
        "mass_delete_held): the records stay where they still are, and are left alone until they are back on the "
        "other side or named here one by one.",
    ),
}

#: For @dag(**COMMON).
COMMON: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    # A company that answers slowly, or is throttled, keeps its run for minutes: the others go on in further ones.
    "max_active_runs": 8,
    "deadline": DEADLINE,
    "default_args": DEFAULT_ARGS,
}
