"""The settings of the polls of QuickBooks, from the environment."""

import os
from datetime import timedelta

from include.model.polling import PollSettings


def _seconds(name: str, usual: str) -> timedelta:
    return timedelta(seconds=float(os.environ.get(name) or usual))


def poll_settings() -> PollSettings:
    """How often QuickBooks is asked what changed, and how many metered calls there are a month (Intuit's free ones:
    fact 3.3)."""
    return PollSettings(
        base=_seconds("PILOT_QBO_POLL_SECONDS", "300"),
        quiet=_seconds("PILOT_QBO_POLL_QUIET_SECONDS", "1800"),
        webhooks=_seconds("PILOT_QBO_POLL_WEBHOOK_SECONDS", "3600"),
        monthly_calls=int(os.environ.get("PILOT_QBO_MONTHLY_CALLS") or "500000"),
    )
