"""The stack as a whole: every part up and healthy, or down to the last process."""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import psycopg

from include.stack import airflow, environment, postgres, sandbox
from include.stack.errors import StackError
from include.stack.keys import Keys, write_private
from include.stack.ports import Ports, require_free
from include.stack.process import Processes

STATE_DIR = postgres.PROJECT / ".local"
DAGS_DIR = postgres.PROJECT / "dags"
_SLOW = 180.0  # seconds after which a part that still lives is given up, on a busy machine

Tell = Callable[[str, str, float], None]


def _silent(part: str, what: str, seconds: float) -> None:
    """Say nothing."""


class Stack:
    """One complete stack in a state directory of its own.

    `Stack(directory, Ports.free())` is a private one for tests; without ports, those of the running stack of
    the directory, else those of the environment.
    """

    def __init__(
        self,
        state_dir: Path = STATE_DIR,
        ports: Ports | None = None,
        *,
        dags_dir: Path = DAGS_DIR,
        tell: Tell = _silent,
    ) -> None:
        self.state_dir = state_dir.resolve()
        self.processes = Processes(self.state_dir)
        self._ports_file = self.state_dir / "ports.json"
        self._asked_ports = ports
        self._dags_dir = dags_dir
        self._tell = tell

    @property
    def ports(self) -> Ports:
        """Where this stack listens, or would."""
        running = Ports.load(self._ports_file)
        return running or self._asked_ports or Ports.from_environment(os.environ)

    def is_running(self) -> bool:
        """Whether every part of the stack has a living process."""
        return not self.dead_parts()

    def parts(self) -> list[str]:
        """The names of all parts."""
        return ["postgres", "sandbox", *airflow.COMMANDS]

    def dead_parts(self) -> list[str]:
        """The parts that have no living process."""
        return [name for name in self.parts() if self.processes.pid(name) is None]

    def environment(self) -> dict[str, str]:
        """The contract's addresses and logins: what `make env` prints."""
        return environment.exports(self.ports, self._keys())

    def full_environment(self) -> dict[str, str]:
        """The environment that the parts run in: for our own commands that work on this stack."""
        return {**self._parts_environment(), **self.environment()}

    def up(self) -> None:
        """Start what is not running and return when everything is healthy."""
        with self._lock():
            dead = set(self.dead_parts())
            self._settle_ports(dead)
            if "postgres" in dead:
                self._start_postgres()
            if dead - {"postgres"}:
                self._prepare(dead)
            for name in airflow.COMMANDS:
                if name in dead:
                    self._start(name, airflow.command(airflow.COMMANDS[name]))
            self._await_airflow(dead)

    def down(self) -> None:
        """Stop all of it, the databases last, and leave no process behind."""
        if not self.processes.run_dir.exists():
            return
        with self._lock():
            self.processes.stop([*airflow.COMMANDS, "sandbox"], signal.SIGTERM, grace=8)
            self.processes.stop(["postgres"], signal.SIGINT, grace=15)
            self.processes.stop_all()
            self._ports_file.unlink(missing_ok=True)
            if left := self.processes.remaining():
                raise StackError(f"these processes would not end: {sorted(each.pid for each in left)}")

    def _keys(self) -> Keys:
        return Keys.of(self.state_dir / "secrets.json")

    def _parts_environment(self) -> dict[str, str]:
        return environment.of_parts(self.state_dir, self.ports, self._keys(), self._dags_dir)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        for folder in ("run", "logs", "sandbox", "airflow"):
            (self.state_dir / folder).mkdir(parents=True, exist_ok=True)
        with (self.state_dir / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second make up or down waits for the first
            yield

    def _settle_ports(self, dead: set[str]) -> None:
        running = Ports.load(self._ports_file)
        if len(dead) == len(self.parts()):
            running = None
            self._ports_file.unlink(missing_ok=True)
        if running is not None and self._asked_ports is None and running.contradicted_by(os.environ):
            raise StackError(f"this checkout's stack already runs on other ports ({running}): make down first")
        ports = self.ports
        needs = {"postgres": ports.postgres, "sandbox": ports.sandbox, "api-server": ports.airflow}
        for part, port in needs.items():
            if part in dead:
                require_free("airflow" if part == "api-server" else part, port)
        ports.save(self._ports_file)

    def _start(self, name: str, command: list[str]) -> None:
        self.processes.start(name, command, self._parts_environment())

    def _start_postgres(self) -> None:
        begun = time.monotonic()
        ports, keys = self.ports, self._keys()
        data_dir = self.state_dir / "postgres"
        postgres.create_cluster(data_dir, keys.postgres_password)
        self._start("postgres", postgres.server_command(data_dir, ports.postgres))
        self._wait("postgres", lambda: postgres.answers(self._admin_url()))
        postgres.create_database(
            self._admin_url(),
            postgres.AIRFLOW_DATABASE,
            postgres.AIRFLOW_OWNER,
            keys.airflow_database_password,
            createrole=False,
        )
        postgres.create_database(
            self._admin_url(), postgres.LMS_DATABASE, postgres.LMS_OWNER, keys.pilot_password, createrole=True
        )
        self._tell("postgres", f"127.0.0.1:{ports.postgres}", time.monotonic() - begun)

    def _prepare(self, dead: set[str]) -> None:
        """Schemas and the sandbox, side by side."""
        with ThreadPoolExecutor() as pool:
            jobs = [pool.submit(self._migrate_airflow), pool.submit(self._migrate_lms)]
            if "sandbox" in dead:
                jobs.append(pool.submit(self._start_sandbox))
            for job in jobs:
                job.result()

    def _start_sandbox(self) -> None:
        begun = time.monotonic()
        self._start("sandbox", sandbox.command(self.ports, self.state_dir))
        self._wait("sandbox", lambda: sandbox.is_healthy(self.ports))
        self._tell("sandbox", sandbox.base_url(self.ports), time.monotonic() - begun)

    def _migrate_lms(self) -> None:
        owners = environment.of_the_owner(self.ports, self._keys())
        self._run("lms-migrations", [sys.executable, "-m", "include.migrations"], "LMS schema", owners)

    def _migrate_airflow(self) -> None:
        """Airflow's own tables; the database remembers, in its comment, for which version they were made."""
        write_private(
            self.state_dir / "airflow" / "passwords.json",
            json.dumps({environment.ADMIN: self._keys().admin_password}) + "\n",
        )
        wanted = f"Airflow {version('apache-airflow-core')}"
        with psycopg.connect(self._admin_url(), autocommit=True) as connection:
            made_for = connection.execute(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
                [postgres.AIRFLOW_DATABASE],
            ).fetchone()
            if made_for is None or made_for[0] != wanted:
                self._run("airflow-migrations", airflow.command(["db", "migrate"]), "Airflow schema")
                connection.execute(
                    psycopg.sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                        psycopg.sql.Identifier(postgres.AIRFLOW_DATABASE), psycopg.sql.Literal(wanted)
                    )
                )

    def _run(self, name: str, command: list[str], title: str, also: Mapping[str, str] | None = None) -> None:
        begun = time.monotonic()
        if self.processes.run(name, command, {**self._parts_environment(), **(also or {})}) != 0:
            raise self._failure(name, "failed")
        self._tell(title, "up to date", time.monotonic() - begun)

    def _admin_url(self) -> str:
        return postgres.url("postgres", postgres.SUPERUSER, self._keys().postgres_password, self.ports.postgres)

    def _wait(self, name: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _SLOW
        while not is_ready():
            if self.processes.pid(name) is None:
                raise self._failure(name, "ended at once")
            if time.monotonic() > deadline:
                raise self._failure(name, f"is not healthy after {_SLOW:.0f} s")
            time.sleep(0.1)

    def _await_airflow(self, dead: set[str]) -> None:
        begun = time.monotonic()
        url = environment.airflow_url(self.ports)
        since = {name: self.processes.started_at(name) for name in airflow.COMMANDS}
        told = set(airflow.COMMANDS) - dead
        while True:
            ill = airflow.unhealthy(url, since)
            for name in airflow.COMMANDS:
                if name not in ill and name not in told:
                    told.add(name)
                    self._tell(name, url if name == "api-server" else "healthy", time.monotonic() - begun)
                if self.processes.pid(name) is None:
                    raise self._failure(name, "ended")
            if not ill:
                break
            if time.monotonic() - begun > _SLOW:
                name = sorted(ill)[0]
                raise self._failure(name, f"is not healthy after {_SLOW:.0f} s")
            time.sleep(0.2)
        self._await_dags(url, since["dag-processor"], quiet=not dead)

    def _await_dags(self, url: str, since: float, *, quiet: bool) -> None:
        begun = time.monotonic()
        wanted = airflow.dag_files(self._dags_dir)
        missing = wanted
        while True:
            with contextlib.suppress(OSError):  # a busy machine: asked again below
                bearer = airflow.token(url, environment.ADMIN, self._keys().admin_password)
                parsed, broken = airflow.parsed_since(url, bearer, since)
                if broken:
                    faults = "; ".join(f"{name}: {fault}" for name, fault in sorted(broken.items()))
                    raise StackError(f"everything runs, but Airflow cannot import {faults}")
                missing = wanted - parsed
                if not missing:
                    break
            if time.monotonic() - begun > _SLOW:
                raise StackError(f"everything runs, but Airflow finds no DAG in {', '.join(sorted(missing))}")
            time.sleep(0.3)
        if not quiet:
            self._tell("DAGs", f"{len(wanted)} files parsed", time.monotonic() - begun)

    def _failure(self, name: str, what: str) -> StackError:
        log = self.processes.log_path(name)
        words = self.processes.last_words(name)
        return StackError(f"{name} {what}, see {_short(log)}{': ' if words else ''}{words}")


def _short(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def shell_lines(variables: Mapping[str, str]) -> str:
    """The variables as lines that any POSIX shell can evaluate."""
    return "".join(f"export {name}='{value}'\n" for name, value in variables.items())
