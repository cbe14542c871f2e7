"""Airflow's components as parts of the stack, and how to tell that they work."""

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from include.stack.web import call

# The log servers that the scheduler and the triggerer would open on all interfaces are left out:
# the api-server reads the same log folder.
COMMANDS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
_HEARTBEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "dag-processor": "latest_dag_processor_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
}


def command(arguments: list[str]) -> list[str]:
    """Airflow's command line, of the same Python as ours."""
    return [sys.executable, "-m", "airflow", *arguments]


def unhealthy(url: str, since: Mapping[str, float]) -> set[str]:
    """The components that do not yet work, by Airflow's own health page.

    A heartbeat older than the component's start is its forerunner's and proves nothing.
    """
    try:
        health = call(f"{url}/api/v2/monitor/health")
    except OSError:
        return set(COMMANDS)
    ill = set() if health["metadatabase"]["status"] == "healthy" else {"api-server"}
    for name, field in _HEARTBEATS.items():
        state = health[name.replace("-", "_")]
        beat = state.get(field)
        if state["status"] != "healthy" or not beat or _seconds(beat) < since[name]:
            ill.add(name)
    return ill


def token(url: str, username: str, password: str) -> str:
    """Log in as a user of the API."""
    answer = call(f"{url}/auth/token", body={"username": username, "password": password})
    return str(answer["access_token"])


def dag_files(folder: Path) -> set[str]:
    """The files that Airflow takes for DAG files: those that speak of a DAG and of Airflow."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if b"dag" in (text := path.read_bytes().lower()) and b"airflow" in text
    }


def parsed_since(url: str, bearer: str, since: float) -> tuple[set[str], dict[str, str]]:
    """The DAG files parsed after that moment, and what went wrong in those that could not be imported."""
    parsed = {
        str(dag["relative_fileloc"])
        for dag in _pages(url, "dags", bearer)
        if dag.get("last_parsed_time") and _seconds(dag["last_parsed_time"]) >= since
    }
    broken = {
        str(error["filename"]): str(error["stack_trace"]).strip().rpartition("\n")[2]
        for error in _pages(url, "importErrors", bearer)
        if _seconds(error["timestamp"]) >= since
    }
    return parsed, broken


def _pages(url: str, what: str, bearer: str) -> list[dict[str, Any]]:
    key = {"dags": "dags", "importErrors": "import_errors"}[what]
    found: list[dict[str, Any]] = []
    while True:
        page = call(f"{url}/api/v2/{what}?limit=100&offset={len(found)}", bearer)
        found += page[key]
        if len(found) >= page["total_entries"] or not page[key]:
            return found


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
