"""A private stack that can be troubled: relays in its lines, a disk under PostgreSQL, clocks that can be moved.

And a supervisor that starts again what has died, as systemd or Docker (`restart: unless-stopped`) do.
"""

import json
import os
import pwd
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

from include.stack import airflow, postgres, sandbox, unprivileged
from include.stack.keys import Keys
from include.stack.ports import Ports
from include.stack.stack import Stack
from tests.chaos.network import Relay

#: The lines with relays in them, by where they lead.
LMS, METADATA, QUICKBOOKS = "the LMS database", "Airflow's database", "QuickBooks"
#: Bytes of PostgreSQL's disk, and what is left free of it when it is full.
DISK, LEFT_FREE = 8 << 30, 200 << 10
#: What people do to this many records at once is not in question here.
_NEVER_HELD = "1000000"
#: Seconds after which a task without a heartbeat is dead; so long, and so few tasks at once, that on a slow machine
#: tasks die of the troubles and not of each other.
HEARTBEAT = 60
_PATIENT = {
    "AIRFLOW__CORE__PARALLELISM": "8",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT),
}
#: Where Debian has libfaketime.
_FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
#: Seconds until a moved clock is noticed.
CLOCK_NOTICED = 2

#: Of a full disk, of connections in use, of a session that was killed, of a kill of its own.
_FELT = (
    "No space left on device", "remaining connection slots are reserved",
    "terminating any other active server processes",
    "database system was not properly shut down",
)  # fmt: skip


