"""What the whole suite shares: one PostgreSQL server, a migrated database as new for each test, one sandbox."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import requests
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it ships no types

from include.migrations import upgrade
from include.stack.ports import Ports
from include.stack.postgres import ThrowawayServer
from include.stack.stack import Stack
from tests.support.audited import assert_audited
from tests.support.database import ReusedDatabase, new_database
from tests.support.expectations import like_rows_checked_once, remember_configurations
from tests.support.world import World, make_world

PROJECT = Path(__file__).resolve().parents[1]
WITH_AIRFLOW = ("tests/end_to_end/", "tests/page/", "tests/stack/")
for _name in ("AIRFLOW_CONN_QUICKBOOKS", "AIRFLOW_CONN_PILOT_ALERTS"):
    os.environ.pop(_name, None)  # the stacks of the tests never go to real QuickBooks, and tell nobody


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
    with new_database(postgres_server, "template0") as url:
        yield url


@pytest.fixture(scope="session")
def reused_database(postgres_server: ThrowawayServer, _migrated_template: str) -> Iterator[ReusedDatabase]:
    """The migrated database that one test after another uses; `lms_database` empties it."""
    with ReusedDatabase(postgres_server, _migrated_template) as database:
        yield database


@pytest.fixture
def lms_database(reused_database: ReusedDatabase) -> str:
    """The URL of a migrated database without rows."""
    reused_database.empty()
    return reused_database.url


@pytest.fixture(scope="module")
def module_database(postgres_server: ThrowawayServer, _migrated_template: str) -> Iterator[str]:
    """The URL of a migrated database that the tests of one module share."""
    with new_database(postgres_server, _migrated_template) as url:
        yield url


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


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole private stack, Airflow included, for all tests that need one: to start another costs a minute of work.
    The last of them (tests/stack) end it, for an idle Airflow costs a quarter of a core."""
    private = Stack(tmp_path_factory.mktemp("stack"), Ports.free())
    try:
        private.up()
        yield private
    finally:
        private.down()


@pytest.fixture(scope="session")
def _remembered_configurations() -> None:
    remember_configurations()


@pytest.fixture
def _quick_expectations(request: pytest.FixtureRequest, _remembered_configurations: None) -> Iterator[None]:
    """Rows that are like others are checked once in a session, for a third of the time would go into them; each by
    itself in the long proofs, and in every Airflow of the tests."""
    with nullcontext() if request.node.get_closest_marker("long") else like_rows_checked_once():
        yield


@pytest.fixture
def world(
    lms_database: str, reused_database: ReusedDatabase, sandbox_url: str, _quick_expectations: None
) -> Iterator[World]:
    """An LMS with one billing lab, connected to a QuickBooks company of its own. Whatever a test does there, the audit
    knows of each write."""
    of = reused_database
    with make_world(lms_database, sandbox_url, connections=of.connections, pages=of.pages, owner=of.owner()) as made:
        yield made
        assert_audited(made)


class ByRoom(LoadScopeScheduling):
    """Which tests stay together when `make test` uses both cores: those that start Airflow, one stack at a time, and
    the others by file, for the sake of what a file's tests share. The group with the most tests begins; the random
    histories of the ledgers, long and each by itself, come last, so that both cores end at about the same time."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if path.startswith("tests/ledgers/"):
            return nodeid
        return "with Airflow" if path.startswith(WITH_AIRFLOW) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByRoom:
    """xdist's hook."""
    return ByRoom(config, log)
