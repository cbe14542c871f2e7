"""`python -m include.stack.worker_ping`: 0 if the Celery worker of this container answers.

The health check of a worker. `celery --app airflow… inspect ping` loads all of Airflow, five seconds of CPU each time:
on a busy machine it ran out of time although the worker answered.
"""

import os
import shlex
import socket
import subprocess
import sys

from celery import Celery
from kombu.exceptions import OperationalError

#: Seconds that a busy worker may take to answer.
PATIENCE = 20.0


def main() -> int:
    """As a health check: what is wrong goes to standard output, never the broker's address, which has a password."""
    name = f"celery@{socket.gethostname()}"
    command = shlex.split(os.environ["AIRFLOW__CELERY__BROKER_URL_CMD"])  # read as Airflow reads it
    broker = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603  # ours
    try:
        answers = Celery(broker=broker, set_as_current=False).control.inspect([name], timeout=PATIENCE).ping()
        wrong = "does not answer"
    except (OperationalError, ValueError) as error:  # ValueError: the address is none
        answers, wrong = None, f"cannot be asked through Redis: {type(error).__name__}"
    if not answers:
        sys.stdout.write(f"{name} {wrong}\n")
    return 0 if answers else 1


if __name__ == "__main__":
    sys.exit(main())
