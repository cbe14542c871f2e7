"""An index for what earlier runs have planned to create."""

from include.migrations.runner import run_sql

revision = "0010_made_unseen"
down_revision = "0009_links"


def upgrade() -> None:
    """Create it."""
    run_sql(revision)