class House(Stack):
    """A stack whose parts reach PostgreSQL and QuickBooks by relays."""

    def __init__(self, state_dir: Path) -> None:
        ports, relayed = _two_of(Ports.free)
        super().__init__(state_dir, ports)
        self.lines = {
            LMS: Relay(relayed.postgres, ports.postgres),
            METADATA: Relay(relayed.airflow, ports.postgres),
            QUICKBOOKS: Relay(relayed.sandbox, ports.sandbox),
        }
        self.disk: Path | None = None
        #: What the database's clock is to show, for libfaketime. Only the database's: under it Python cannot sleep (its
        #: clock_nanosleep fails with EINVAL). Against each other all clocks move with that.
        self._clock = state_dir / "clock-of-the-database"
        found = sorted(Path("/").glob(_FAKETIME.lstrip("/")))
        self.faketime = str(found[0]) if found else None
        #: Of the supervisor and of everybody who looks for processes.
        self.lock = threading.RLock()

    def open(self) -> None:
        """Everything up, on a disk of its own where this user may have one."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self.move_clock(0)
        self._put_postgres_on_a_disk()
        self.up()
        with psycopg.connect(self._admin_url(), autocommit=True) as admin:
            admin.execute("alter system set wal_recycle = off")
            admin.execute("select pg_reload_conf()")

    def left_out(self) -> list[str]:
        """What cannot go wrong on this machine, and why."""
        found = []
        if not self.disk:
            found.append("PostgreSQL's disk full (only root may give it a small one)")
        if not self.faketime:
            found.append("the database's clock moved (Debian's package libfaketime is not installed)")
        return found

    def close(self, *, keep: bool) -> None:
        """Everything down; `keep`: what PostgreSQL has written comes along."""
        self.down()
        for line in self.lines.values():
            line.close()
        if self.disk:
            if keep:
                shutil.copytree(self.disk, self.state_dir / "postgres-kept", ignore_dangling_symlinks=True)
            subprocess.run(["umount", str(self.disk)], check=True)

    def revive(self, name: str) -> None:
        """Start a part, and nothing else."""
        commands: dict[str, Callable[[], list[str]]] = {
            "postgres": lambda: postgres.server_command(self.state_dir / "postgres", self.ports.postgres),
            "sandbox": lambda: sandbox.command(self.ports, self.state_dir),
        }
        own = commands.get(name) or (lambda: airflow.command(airflow.COMMANDS[name]))
        with self.lock:
            if self.processes.pid(name) is None:
                self._start(name, own())

    def fill_disk(self) -> None:
        """Hardly anything can be written any more."""
        used = shutil.disk_usage(self._disk()).used
        self._resize((used + LEFT_FREE) // 1024 * 1024)
        # What PostgreSQL has of its log on the disk already would last for minutes: it needs the next file now.
        with suppress(psycopg.Error), psycopg.connect(self._admin_url(), autocommit=True, connect_timeout=5) as admin:
            for _ in range(3):
                admin.execute("select pg_switch_wal()")
                admin.execute("select pg_logical_emit_message(true, 'chaos', '')")

    def free_disk(self) -> None:
        """There is room again."""
        self._resize(DISK)

    def move_clock(self, seconds: int) -> None:
        """The database's clock is ahead or back by so much from now on."""
        draft = self._clock.with_suffix(".new")
        draft.write_text(f"{seconds:+d}s\n")
        draft.chmod(0o644)
        draft.replace(self._clock)

    def refusals(self) -> Counter[str]:
        """What PostgreSQL's log says of the faults that a count of them cannot show to have been felt."""
        found: Counter[str] = Counter()
        for log in (self.processes.log_path("postgres"), self.processes.log_path("postgres").with_suffix(".log.1")):
            if log.exists():
                words = log.read_text(errors="replace")
                found += Counter({f"PostgreSQL said: {one}": words.count(one) for one in _FELT})
        return found

    def tasks_done(self) -> int | None:
        """How many tasks have succeeded so far, if the database answers."""
        url = postgres.url(
            postgres.AIRFLOW_DATABASE, postgres.SUPERUSER, self._keys().postgres_password, self.ports.postgres
        )
        try:
            with psycopg.connect(url, connect_timeout=5) as connection:
                row = connection.execute("select count(*) from task_instance where state = 'success'").fetchone()
        except psycopg.Error:
            return None
        return int(row[0]) if row else None

    def superuser_url(self) -> str:
        """The stack's PostgreSQL."""
        return self._admin_url()

    def _parts_environment(self) -> dict[str, str]:
        """As usual, but by the relays: every connection that the environment names, whatever its role."""
        usual, ports = super()._parts_environment(), self.ports
        relayed = {
            name: value.replace(sandbox.base_url(ports), f"http://127.0.0.1:{self.lines[QUICKBOOKS].port}")
            for name, value in usual.items()
            if name.startswith("AIRFLOW_CONN_") and value
        }
        for name, value in relayed.items():
            connection = json.loads(value)
            if connection["conn_type"] == "postgres":
                line = METADATA if connection["schema"] == postgres.AIRFLOW_DATABASE else LMS
                relayed[name] = json.dumps({**connection, "port": self.lines[line].port})
        metadata = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
        relayed[metadata] = usual[metadata].replace(f":{ports.postgres}/", f":{self.lines[METADATA].port}/")
        return {**usual, **relayed, **_PATIENT, "PILOT_MASS_DELETE_MINIMUM": _NEVER_HELD}

    def _start(self, name: str, command: list[str]) -> None:
        if name == "postgres" and self.faketime:
            # As the user that PostgreSQL runs as: what libfaketime shares between processes belongs to who made it.
            as_user = unprivileged.command([])
            command = [*as_user, "/usr/bin/env", *self._by_its_clock(), *command[len(as_user) :]]
        with self.lock:
            self.processes.start(name, command, self._parts_environment())

    def _by_its_clock(self) -> list[str]:
        return [
            f"LD_PRELOAD={self.faketime}",
            f"FAKETIME_TIMESTAMP_FILE={self._clock}",
            f"FAKETIME_CACHE_DURATION={CLOCK_NOTICED}",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "NO_FAKE_STAT=1",
        ]

    def _put_postgres_on_a_disk(self) -> None:
        """A file system in memory, whose size root can change. Without root there is none, and the disk never fills."""
        data = self.state_dir / "postgres"
        if os.geteuid() != 0 or not shutil.which("mount"):
            return
        owner = pwd.getpwnam(unprivileged.USER)
        data.mkdir(mode=0o700)
        options = f"size={DISK},mode=0700,uid={owner.pw_uid},gid={owner.pw_gid}"
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(data)], check=False).returncode:
            data.rmdir()
            return
        self.disk = data
        made = self.state_dir / "postgres-made"
        postgres.create_cluster(made, Keys.of(self.state_dir / "secrets.json").postgres_password)
        subprocess.run(["cp", "-a", f"{made}/.", str(data)], check=True)
        shutil.rmtree(made)

    def _disk(self) -> Path:
        if self.disk is None:
            raise RuntimeError("PostgreSQL has no disk of its own")
        return self.disk

    def _resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self._disk())], check=True)

    # ------------------------------------------------------------------------------------------ its processes

    def family(self, name: str) -> list[psutil.Process]:
        """A part and all that it has started."""
        with self.lock:
            pid = self.processes.pid(name)
        try:
            leader = psutil.Process(pid) if pid else None
            return [leader, *leader.children(recursive=True)] if leader else []
        except psutil.Error:
            return []

    def tasks(self) -> list[psutil.Process]:
        """The processes of tasks that run now: their own, and the executor's workers that look after them."""
        return [one for one in self.family("scheduler") if is_task(one)]

    def sessions(self) -> list[psutil.Process]:
        """PostgreSQL's processes that serve somebody."""
        databases = (f" {postgres.LMS_DATABASE} ", f" {postgres.AIRFLOW_DATABASE} ")
        return [one for one in self.family("postgres")[1:] if any(name in _title(one) for name in databases)]


def _two_of(draw: Callable[[], Ports]) -> tuple[Ports, Ports]:
    while True:
        first, second = draw(), draw()
        if len({*vars(first).values(), *vars(second).values()}) == 6:
            return first, second


def is_task(process: psutil.Process) -> bool:
    """Whether a task runs in it. An idle worker of the executor is none: it may hold the lock of the executor's queue
    (`multiprocessing.SimpleQueue` waits with it), and killed so, no task starts again until the scheduler does.
    """
    title = _title(process)
    return title.startswith("airflow worker -- ") and "<idle>" not in title


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


class Supervisor:
    """Starts again what has died, a moment later."""

    def __init__(self, house: House, rng: random.Random) -> None:
        self._house, self._rng = house, rng
        self.revived: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def lives(self) -> bool:
        """Whether it still looks after them."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Nothing is started again any more."""
        self._over.set()
        self._thread.join(60)

    def _watch(self) -> None:
        dead_since: dict[str, float] = {}
        while not self._over.wait(0.3):
            with self._house.lock:
                dead = self._house.dead_parts()
            for name in dead:
                due = dead_since.setdefault(name, time.monotonic() + self._rng.uniform(0.5, 3.0))
                if time.monotonic() >= due:
                    del dead_since[name]
                    self._house.revive(name)
                    self.revived[name] += 1
