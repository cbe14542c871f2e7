"""The schemas lms and qbo_sync: their present state as plain SQL, and the migrations that lead there.

`python -m include.migrations` brings the database of LMS_DATABASE_URL up to date. README.md beside this file says how
to change a table, a view or a function.
"""

from collections.abc import Mapping


def upgrade(database_url: str, passwords: Mapping[str, str] | None = None) -> None:
    """Bring the database at this libpq URL up to date, harmless when it already is; the passwords by role."""
    from include.migrations.runner import upgrade as run_upgrade  # late: Alembic is slow to import

    run_upgrade(database_url, passwords or {})
