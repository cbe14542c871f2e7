"""The sync schema: companies, links, change marks, staging, outcomes, sync errors."""

from include.migrations.runner import run_sql

revision = "0002_qbo_sync"
down_revision = "0001_lms"


def upgrade() -> None:
    """Create schema qbo_sync and the triggers on the LMS tables."""
    run_sql(revision)
