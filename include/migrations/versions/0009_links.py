"""Links that begin or end make others be looked at."""

from include.migrations.runner import run_sql

revision = "0009_links"
down_revision = "0008_webhook"


def upgrade() -> None:
    """A new invoice link reaches the payments and credits that are applied to it."""
    run_sql(revision)
