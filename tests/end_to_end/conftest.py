"""Both sides around a running Airflow: the LMS and QuickBooks of a private stack, and Airflow's REST API."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from include.stack.ports import Ports
from include.stack.stack import Stack
from tests.waiting import eventually
from tests.world import World, make_world


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

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run by hand; its id."""
        answer = self.session.post(
            f"{self.url}/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf}, timeout=30
        )
        answer.raise_for_status()
        return str(answer.json()["dag_run_id"])

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


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole private stack, Airflow included. Ends with these tests: an idle Airflow costs a quarter of a core."""
    private = Stack(tmp_path_factory.mktemp("stack"), Ports.free())
    private.up()
    yield private
    private.down()


@pytest.fixture(scope="package")
def airflow(stack: Stack) -> Airflow:
    """The private stack's Airflow."""
    address = stack.environment()
    return Airflow(address["AIRFLOW_API_URL"], address["AIRFLOW_USERNAME"], address["AIRFLOW_PASSWORD"])


@pytest.fixture
def live(stack: Stack) -> Iterator[World]:
    """A lab of its own on the private stack, whose Airflow syncs it by itself."""
    address = stack.full_environment()
    with make_world(
        address["LMS_DATABASE_URL"],
        address["QBO_BASE_URL"],
        token_key=address["PILOT_TOKEN_KEY"],
        client_secret=address["QBO_CLIENT_SECRET"],
    ) as world:
        yield world
        # The lab stays in the database; what it left behind must not keep the DAGs busy.
        world.sql("update qbo_sync.connection set direction = 'lms_to_qbo', sync_invoices = false")
