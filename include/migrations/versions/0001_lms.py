"""The LMS tables and the LMS actions invoice_case and uninvoice_case."""

from include.migrations.runner import run_sql

revision = "0001_lms"
down_revision = None


def upgrade() -> None:
    """Create schema lms."""
    run_sql(revision)
