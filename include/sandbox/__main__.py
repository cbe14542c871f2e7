"""`python -m include.sandbox`: start the sandbox."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import uvicorn

from .app import build
from .connections import CuttableProtocol
from .server import Server, Settings


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(prog="python -m include.sandbox", description="QuickBooks Online sandbox")
    found.add_argument("--host", default="127.0.0.1")
    found.add_argument("--port", type=int, default=int(os.environ.get("SANDBOX_PORT", "8083")))
    found.add_argument("--latency-ms", type=int, default=0, help="added to every API call")
    found.add_argument("--state-file", type=Path, help="keep the state here; without it: in memory")
    found.add_argument("--seed", type=int, default=0, help="of ids, tokens and all other chance")
    found.add_argument("--client-id", default=os.environ.get("SANDBOX_CLIENT_ID", "sandbox-client"))
    found.add_argument("--client-secret", default=os.environ.get("SANDBOX_CLIENT_SECRET", "sandbox-secret"))
    found.add_argument("--webhook-url", help="who is told of changes, as if entered in Intuit's portal")
    found.add_argument("--webhook-verifier-token", default=os.environ.get("SANDBOX_WEBHOOK_VERIFIER_TOKEN", ""))
    found.add_argument("--no-throttle", action="store_true", help="start without limits")
    found.add_argument("--log-level", default="warning")
    return found


def main() -> None:
    """Serve until stopped."""
    asked = parser().parse_args()
    server = Server(
        Settings(
            latency_ms=asked.latency_ms,
            state_file=asked.state_file,
            seed=asked.seed,
            client_id=asked.client_id,
            client_secret=asked.client_secret,
            throttled=not asked.no_throttle,
            webhook_url=asked.webhook_url,
            webhook_verifier_token=asked.webhook_verifier_token,
        )
    )
    uvicorn.run(
        build(server),
        host=asked.host,
        port=asked.port,
        http=CuttableProtocol,
        log_level=asked.log_level,
        access_log=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,
        server_header=False,
    )


if __name__ == "__main__":
    main()
