"""TRUNCATE of the tables that hang on a transaction is seen like a delete of their rows."""

from include.migrations.runner import run_sql

revision = "0005_truncate"
down_revision = "0004_inbound"


def upgrade() -> None:
    """Add the triggers, and mark the applications of credits too."""
    run_sql(revision)
