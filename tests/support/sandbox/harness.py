"""A sandbox process on a free port, and a small client for the tests."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[3]
NO_LIMITS = dict.fromkeys(("requests_per_minute", "requests_per_second", "concurrent", "batch_per_minute"))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Sandbox:
    """One running sandbox."""

    def __init__(self, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.http = requests.Session()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until healthy."""
        command = [sys.executable, "-m", "include.sandbox", "--port", str(self.port), *self.options]
        self.process = subprocess.Popen(command, cwd=ROOT)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.ConnectionError):
                if self.http.get(f"{self.url}/sandbox/health", timeout=2).status_code == 200:
                    return
            if self.process.poll() is not None:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.05)
        raise RuntimeError("the sandbox did not become healthy")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process."""
        if self.process is not None:
            self.process.send_signal(how)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None

    def memory(self) -> int:
        """Resident bytes."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """A control call that must succeed."""
        answer = self.http.request(method, f"{self.url}/sandbox{path}", json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def company(self, name: str, realm: str | None = None) -> str:
        """A new company's realm id."""
        asked = {"name": name} | ({"realm_id": realm} if realm else {})
        return str(self.control("/companies", asked)["realm_id"])

    def grant(self, realm: str) -> dict[str, Any]:
        """Fresh tokens."""
        tokens: dict[str, Any] = self.control(f"/companies/{realm}/grants")
        return tokens

    def token(self, **form: str) -> requests.Response:
        """The token endpoint."""
        return self.http.post(
            f"{self.url}/oauth2/v1/tokens/bearer", data=form, auth=("sandbox-client", "sandbox-secret"), timeout=20
        )
