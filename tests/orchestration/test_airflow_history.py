"""Airflow's own history: old rows leave a real metadata database, old logs their folder, and no secret is told."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from airflow.sdk import Connection

from include.orchestration.airflow_history import (
    TABLES,
    CleaningFailed,
    delete_logs,
    history_days,
    prune_tables,
)
from include.stack.ports import HOST
from include.stack.postgres import ThrowawayServer, create_database, url
from tests.support import airflow_runs

PASSWORD = "p@ss/word: 100%?"


@dataclass(frozen=True)
class Metadata:
    """Airflow's database, and the folder of the DAG that makes its history."""

    connection: Connection
    url: str
    environment: dict[str, str]
    dags: Path

    def sql(self, statement: str) -> list[tuple]:
        """Run it, and commit."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def run(self, count: int) -> None:
        """Run the DAG."""
        command = [sys.executable, "-m", "tests.support.airflow_runs", str(self.dags), str(count)]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)

    def move_clock(self, days: int) -> None:
        """All that is there is so much older."""
        columns = self.sql(
            "select table_name, string_agg(format('%1$I = %1$I - make_interval(days => {days})', column_name), ', ')"
            " from information_schema.columns where data_type = 'timestamp with time zone'"
            f" and table_name in ({', '.join(map(repr, TABLES))}) group by table_name"
        )
        for table, ages in columns:
            self.sql(f"update {table} set {ages.format(days=days)}")

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: self.sql(f"select count(*) from {table}")[0][0] for table in TABLES}


@pytest.fixture(scope="module")
def metadata(postgres_server: ThrowawayServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metadata]:
    home = tmp_path_factory.mktemp("airflow")
    airflow_runs.write_dag(home / "dags")
    create_database(postgres_server.admin_url, "metadata", "metadata", PASSWORD, createrole=False)
    connection = Connection(
        conn_id="airflow_db",
        conn_type="postgres",
        host=HOST,
        port=postgres_server.port,
        schema="metadata",
        login="metadata",
        password=PASSWORD,
    )
    owner = url("metadata", "postgres", "throwaway", postgres_server.port)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url(
            "metadata", "metadata", "p%40ss%2Fword%3A%20100%25%3F", postgres_server.port, "postgresql+psycopg2"
        ),
    }
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=environment, check=True, capture_output=True)
    yield Metadata(connection, owner, environment, home / "dags")


@pytest.fixture(autouse=True)
def in_a_task(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a task's environment says of the database."""
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "airflow-db-not-allowed:///")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))


@pytest.mark.timeout(900)
def test_old_runs_go_and_recent_ones_and_the_triggers_stay(metadata: Metadata) -> None:
    metadata.run(2)
    metadata.move_clock(31)
    metadata.run(1)
    metadata.sql(
        "insert into trigger (classpath, kwargs, created_date) values ('of.an.Asset', '{}', now() - interval '1 year')"
    )
    before = datetime.now(UTC) - timedelta(days=30)
    counted = prune_tables(metadata.connection, before, dry_run=True)
    assert (counted["dag_run"], counted["task_instance"], counted["xcom"]) == (2, 4, 4)
    assert metadata.rows()["dag_run"] == 3, "a dry run deletes nothing"
    deleted = prune_tables(metadata.connection, before)
    assert deleted["dag_run"] == 2
    left = metadata.rows()
    assert (left["dag_run"], left["task_instance"], left["xcom"]) == (1, 2, 2)
    assert metadata.sql("select classpath from trigger") == [("of.an.Asset",)]
    assert metadata.sql("select dag_id from dag") == [("history",)]
    assert metadata.sql("select 1 from pg_tables where tablename like '\\_airflow\\_deleted%'") == []
    assert sum(prune_tables(metadata.connection, before).values()) == 0


