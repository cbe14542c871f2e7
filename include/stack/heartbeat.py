"""`python -m include.stack.heartbeat scheduler http://api-server:8080`: 0 if that component's heart beats.

The health check of a container. It asks Airflow's own page, in a twentieth of a second; `airflow jobs check` loads all
of Airflow each time.
"""

import sys

from include.stack.web import call


def main(component: str, url: str) -> int:
    """As a health check: what is wrong goes to standard output."""
    try:
        status = call(f"{url}/api/v2/monitor/health")[component]["status"]
    except (OSError, ValueError) as error:
        status = f"unknown: {error}"
    if status != "healthy":
        sys.stdout.write(f"{component}: {status}\n")
    return 0 if status == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
