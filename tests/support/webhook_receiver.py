"""The receiver of webhooks as a process of its own."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import requests

from tests.support.sandbox.harness import free_port

PROJECT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def receiver_alone(environment: Mapping[str, str]) -> Iterator[str]:
    """Its address while it runs with this environment."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "include.webhook", "--port", str(port)]
    with subprocess.Popen(command, cwd=PROJECT, env=dict(environment)) as process:
        try:
            _until_it_answers(process, url)
            yield f"{url}/quickbooks/webhook"
        finally:
            process.terminate()


def _until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{url}/health", timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("the receiver of webhooks did not start")