def test_what_fails_is_said_without_the_password(metadata: Metadata) -> None:
    wrong = Connection(**{**_fields(metadata.connection), "password": "of/another"})
    with pytest.raises(CleaningFailed, match="password authentication failed") as raised:
        prune_tables(wrong, datetime.now(UTC))
    assert "of/another" not in str(raised.value) and "of%2Fanother" not in str(raised.value)


def _fields(connection: Connection) -> dict[str, object]:
    names = ("conn_id", "conn_type", "host", "port", "schema", "login", "password")
    return {name: getattr(connection, name) for name in names}


def test_old_logs_go_with_their_folders_and_what_is_young_stays(tmp_path: Path) -> None:
    now = time.time()
    ages = {"dag_id=a/run_id=1/attempt=1.log": 31, "dag_id=a/run_id=2/attempt=1.log": 29, "dag_id=b/x/1.log": 40}
    for name, days in ages.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("0123456789")
        os.utime(path, (now - days * 86400, now - days * 86400))
    (tmp_path / "just made").mkdir()
    (tmp_path / "latest").symlink_to(tmp_path / "dag_id=b")
    before = datetime.now(UTC) - timedelta(days=30)
    assert delete_logs(tmp_path, before, dry_run=True) == {"files": 2, "bytes": 20}
    assert delete_logs(tmp_path, before) == {"files": 2, "bytes": 20}
    for folder in [path for path in tmp_path.rglob("*") if path.is_dir() and path.name != "just made"]:
        os.utime(folder, (now - 2 * 86400, now - 2 * 86400))
    assert delete_logs(tmp_path, before) == {"files": 0, "bytes": 0}
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert {"dag_id=a/run_id=2/attempt=1.log", "just made", "latest"} <= left
    assert "dag_id=a/run_id=1" not in left and "dag_id=b/x" not in left


@pytest.mark.parametrize(("given", "days"), [("", 30), ("7", 7)])
def test_the_setting_says_how_long(monkeypatch: pytest.MonkeyPatch, given: str, days: int) -> None:
    monkeypatch.setenv("PILOT_AIRFLOW_HISTORY_DAYS", given)
    assert history_days() == days


def test_what_runs_now_is_never_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOT_AIRFLOW_HISTORY_DAYS", "0")
    with pytest.raises(ValueError, match="must be 1 or more"):
        history_days()


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_month_of_runs_levels_off(metadata: Metadata, tmp_path: Path) -> None:
    """Some runs a day, the clock moved by a day after each, and a week of history kept: from then on nothing grows."""
    kept, runs = 7, 5
    sizes: list[tuple[int, int, int]] = []
    print(f"\n{'day':>4} {'rows':>6} {'kB':>7} {'log files':>10}")
    for day in range(1, 31):
        metadata.run(runs)
        for number in range(runs):
            (tmp_path / f"{day}-{number}.log").write_text("a line\n" * 100)
        prune_tables(metadata.connection, datetime.now(UTC) - timedelta(days=kept))
        delete_logs(tmp_path, datetime.now(UTC) - timedelta(days=kept))
        metadata.sql("vacuum analyze")  # as autovacuum would, in a day
        kilobytes = sum(metadata.sql(f"select pg_total_relation_size('{table}')")[0][0] for table in TABLES) // 1024
        sizes.append((sum(metadata.rows().values()), kilobytes, len(list(tmp_path.iterdir()))))
        print(f"{day:>4} {sizes[-1][0]:>6} {sizes[-1][1]:>7} {sizes[-1][2]:>10}")
        metadata.move_clock(1)
        for path in tmp_path.iterdir():
            os.utime(path, (path.stat().st_mtime - 86400, path.stat().st_mtime - 86400))
    (rows_then, size_then, logs_then), (rows_now, size_now, logs_now) = sizes[kept + 2], sizes[-1]
    assert rows_now <= rows_then * 1.1 and logs_now == logs_then
    assert size_now <= size_then * 1.2
    assert rows_now > rows_then / 2, "what is recent is kept"
