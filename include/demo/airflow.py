"""Airflow through its REST API: trigger every DAG, and see whether any still runs."""

import datetime as dt
import time
from typing import Any
from urllib.parse import urlencode

import requests

TIMEOUT = 60
UNAUTHORIZED = 401


class AirflowError(Exception):
    """Airflow did not do what it was asked."""


class Airflow:
    """The local Airflow, as its admin."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._login = {"username": username, "password": password}
        self._session = requests.Session()

    def dag_ids(self) -> list[str]:
        """The DAGs that are not paused."""
        dags = self._call("GET", "dags?limit=200&paused=false")["dags"]
        return sorted(dag["dag_id"] for dag in dags)

    def wait_for_dags(self, wanted: set[str], seconds: float = 90) -> list[str]:
        """The DAGs, once those that are wanted have been parsed."""
        end = time.monotonic() + seconds
        while True:
            found = self.dag_ids()
            if wanted <= set(found):
                return found
            if time.monotonic() > end:
                missing = ", ".join(sorted(wanted - set(found)))
                raise AirflowError(f"Airflow does not know these DAGs, or they are paused: {missing}")
            time.sleep(1)

    def trigger(self, dag_id: str) -> str:
        """Start a run; its id."""
        return str(self._call("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"])

    def active_runs(self) -> int:
        """How many runs are queued or running, of any DAG."""
        return int(self._call("GET", "dags/~/dagRuns?state=queued&state=running&limit=1")["total_entries"])

    def failed_runs(self, since: dt.datetime) -> list[str]:
        """The runs since then that failed, each as DAG and run id."""
        query = urlencode({"state": "failed", "limit": 100, "run_after_gte": since.isoformat()})
        runs = self._call("GET", f"dags/~/dagRuns?{query}")["dag_runs"]
        return [f"{run['dag_id']} {run['dag_run_id']}" for run in runs]

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        for _ in range(2):
            answer = self._session.request(method, f"{self.url}/api/v2/{path}", json=body, timeout=TIMEOUT)
            if answer.status_code != UNAUTHORIZED:
                break
            self._log_in()
        if not answer.ok:
            raise AirflowError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def _log_in(self) -> None:
        answer = self._session.post(f"{self.url}/auth/token", json=self._login, timeout=TIMEOUT)
        if not answer.ok:
            raise AirflowError(f"Airflow refuses the login of {self._login['username']}: {answer.status_code}")
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
