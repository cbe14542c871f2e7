"""Settings that move look at what left the LMS meanwhile, too."""

from include.migrations.runner import run_sql

revision = "0006_settings_move"
down_revision = "0005_truncate"


def upgrade() -> None:
    """Add to what a changed connection marks."""
    run_sql(revision)
