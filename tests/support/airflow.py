"""Airflow as the tests use it: by its REST API."""

import json
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.support.waiting import eventually


@dataclass
class Airflow:
    """Airflow as an operator's script uses it."""

    url: str
    username: str
    password: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        answer = requests.post(
            f"{self.url}/auth/token", json={"username": self.username, "password": self.password}, timeout=30
        )
        answer.raise_for_status()
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **parameters: Any) -> Any:
        """A GET of the public API."""
        answer = self.session.get(f"{self.url}/api/v2/{path}", params=parameters, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **body: Any) -> None:
        """A POST of the public API."""
        self.session.post(f"{self.url}/api/v2/{path}", json=body, timeout=30).raise_for_status()

    def delete(self, path: str) -> None:
        """A DELETE of it."""
        self.session.delete(f"{self.url}/api/v2/{path}", timeout=30).raise_for_status()

    def log(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, attempt: int = 1) -> str:
        """All lines of one try of a task."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        return json.dumps(self.get(path, map_index=map_index, full_content=True), ensure_ascii=False)

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run by hand; its id."""
        answer = self.session.post(
            f"{self.url}/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf}, timeout=30
        )
        answer.raise_for_status()
        return str(answer.json()["dag_run_id"])

    def backfill(self, dag_id: str, first: str, last: str) -> None:
        """What `airflow backfill create` does."""
        body = {"dag_id": dag_id, "from_date": first, "to_date": last, "max_active_runs": 2}
        answer = self.session.post(f"{self.url}/api/v2/backfills", json=body, timeout=30)
        answer.raise_for_status()

    def backfilled(self, dag_id: str) -> list[str]:
        """The ids of the runs that backfills of the DAG have made."""
        runs = self.get(f"dags/{dag_id}/dagRuns", run_type="backfill", limit=100)["dag_runs"]
        return [one["dag_run_id"] for one in runs]

    def wait(self, dag_id: str, run_id: str, seconds: float = 150) -> str:
        """The state in which a run ends."""
        ended = ("success", "failed")
        return str(
            eventually(
                lambda: (state := self.get(f"dags/{dag_id}/dagRuns/{run_id}")["state"]) in ended and state, seconds
            )
        )

    def tasks(self, dag_id: str, run_id: str = "~") -> list[Any]:
        """Task instances of a run (of all runs)."""
        return self.get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100, order_by="-start_date")[
            "task_instances"
        ]
