"""The throw-away PostgreSQL server that all tests with a database use."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import psycopg
import pytest

from include.stack.ports import Ports
from include.stack.postgres import PROJECT, ThrowawayServer, answers, migrate


def test_lives_in_a_directory_closed_to_others_and_leaves_nothing(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = ThrowawayServer(closed)
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT current_user::text, current_database()::text, rolcreaterole, rolsuper"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == ("pilot", "lms", True, False)
    server.stop()
    assert not answers(server.url)
    assert not (closed / "data").exists()


def test_listens_on_this_machine_only_and_wants_a_password() -> None:
    with ThrowawayServer() as server:
        addresses = {
            each.laddr.ip
            for each in psutil.net_connections(kind="tcp")
            if each.laddr.port == server.port and each.status == psutil.CONN_LISTEN
        }
        assert addresses == {"127.0.0.1"}
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.url.replace("throwaway", "guessed"))


def test_migrations_run_on_it_and_on_a_second_database() -> None:
    with ThrowawayServer() as server:
        for address in (server.url, server.create_database("other")):
            migrate(address)
            migrate(address)
            with psycopg.connect(address) as connection:
                assert connection.execute("SELECT count(*) FROM lms.invoice").fetchone() == (0,)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from include.stack.postgres import ThrowawayServer\n"
        "print(ThrowawayServer(Path(sys.argv[1])).url, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    address = owner.stdout.readline().strip()
    assert answers(address)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 10
    while answers(address):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_free_ports_differ() -> None:
    ports = Ports.free()
    assert len({ports.postgres, ports.sandbox, ports.airflow}) == 3
