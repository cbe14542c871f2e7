"""From QuickBooks to the LMS: what the change capture has seen, due marks of that direction, errors that heal."""

from include.migrations.runner import run_sql

revision = "0004_inbound"
down_revision = "0003_page"


def upgrade() -> None:
    """Create what the direction QuickBooks → LMS needs in schema qbo_sync."""
    run_sql(revision)
