"""The QuickBooks sandbox as a part of the stack: another process, known by its address only."""

import sys
from pathlib import Path

from include.stack.ports import HOST, Ports
from include.stack.web import call

CLIENT_ID = "sandbox-client"
TOKEN_PATH = "/oauth2/v1/tokens/bearer"  # noqa: S105 - a path


def base_url(ports: Ports) -> str:
    """Where the sandbox stands in for Intuit's servers."""
    return f"http://{HOST}:{ports.sandbox}"


def webhook_url(ports: Ports) -> str:
    """Where it tells Airflow of changes, as Intuit would."""
    return f"http://{HOST}:{ports.airflow}/quickbooks/webhook"


def command(ports: Ports, state_dir: Path) -> list[str]:
    """The command line that starts it, its companies kept in the state directory."""
    state_file = state_dir / "sandbox" / "state.jsonl"
    arguments = ["--port", str(ports.sandbox), "--state-file", str(state_file), "--webhook-url", webhook_url(ports)]
    return [sys.executable, "-m", "include.sandbox", *arguments]


def is_healthy(ports: Ports) -> bool:
    """Whether it answers."""
    try:
        call(f"{base_url(ports)}/sandbox/health")
    except OSError:
        return False
    return True
