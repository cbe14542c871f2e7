"""What the QuickBooks Online page keeps: findings of the company check, accounts, audit, logins under way."""

from include.migrations.runner import run_sql

revision = "0003_page"
down_revision = "0002_qbo_sync"


def upgrade() -> None:
    """Create the page's tables in schema qbo_sync."""
    run_sql(revision)
