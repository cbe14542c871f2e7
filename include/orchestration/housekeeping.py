"""The tasks of the housekeeping."""

import logging
from datetime import UTC, datetime, timedelta

from airflow.sdk import get_current_context, task

log = logging.getLogger(__name__)


@task(task_display_name="Sync's history")
def prune() -> dict[str, int]:
    """Delete old history of the sync; the rows deleted, by table."""
    from include.orchestration.runtime import audit_days, open_lms, proof_days
    from include.sync.retention import prune as delete_old

    dry_run = get_current_context()["params"]["dry_run"]
    with open_lms()() as connection:
        deleted = delete_old(connection, proof_days(), audit_days(), dry_run=dry_run)
    log.info("%s of the sync's history", _rows(deleted, dry_run))
    return deleted


@task(task_display_name="Airflow's tables")
def prune_airflow() -> dict[str, int]:
    """Delete old runs, tasks and events from Airflow's own database; the rows deleted, by table."""
    from airflow.exceptions import AirflowNotFoundException
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowSkipException

    from include.orchestration.airflow_history import CONNECTION_ID, history_days, prune_tables

    dry_run = get_current_context()["params"]["dry_run"]
    try:
        database = BaseHook.get_connection(CONNECTION_ID)
    except AirflowNotFoundException:
        raise AirflowSkipException(
            f"no Airflow connection {CONNECTION_ID}: run `airflow db clean` by other means (docs/operations.md)"
        ) from None
    days = history_days()
    deleted = prune_tables(database, datetime.now(UTC) - timedelta(days=days), dry_run=dry_run)
    log.info("%s of Airflow's tables, older than %s days", _rows(deleted, dry_run), days)
    return deleted


@task(task_display_name="Airflow's logs")
def delete_airflow_logs() -> dict[str, int]:
    """Delete old log files; how many files and bytes."""
    from pathlib import Path

    from airflow.sdk import conf

    from include.orchestration.airflow_history import delete_logs, history_days

    dry_run = get_current_context()["params"]["dry_run"]
    days, folder = history_days(), Path(conf.get("logging", "base_log_folder"))
    deleted = delete_logs(folder, datetime.now(UTC) - timedelta(days=days), dry_run=dry_run)
    verb = "would be deleted" if dry_run else "deleted"
    log.info("%s log files (%s bytes) %s, older than %s days", deleted["files"], deleted["bytes"], verb, days)
    return deleted


def _rows(deleted: dict[str, int], dry_run: bool) -> str:
    return f"{sum(deleted.values())} rows {'would be deleted' if dry_run else 'deleted'}"
