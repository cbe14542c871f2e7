"""The database fixtures, until the project-wide conftest.py brings them."""

from tests.lms_schema.conftest import _migrated_template, _postgres_url, lms_database

__all__ = ["_migrated_template", "_postgres_url", "lms_database"]
