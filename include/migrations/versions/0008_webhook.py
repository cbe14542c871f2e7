"""QuickBooks' webhooks wake the change capture."""

from include.migrations.runner import run_sql

revision = "0008_webhook"
down_revision = "0007_quick_dispatch"


def upgrade() -> None:
    """Keep which companies QuickBooks has told of."""
    run_sql(revision)
