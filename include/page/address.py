"""Addresses: of the page itself, of Airflow's UI, and what a link out of Airflow's frame needs."""

from urllib.parse import quote, urlencode, urlsplit

from airflow.configuration import conf
from fastapi import Request

CALLBACK = "/oauth/callback"
WEBHOOK = "/webhook"


def airflow_base() -> str:
    """Airflow's public address, without a slash at the end."""
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def redirect_uri() -> str:
    """Where Intuit sends the browser back to. Must be registered with Intuit to the letter."""
    return f"{airflow_base()}/quickbooks{CALLBACK}"


def webhook_address() -> str:
    """Where QuickBooks' notifications go. To be entered at Intuit."""
    return f"{airflow_base()}/quickbooks{WEBHOOK}"


def at(request: Request, path: str, **query: object) -> str:
    """A path of the page as the browser must ask for it."""
    asked = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{request.scope.get('root_path', '')}{path}" + (f"?{urlencode(asked)}" if asked else "")


def run_url(dag_id: str, run_id: str) -> str:
    """A DAG run in Airflow's UI."""
    return f"{_ui()}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def log_url(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """A task's log in Airflow's UI."""
    task = f"{run_url(dag_id, run_id)}/tasks/{quote(task_id, safe='')}"
    return task if map_index < 0 else f"{task}/mapped/{map_index}"


def page_in_airflow() -> str:
    """The page inside Airflow's UI."""
    return f"{_ui()}/plugin/quickbooks"


def is_framed(request: Request) -> bool:
    """Whether the browser shows the answer in a frame: Intuit's page and new tabs are impossible there."""
    return request.headers.get("sec-fetch-dest") in ("iframe", "frame")


def _ui() -> str:
    return urlsplit(airflow_base()).path.rstrip("/")
