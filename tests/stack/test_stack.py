"""The whole stack for real: two side by side, repaired when a part dies, gone without a trace."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import psycopg
import pytest

from include.stack import __main__ as commands
from include.stack import airflow
from include.stack.errors import StackError
from include.stack.ports import Ports
from include.stack.postgres import PROJECT
from include.stack.stack import Stack, shell_lines
from tests.support.waiting import eventually

EXPORTS = [
    "LMS_DATABASE_URL",
    "QBO_BASE_URL",
    "QBO_OAUTH_TOKEN_URL",
    "QBO_CLIENT_ID",
    "QBO_CLIENT_SECRET",
    "AIRFLOW_API_URL",
    "AIRFLOW_USERNAME",
    "AIRFLOW_PASSWORD",
]
A_DAG = """
from airflow.sdk import dag, task

@dag(schedule=None)
def probe():
    @task
    def extract() -> None: ...
    extract()

probe()
"""

# Each of these starts Airflow's processes, on a machine that may do other work: more than the usual limit.
pytestmark = pytest.mark.timeout(600)


@dataclass
class Pair:
    """Two stacks that run at the same time. The first is these tests' own, with a DAG of its own; the second, which
    others have used before, is ended by them."""

    first: Stack
    second: Stack
    dags_dir: Path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[Pair]:
    base = tmp_path_factory.mktemp("first")
    (base / "dags").mkdir()
    (base / "dags" / "probe.py").write_text(A_DAG)
    first = Stack(base / "state", Ports.free(), dags_dir=base / "dags")
    try:
        stack.up()
        first.up()
        yield Pair(first, stack, base / "dags")
    finally:
        first.down()


def _pids(stack: Stack) -> dict[str, int | None]:
    return {path.stem: stack.processes.pid(path.stem) for path in stack.processes.run_dir.glob("*.pid")}


def _traces(state_dir: Path) -> list[str]:
    """Every living process whose command, directory or environment names the state directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            signs = [*process.cmdline(), process.cwd(), *process.environ().values()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(state_dir) in sign for sign in signs):
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found


def test_each_answers_at_its_own_addresses(pair: Pair) -> None:
    assert not set(_pids(pair.first).values()) & set(_pids(pair.second).values())
    servers = set()
    for stack in (pair.first, pair.second):
        variables = stack.environment()
        with psycopg.connect(variables["LMS_DATABASE_URL"]) as connection:
            connection.execute("SELECT FROM lms.invoice")
            servers |= set(connection.execute("SELECT system_identifier FROM pg_control_system()"))
        with urllib.request.urlopen(variables["QBO_BASE_URL"] + "/sandbox/health") as answer:
            assert answer.status == 200
        started = {name: stack.processes.started_at(name) for name in airflow.COMMANDS}
        assert airflow.unhealthy(variables["AIRFLOW_API_URL"], started) == set()
        airflow.token(variables["AIRFLOW_API_URL"], variables["AIRFLOW_USERNAME"], variables["AIRFLOW_PASSWORD"])
    assert len(servers) == 2
    assert pair.first.environment()["AIRFLOW_PASSWORD"] != pair.second.environment()["AIRFLOW_PASSWORD"]


def test_everything_listens_on_this_machine_only(pair: Pair) -> None:
    family = {
        each.pid
        for pid in _pids(pair.first).values()
        for each in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    }
    listening = {
        each.laddr.ip
        for each in psutil.net_connections(kind="inet")
        if each.status == psutil.CONN_LISTEN and each.pid in family
    }
    assert listening == {"127.0.0.1"}


def test_secrets_are_for_their_owner_only(pair: Pair) -> None:
    for name in ("secrets.json", "airflow/passwords.json"):
        assert (pair.first.state_dir / name).stat().st_mode & 0o777 == 0o600


def test_the_scheduler_has_imported_what_its_tasks_need(pair: Pair) -> None:
    maps = Path(f"/proc/{pair.first.processes.pid('scheduler')}/maps")
    if not maps.exists():
        pytest.skip("needs /proc")
    assert "/pandas/" in maps.read_text()
    triggerer = Path(f"/proc/{pair.first.processes.pid('triggerer')}/maps")
    assert "/pandas/" not in triggerer.read_text()


