"""The processes of a stack: started in sessions of their own, found again later, stopped to the last one.

A started part is known by its process id and birth; a recycled id is not mistaken for it. What parts leave
behind is found by three signs that survive a parent's death: the session, a variable in the environment, and
the working directory, which is one that no person stands in.
"""

import contextlib
import json
import os
import platform
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]

MARK = "PILOT_STACK_STATE"
_LOG_LIMIT = 20_000_000
_children: list["subprocess.Popen[bytes]"] = []  # kept, so that the dead among our own children are reaped


class Processes:
    """All processes that belong to one state directory."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.run_dir = state_dir / "run"
        self.log_dir = state_dir / "logs"

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a part in a session of its own, its output in logs/<name>.log.

        What a dead forerunner left running is cleared away first.
        """
        _kill(self._leftovers(name))
        child = self._spawn(name, command, environment)
        record = {"pid": child.pid, "birth": _birth(child.pid), "started": time.time()}
        draft = self.run_dir / f"{name}.new"
        draft.write_text(json.dumps(record))
        draft.replace(self._record(name))

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a command of the stack to its end, in the same way."""
        return self._spawn(name, command, environment).wait()

    def pid(self, name: str) -> int | None:
        """The process id of a part that runs, or None."""
        record = self._read(name)
        if record is None:
            return None
        _reap()
        pid = int(record["pid"])
        return pid if _birth(pid) == record["birth"] and not _is_zombie(pid) else None

    def started_at(self, name: str) -> float:
        """When the part was started, in seconds since the epoch."""
        record = self._read(name)
        return float(record["started"]) if record else 0.0

    def last_words(self, name: str, lines: int = 3) -> str:
        """The end of a part's log, for an error message."""
        with contextlib.suppress(FileNotFoundError):
            written = self.log_path(name).read_text(errors="replace").strip().splitlines()
            return " | ".join(written[-lines:])
        return ""

    def log_path(self, name: str) -> Path:
        """Where the part's output goes."""
        return self.log_dir / f"{name}.log"

    def stop(self, names: Iterable[str], first: signal.Signals, grace: float) -> None:
        """Ask the named parts and their process groups to end, wait, then kill what remains of them."""
        family: set[psutil.Process] = set()
        for name in names:
            pid = self.pid(name)
            if pid is not None:
                family |= _family(pid)
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, first)
        _kill(_still_there(family, grace))
        for name in names:
            self._record(name).unlink(missing_ok=True)

    def stop_all(self) -> None:
        """Kill whatever of this stack still runs, whoever its parent is now."""
        deadline = time.monotonic() + 10
        while (rest := self.remaining()) and time.monotonic() < deadline:
            _kill(rest)
        for record in self.run_dir.glob("*.pid"):
            record.unlink(missing_ok=True)

    def remaining(self) -> list[psutil.Process]:
        """Every living process of this stack, this one and its ancestors excepted."""
        _reap()
        sessions = set()
        for path in self.run_dir.glob("*.pid"):
            record = self._read(path.stem)
            if record is not None and _birth(int(record["pid"])) in (None, record["birth"]):
                sessions.add(int(record["pid"]))
        homes = {str(self.run_dir), str(self.state_dir / "postgres")}
        here = psutil.Process()
        spared = {here.pid, *(each.pid for each in here.parents())}
        found: set[psutil.Process] = set()
        for process in psutil.process_iter():
            if process.pid not in spared and self._is_ours(process, sessions, homes):
                found.add(process)
                with contextlib.suppress(psutil.Error):
                    found.update(each for each in process.children(recursive=True) if each.pid not in spared)
        return [process for process in found if not _is_zombie(process.pid)]

    def _leftovers(self, name: str) -> list[psutil.Process]:
        """What a part that was killed left running: the rest of its session."""
        record = self._read(name)
        if record is None or _birth(int(record["pid"])) not in (None, record["birth"]):
            return []
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if os.getsid(process.pid) == record["pid"]:
                    found += [process, *process.children(recursive=True)]
        return found

    def _is_ours(self, process: psutil.Process, sessions: set[int], homes: set[str]) -> bool:
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) in sessions:
                return True
        with contextlib.suppress(psutil.Error, OSError):
            if process.cwd() in homes:
                return True
        with contextlib.suppress(psutil.Error, OSError):
            return bool(process.environ().get(MARK) == str(self.state_dir))
        return False

    def _spawn(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        log = self.log_path(name)
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            child = subprocess.Popen(  # noqa: S603 - the stack's own commands
                command,
                cwd=self.run_dir,
                env={**environment, MARK: str(self.state_dir)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _children.append(child)
        return child

    def _record(self, name: str) -> Path:
        return self.run_dir / f"{name}.pid"

    def _read(self, name: str) -> dict[str, float] | None:
        try:
            record: dict[str, float] = json.loads(self._record(name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return record


def _birth(pid: int) -> float | None:
    """When a process began, in a measure that no change of the clock moves where the system has one."""
    try:
        if platform.system() == "Linux":
            return float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        return round(float(psutil.Process(pid).create_time()), 1)
    except (OSError, psutil.Error):
        return None


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def _family(pid: int) -> set[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        leader = psutil.Process(pid)
        return {leader, *leader.children(recursive=True)}
    return set()


def _still_there(processes: Iterable[psutil.Process], patience: float) -> list[psutil.Process]:
    """Wait for the processes to end and return those that do not. A zombie has ended, whoever reaps it."""
    deadline = time.monotonic() + patience
    alive = list(processes)
    while alive := [each for each in alive if each.is_running() and not _is_zombie(each.pid)]:
        if time.monotonic() > deadline:
            break
        _reap()
        time.sleep(0.03)
    return alive


def _kill(processes: Iterable[psutil.Process]) -> None:
    doomed = list(processes)
    for process in doomed:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _still_there(doomed, 5)


def _reap() -> None:
    for child in [*_children]:
        if child.poll() is not None:
            _children.remove(child)
