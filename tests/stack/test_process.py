"""Processes of a stack: found again, never mistaken for others, stopped with all they started."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import pytest

from include.stack.process import Processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN_PARENT = [
    sys.executable,
    "-c",
    "import os, signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    # a grandchild in a session of its own that forgets the environment: only its descent tells whose it is
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(61)'], start_new_session=True, env={})\n"
    "print('ready', flush=True); time.sleep(60)",
]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    found = Processes(tmp_path)
    found.run_dir.mkdir()
    found.log_dir.mkdir()
    yield found
    found.stop_all()


def _until_logged(processes: Processes, name: str, word: str) -> None:
    while word not in processes.log_path(name).read_text():
        time.sleep(0.02)


def test_a_started_part_is_found_and_stopped(processes: Processes) -> None:
    processes.start("part", SLEEP, os.environ)
    pid = processes.pid("part")
    assert pid is not None
    assert Processes(processes.state_dir).pid("part") == pid
    processes.stop(["part"], signal.SIGTERM, grace=5)
    assert processes.pid("part") is None
    assert processes.remaining() == []


def test_a_part_that_will_not_end_is_killed_with_its_descendants(processes: Processes) -> None:
    processes.start("part", STUBBORN_PARENT, os.environ)
    _until_logged(processes, "part", "ready")
    family = psutil.Process(processes.pid("part")).children(recursive=True)
    assert len(family) == 1
    processes.stop(["part"], signal.SIGTERM, grace=0.3)
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family)


def test_orphans_of_a_killed_part_are_found(processes: Processes) -> None:
    code = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(62)'])\n"
    processes.start("part", [sys.executable, "-c", code + "print('ready', flush=True); time.sleep(60)"], os.environ)
    _until_logged(processes, "part", "ready")
    pid = processes.pid("part")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while processes.pid("part") is not None:
        time.sleep(0.02)
    assert len(processes.remaining()) == 1
    processes.stop_all()
    assert processes.remaining() == []


def test_a_recycled_process_id_is_left_alone(processes: Processes) -> None:
    stranger = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        record = {"pid": stranger.pid, "birth": 1.0, "started": 1.0}
        (processes.run_dir / "part.pid").write_text(json.dumps(record))
        assert processes.pid("part") is None
        processes.stop(["part"], signal.SIGKILL, grace=1)
        (processes.run_dir / "part.pid").write_text(json.dumps(record))
        processes.stop_all()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_torn_record_counts_as_none(processes: Processes) -> None:
    (processes.run_dir / "part.pid").write_text('{"pid":')
    assert processes.pid("part") is None
    assert processes.remaining() == []