def test_shell_evaluates_the_environment(pair: Pair) -> None:
    lines = shell_lines(pair.first.environment())
    assert [line.split("=")[0] for line in lines.splitlines()] == [f"export {name}" for name in EXPORTS]
    script = lines + "".join(f'printf "%s\\n" "${name}"\n' for name in EXPORTS)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == list(pair.first.environment().values())


@pytest.mark.parametrize("command", [["env"], ["run", "true"]])
def test_what_needs_the_addresses_says_which_part_is_dead_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    stack, ran = Stack(tmp_path, Ports.free()), []
    monkeypatch.setattr(commands, "Stack", lambda tell: stack)
    monkeypatch.setattr(os, "execvpe", lambda *given: ran.append(given[:2]))
    monkeypatch.setattr(stack.processes, "pid", lambda part: None if part == "scheduler" else 1)
    assert commands.main(command) == 0
    said = capsys.readouterr()
    assert said.out == (shell_lines(stack.environment()) if command == ["env"] else "")
    assert ran == ([] if command == ["env"] else [("true", ["true"])])
    assert said.err == "not running: scheduler (make up starts what is missing)\n"
    monkeypatch.setattr(stack.processes, "pid", lambda part: None)
    assert commands.main(command) == 1
    assert "the stack is not running" in capsys.readouterr().err


def test_up_again_is_harmless_and_fast(pair: Pair) -> None:
    before = _pids(pair.first)
    begun = time.monotonic()
    pair.first.up()
    assert time.monotonic() - begun < 5
    assert _pids(pair.first) == before


def test_up_repairs_what_was_killed_and_nothing_else(pair: Pair) -> None:
    before = _pids(pair.first)
    scheduler = before["scheduler"]
    assert scheduler is not None
    orphans = psutil.Process(scheduler).children(recursive=True)
    os.kill(scheduler, signal.SIGKILL)
    while pair.first.processes.pid("scheduler") is not None:
        time.sleep(0.02)
    pair.first.up()
    after = _pids(pair.first)
    assert {name for name in before if before[name] != after[name]} == {"scheduler"}
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in orphans)


def test_a_broken_dag_file_is_named(pair: Pair) -> None:
    broken = pair.dags_dir / "broken.py"
    broken.write_text("from airflow.sdk import dag\nimport a_module_that_is_not_there\n")
    try:
        with pytest.raises(StackError, match=r"cannot import .*broken\.py: .*a_module_that_is_not_there"):
            pair.first.up()
    finally:
        broken.unlink()


def test_another_port_than_the_running_ones_is_refused(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOT_AIRFLOW_PORT", str(Ports.free().airflow))
    with pytest.raises(StackError, match="already runs on other ports"):
        Stack(pair.first.state_dir).up()


def test_a_port_of_something_else_is_refused(pair: Pair, tmp_path: Path) -> None:
    taken = Stack(tmp_path / "third", pair.second.ports)
    with pytest.raises(StackError, match=f"port {pair.second.ports.postgres} is in use"):
        taken.up()
    assert _traces(tmp_path) == []


def test_down_leaves_nothing_even_when_parts_were_killed(pair: Pair) -> None:
    pids = _pids(pair.first)
    for name in ("postgres", "scheduler"):
        pid = pids[name]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert _traces(pair.first.state_dir)
    pair.first.down()
    assert _traces(pair.first.state_dir) == []
    assert Ports.load(pair.first.state_dir / "ports.json") is None
    assert pair.second.is_running()
    pair.second.down()
    assert _traces(pair.second.state_dir) == []
    pair.second.down()


@pytest.mark.parametrize("seconds", [0.5, 2.5])
def test_down_leaves_nothing_when_up_was_killed_on_its_way(tmp_path: Path, seconds: float) -> None:
    code = (
        "import sys; from pathlib import Path; from include.stack.ports import Ports\n"
        "from include.stack.stack import Stack; Stack(Path(sys.argv[1]), Ports.free()).up()"
    )
    state_dir = tmp_path / "state"
    starting = subprocess.Popen([sys.executable, "-c", code, str(state_dir)], cwd=PROJECT)
    while not (state_dir / "ports.json").exists():
        time.sleep(0.02)
    time.sleep(seconds)
    eventually(lambda: _traces(state_dir), 60)
    starting.kill()
    starting.wait()
    assert _traces(state_dir)
    Stack(state_dir).down()
    assert _traces(state_dir) == []
