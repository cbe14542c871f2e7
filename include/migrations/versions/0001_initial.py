"""The tables of the schemas lms and qbo_sync."""

from include.migrations.runner import run_tables

revision = "0001_initial"
down_revision = None


def upgrade() -> None:
    """Create both schemas and their tables; views and functions follow after the migrations (README.md)."""
    run_tables()
