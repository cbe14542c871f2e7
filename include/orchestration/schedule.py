"""What all DAGs of the sync have in common: when they run, their parameters and limits."""

import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, Param
from airflow.sdk.definitions.asset import BaseAsset

from include.orchestration.retries import DEFAULT_ARGS

#: In case an event was lost. A setting, because every run costs a little.
SAFETY_NET = os.environ.get("PILOT_SYNC_CRON", "*/15 * * * *")


def on(assets: BaseAsset | Asset) -> AssetOrTimeSchedule:
    """On an event of the assets, and from time to time in case an event was lost."""
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(SAFETY_NET, timezone="UTC"), assets=assets)


def params() -> dict[str, Param]:
    """What an operator may choose when starting a run by hand."""
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
            title="Compare everything again",
            description="Compare every record again, not only those that changed. Writes only what differs.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Preview only (dry run)",
            description="Read, plan, and check as usual, but write nothing to QuickBooks or the LMS. What would be "
            "created, changed, and deleted is kept as a preview (on the QuickBooks Online page, under Previews).",
        ),
        "release_held": Param(
            False,
            type="boolean",
            title="Delete many at once",
            description="Carry out deletes and voids that are held because they are unusually many (sync error "
            "mass_delete_held). Turn it on only if those records were deleted on purpose.",
        ),
    }


#: For @dag(**COMMON).
COMMON: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 3,
    "default_args": DEFAULT_ARGS,
}
