"""A company that is disconnected while a run is under way: nothing is wrong, and what is marked stays marked."""

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowSkipException


@contextmanager
def skipped_when_disconnected() -> Iterator[None]:
    """Make the task a skip, without retries. Raises AirflowSkipException."""
    # Imported in the task: the DAG processor parses the files without it.
    from include.qbo.errors import NotConnected

    try:
        yield
    except NotConnected as reason:
        raise AirflowSkipException(str(reason)) from None
