"""Airflow's own history: its tables by Airflow's own command, and the logs of its tasks."""

import contextlib
import logging
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from airflow.sdk import Connection

#: Airflow's connection to its own metadata database. A task has no other way to it.
CONNECTION_ID = "airflow_db"

#: Days that runs, tasks and their logs are kept, where no setting says otherwise.
DAYS = 30

#: What tells how runs went. Not `trigger`: the event triggers live as long as the DAGs and are old by their date, and
#: without them the DAGs are woken by the clock only. Not `dag`: a DAG that was away for a while would lose its pause.
TABLES = (
    "asset_event",
    "callback",
    "connection_test_request",
    "dag_run",
    "dag_version",
    "deadline",
    "import_error",
    "job",
    "log",
    "revoked_token",
    "task_instance",
    "task_instance_history",
    "task_state_store",
    "xcom",
)
_COUNTED = re.compile(r"^Checking table (\w+)\nFound (\d+) rows", re.MULTILINE)
#: A folder is made before the file in it: one that is empty and young is about to be used.
_YOUNG = timedelta(days=1)

log = logging.getLogger(__name__)


class CleaningFailed(Exception):
    """Airflow's command did not do it; the message is what it said last."""


def history_days() -> int:
    """How many days Airflow's own history is kept. At least one: a running task's rows must stay."""
    days = int(os.environ.get("PILOT_AIRFLOW_HISTORY_DAYS") or DAYS)
    if days < 1:
        raise ValueError("PILOT_AIRFLOW_HISTORY_DAYS must be 1 or more")
    return days


def prune_tables(database: Connection, before: datetime, *, dry_run: bool = False) -> dict[str, int]:
    """Delete what is older from the metadata database; the rows, by table. `dry_run`: count them only.

    In a process of its own, because Airflow gives a task no access to its database. The login is in that process'
    environment: not on its command line, which everybody on the machine can read, and not in the log.
    """
    command = [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before.isoformat()]
    command += ["--tables", ",".join(TABLES), "--skip-archive", "--yes", "--error-on-cleanup-failure"]
    done = subprocess.run(  # noqa: S603 - words of this module and a time
        [*command, "--dry-run"] if dry_run else command,
        env={**_environment(), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _url(database)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CleaningFailed(_without_password("\n".join(done.stdout.splitlines()[-20:]), database))
    return {table: int(rows) for table, rows in _COUNTED.findall(done.stdout)}


def delete_logs(folder: Path, before: datetime, *, dry_run: bool = False) -> dict[str, int]:
    """Delete the log files that were last written before, and folders that are empty since a day; how many files and
    bytes. `dry_run`: count them only."""
    found = {"files": 0, "bytes": 0}
    oldest, empty_since = before.timestamp(), (datetime.now(UTC) - _YOUNG).timestamp()
    for parent, folders, names in os.walk(folder, topdown=False):
        for path in (Path(parent, name) for name in names):
            # What somebody else has just moved or used is left to the next day.
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                if status.st_mtime < oldest and not path.is_symlink():
                    if not dry_run:
                        path.unlink()
                    found["files"] += 1
                    found["bytes"] += status.st_size
        for path in (Path(parent, name) for name in folders):
            with contextlib.suppress(OSError):
                if not dry_run and not path.is_symlink() and path.stat().st_mtime < empty_since:
                    path.rmdir()  # refused where it is not empty
    return found


def _environment() -> dict[str, str]:
    """The task's, less what keeps it from Airflow's database and what that command has no use for."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW_CONN_", "PILOT_TOKEN_KEY"))
    }


def _url(database: Connection) -> str:
    login = f"{quote(database.login or '', safe='')}:{quote(database.password or '', safe='')}"
    return f"postgresql+psycopg2://{login}@{database.host}:{database.port or 5432}/{database.schema}"


def _without_password(text: str, database: Connection) -> str:
    for secret in (database.password, quote(database.password or "", safe="")):
        text = text.replace(secret, "***") if secret else text
    return text
