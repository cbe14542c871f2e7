"""Nobody waits to learn that there is nothing to dispatch, and a run that is on its way is not called twice."""

from include.migrations.runner import run_sql

revision = "0007_quick_dispatch"
down_revision = "0006_settings_move"


def upgrade() -> None:
    """Add what dispatchers and event triggers remember."""
    run_sql(revision)
