"""Creates that may have been done although they were answered with a fault are remembered."""

from include.migrations.runner import run_sql

revision = "0010_made_unseen"
down_revision = "0009_links"


def upgrade() -> None:
    """Add their table."""
    run_sql(revision)
