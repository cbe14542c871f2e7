"""`python -m include.webhook`: receive QuickBooks' webhooks in a process of its own.

Needs what the api-server has: Airflow's settings and secrets, among them the connections `quickbooks` and
`lms_db_page`.
"""

import argparse
import logging

import uvicorn

from include.orchestration.runtime import use_airflows_connections
from include.webhook.receiver import make_app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m include.webhook", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8085)
    asked = parser.parse_args()
    use_airflows_connections()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        make_app(), host=asked.host, port=asked.port, log_level="warning", access_log=False, server_header=False
    )


if __name__ == "__main__":
    main()
