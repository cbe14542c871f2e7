"""Links that begin or end make others be looked at."""

from include.migrations.runner import run_sql

revision = "0009_links"
down_revision = "0008_webhook"


def upgrade() -> None:
    """A new invoice link reaches what is applied to it; a link to what has left the LMS holds nothing."""
    run_sql(revision)
