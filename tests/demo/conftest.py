"""The database fixtures, until the project-wide conftest.py brings them."""

import psycopg
import pytest

from tests.lms_schema.conftest import _migrated_template, _postgres_url, lms_database

__all__ = ["_migrated_template", "_postgres_url", "lms_database"]


@pytest.fixture(scope="module")
def module_database(_postgres_url: str, _migrated_template: str) -> str:
    """The URL of a migrated database that the tests of one module share."""
    with psycopg.connect(_postgres_url, autocommit=True) as admin:
        admin.execute("drop database if exists demo_checks with (force)")
        admin.execute(f"create database demo_checks template {_migrated_template}".encode())
    return _postgres_url.replace("/postgres?", "/demo_checks?")
