"""From Airflow to the sync: its connections and settings as a Runtime."""

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import BaseHook

from include.company.runtime import Run, Runtime
from include.company.throttle import Budget
from include.company.tokens import TokenVault
from include.lms.database import prepare
from include.model.settings import MassDeleteLimit
from include.orchestration.listening import CONNECTION_ID
from include.orchestration.metrics import AirflowMetrics
from include.orchestration.quickbooks_hook import QuickBooksHook
from include.sync.retention import AUDIT_DAYS, PROOF_DAYS

#: The LMS database for people's decisions: the page, and `make connect`.
PAGE_CONNECTION_ID = "lms_db_page"


def runtime(run: Run, lms_connection_id: str = CONNECTION_ID) -> Runtime:
    """A runtime on the Airflow connections `lms_db` (or another to the same database, with another role's rights) and
    `quickbooks`. Raises KeyError if PILOT_TOKEN_KEY is unset and its file is not there."""
    return Runtime(
        connect=open_lms(lms_connection_id),
        app=QuickBooksHook().get_conn(),
        vault=TokenVault(token_key()),
        budget=_budget(),
        run=run,
        mass_delete_limit=_mass_delete_limit(),
        metrics=AirflowMetrics(),
    )


def use_airflows_connections() -> None:
    """For a process of ours that is none of Airflow's: also the connections made in its user interface are found, not
    only those in the environment."""
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def open_lms(connection_id: str = CONNECTION_ID) -> Callable[[], psycopg.Connection[Any]]:
    """What opens the LMS database by an Airflow connection. Raises AirflowNotFoundException if it is not there."""
    lms = BaseHook.get_connection(connection_id)
    return lambda: prepare(PostgresHook(connection=lms).get_conn())


def token_key() -> str:
    """The keys of the tokens, from the file if one is named: a secret that stands in no environment."""
    path = os.environ.get("PILOT_TOKEN_KEY_FILE")
    return Path(path).read_text().strip() if path and Path(path).is_file() else os.environ["PILOT_TOKEN_KEY"]


def _budget() -> Budget:
    """Intuit's limits, less a margin; the variables exist for a sandbox with other limits."""
    usual = Budget()
    return Budget(
        requests_per_second=int(os.environ.get("PILOT_QBO_REQUESTS_PER_SECOND", usual.requests_per_second)),
        requests_per_minute=int(os.environ.get("PILOT_QBO_REQUESTS_PER_MINUTE", usual.requests_per_minute)),
        batches_per_minute=int(os.environ.get("PILOT_QBO_BATCHES_PER_MINUTE", usual.batches_per_minute)),
        pause_seconds=float(os.environ.get("PILOT_QBO_PAUSE_SECONDS", usual.pause_seconds)),
    )


def proof_days() -> int:
    """How many days a ledger proof is kept."""
    return int(os.environ.get("PILOT_PROOF_DAYS", PROOF_DAYS))


def _mass_delete_limit() -> MassDeleteLimit:
    """How many of a lab's records of one kind a run deletes without being asked (rule 8.9)."""
    usual = MassDeleteLimit()
    percent = os.environ.get("PILOT_MASS_DELETE_PERCENT")
    return MassDeleteLimit(
        share=Decimal(percent) / 100 if percent else usual.share,
        minimum=int(os.environ.get("PILOT_MASS_DELETE_MINIMUM", usual.minimum)),
    )


def audit_days() -> int:
    """Days that the audit of all writes is kept."""
    return int(os.environ.get("PILOT_AUDIT_DAYS", AUDIT_DAYS))
