"""The receiver of webhooks as a process of its own."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping

import requests

from include.stack.postgres import PROJECT
from tests.support.sandbox.harness import free_port
from tests.support.waiting import eventually


@contextlib.contextmanager
def receiver_alone(environment: Mapping[str, str], output: int | None = None) -> Iterator[str]:
    """Its address while it runs with this environment. `output`: where its log goes; None: where ours does."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "include.webhook", "--port", str(port)]
    with subprocess.Popen(command, cwd=PROJECT, env=dict(environment), stdout=output, stderr=output) as process:
        try:
            eventually(lambda: _answers(process, url), 120)
            yield f"{url}/quickbooks/webhook"
        finally:
            process.terminate()


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    assert process.poll() is None, "the receiver of webhooks has ended"
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{url}/health", timeout=5).ok
    return False
