"""Numbered migrations of the schemas lms and qbo_sync.

`python -m include.migrations` brings the database of LMS_DATABASE_URL up to the newest revision. Each
revision is a file in `versions/` that runs the file of the same name in `sql/` as it stands.
"""


def upgrade(database_url: str) -> None:
    """Bring the database at this libpq URL to the newest revision; harmless when it is there already."""
    from include.migrations.runner import upgrade as run_upgrade  # late: Alembic is slow to import

    run_upgrade(database_url)
