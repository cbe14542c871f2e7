"""What the whole suite shares: one PostgreSQL server, a fresh migrated database for each test, one sandbox."""

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it ships no types

from include.migrations import upgrade
from include.stack.postgres import ThrowawayServer
from tests.support.audited import assert_audited
from tests.support.world import World, make_world

PROJECT = Path(__file__).resolve().parents[1]
WITH_AIRFLOW = ("tests/end_to_end/", "tests/page/", "tests/stack/")
_numbers = itertools.count(1)
os.environ.pop("AIRFLOW_CONN_QUICKBOOKS", None)  # the stacks of the tests never go to real QuickBooks


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[ThrowawayServer]:
    """A real PostgreSQL for the session."""
    with ThrowawayServer() as server:
        yield server


@pytest.fixture(scope="session")
def _migrated_template(postgres_server: ThrowawayServer) -> str:
    upgrade(postgres_server.url)
    return "lms"


@pytest.fixture
def empty_database(postgres_server: ThrowawayServer) -> Iterator[str]:
    """The URL of a database without any schema of ours."""
    yield from _database(postgres_server, "template0")


@pytest.fixture
def lms_database(postgres_server: ThrowawayServer, _migrated_template: str) -> Iterator[str]:
    """The URL of a migrated database."""
    yield from _database(postgres_server, _migrated_template)


@pytest.fixture(scope="module")
def module_database(postgres_server: ThrowawayServer, _migrated_template: str) -> Iterator[str]:
    """The URL of a migrated database that the tests of one module share."""
    yield from _database(postgres_server, _migrated_template)


def _database(server: ThrowawayServer, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        # Copying files beats writing each block to the log (the default) where nothing is ever flushed: 40 ms, not 180.
        admin.execute(f"create database {name} template {template} owner pilot strategy file_copy".encode())
    yield server.url.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    """A QuickBooks sandbox for the session, in memory; each test makes companies of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "include.sandbox", "--port", str(port)],
        cwd=PROJECT,
        env={**os.environ, "SANDBOX_CLIENT_ID": "sandbox-client", "SANDBOX_CLIENT_SECRET": "sandbox-secret"},
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            if requests.get(f"{url}/sandbox/health", timeout=1).status_code == 200:
                break
        except requests.ConnectionError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture
def world(lms_database: str, sandbox_url: str) -> Iterator[World]:
    """An LMS with one billing lab, connected to a QuickBooks company of its own. Whatever a test does there, the audit
    knows of each write."""
    with make_world(lms_database, sandbox_url) as made:
        yield made
        assert_audited(made)


class ByRoom(LoadScopeScheduling):
    """Which tests stay together when `make test` uses both cores: those that start Airflow, one stack at a time, and
    the others by file, for the sake of what a file's tests share. The group with the most tests begins."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "with Airflow" if path.startswith(WITH_AIRFLOW) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByRoom:
    """xdist's hook."""
    return ByRoom(config, log)
