"""What the parts of a stack, and the people who use it, find in their environment."""

import json
import os
from pathlib import Path

from include.migrations import roles
from include.stack import postgres, sandbox
from include.stack.keys import Keys
from include.stack.ports import HOST, Ports

ADMIN = "admin"
#: Of Airflow's own settings, what the caller may give every part: where alerts go, and metrics.
ALERTS, METRICS = "AIRFLOW_CONN_PILOT_ALERTS", "AIRFLOW__METRICS__"
#: What the caller may set (docs/configuration.md), and what holds without; docker-compose.yaml says the same.
SETTINGS = {
    "PILOT_SYNC_CRON": "*/15 * * * *",
    "PILOT_ALERTS_CRON": "*/10 * * * *",
    "PILOT_RUN_DEADLINE_MINUTES": "120",
    "PILOT_COMPANIES_PER_TASK": "16",
    "PILOT_QBO_POLL_SECONDS": "30",
    "PILOT_QBO_POLL_QUIET_SECONDS": "30",
    "PILOT_QBO_POLL_WEBHOOK_SECONDS": "30",
    "PILOT_QBO_MONTHLY_CALLS": "500000",
    "PILOT_QBO_REQUESTS_PER_SECOND": "10",
    "PILOT_QBO_REQUESTS_PER_MINUTE": "500",
    "PILOT_QBO_BATCHES_PER_MINUTE": "40",
    "PILOT_QBO_PAUSE_SECONDS": "60",
    "PILOT_MASS_DELETE_PERCENT": "10",
    "PILOT_MASS_DELETE_MINIMUM": "20",
    "PILOT_PROOF_DAYS": "760",
    "PILOT_AUDIT_DAYS": "400",
    "PILOT_AIRFLOW_HISTORY_DAYS": "30",
}


def exports(ports: Ports, keys: Keys) -> dict[str, str]:
    """The contract's addresses of a running stack, as `make env` prints them."""
    quickbooks = sandbox.base_url(ports)
    return {
        "LMS_DATABASE_URL": lms_url(ports, keys),
        "QBO_BASE_URL": quickbooks,
        "QBO_OAUTH_TOKEN_URL": quickbooks + sandbox.TOKEN_PATH,
        "QBO_CLIENT_ID": sandbox.CLIENT_ID,
        "QBO_CLIENT_SECRET": keys.sandbox_client_secret,
        "AIRFLOW_API_URL": airflow_url(ports),
        "AIRFLOW_USERNAME": ADMIN,
        "AIRFLOW_PASSWORD": keys.admin_password,
    }


def lms_url(ports: Ports, keys: Keys) -> str:
    """The LMS database, as its owner."""
    return postgres.url(postgres.LMS_DATABASE, postgres.LMS_OWNER, keys.pilot_password, ports.postgres)


def of_the_owner(ports: Ports, keys: Keys) -> dict[str, str]:
    """What only the migrations have: the owner's login, and the passwords that they give the roles."""
    return {
        "LMS_DATABASE_URL": lms_url(ports, keys),
        "PILOT_PIPELINE_PASSWORD": keys.pipeline_password,
        "PILOT_PAGE_PASSWORD": keys.page_password,
    }


def airflow_url(ports: Ports) -> str:
    """Airflow's user interface and API."""
    return f"http://{HOST}:{ports.airflow}"


def airflow_settings(state_dir: Path, ports: Ports, keys: Keys, dags_dir: Path) -> dict[str, str]:
    """Airflow's own configuration; docker-compose.yaml sets the same names."""
    home = state_dir / "airflow"
    metadata = postgres.url(
        postgres.AIRFLOW_DATABASE,
        postgres.AIRFLOW_OWNER,
        keys.airflow_database_password,
        ports.postgres,
        "postgresql+psycopg2",
    )
    return {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "16",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_dir),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(postgres.PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet_key,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{airflow_url(ports)}/execution/",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        # Whoever may test a connection may also make one, and start the DAGs that use it (decision 0037).
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
        "AIRFLOW__API__BASE_URL": airflow_url(ports),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(ports.airflow),
        "AIRFLOW__API__SECRET_KEY": keys.api_secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt_secret,
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "airflow.dag_processing.manager=WARNING http.access=WARNING",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def pipeline_settings(ports: Ports, keys: Keys) -> dict[str, str]:
    """What the project's own code reads, in every part of the stack. None of them needs the database's owner."""
    return {
        "AIRFLOW_CONN_LMS_DB": _connection(ports, postgres.LMS_DATABASE, roles.PIPELINE, keys.pipeline_password),
        "AIRFLOW_CONN_LMS_DB_PAGE": _connection(ports, postgres.LMS_DATABASE, roles.PAGE, keys.page_password),
        # For the housekeeping of Airflow's own tables.
        "AIRFLOW_CONN_AIRFLOW_DB": _connection(
            ports, postgres.AIRFLOW_DATABASE, postgres.AIRFLOW_OWNER, keys.airflow_database_password
        ),
        # A connection `quickbooks`, the caller's or one made in Airflow, leads to Intuit instead. Empty counts as none.
        "AIRFLOW_CONN_QUICKBOOKS": os.environ.get("AIRFLOW_CONN_QUICKBOOKS", ""),
        "AIRFLOW_CONN_QUICKBOOKS_SANDBOX": json.dumps(
            {
                "conn_type": "quickbooks_online",
                "host": sandbox.base_url(ports),
                "login": sandbox.CLIENT_ID,
                "password": keys.sandbox_client_secret,
                "extra": {"environment": "custom", "webhook_verifier_token": keys.webhook_verifier_token},
            }
        ),
        "PILOT_TOKEN_KEY": keys.token_key,
        **{name: os.environ.get(name) or usual for name, usual in SETTINGS.items()},
        "OAUTHLIB_INSECURE_TRANSPORT": "1",  # the sandbox speaks plain http on 127.0.0.1
        "GX_ANALYTICS_ENABLED": "false",
        "SANDBOX_CLIENT_ID": sandbox.CLIENT_ID,
        "SANDBOX_CLIENT_SECRET": keys.sandbox_client_secret,
        "SANDBOX_WEBHOOK_VERIFIER_TOKEN": keys.webhook_verifier_token,
    }


def _connection(ports: Ports, database: str, role: str, password: str) -> str:
    """Airflow's connection to one of the databases."""
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": HOST,
            "port": ports.postgres,
            "schema": database,
            "login": role,
            "password": password,
        }
    )


def of_parts(state_dir: Path, ports: Ports, keys: Keys, dags_dir: Path) -> dict[str, str]:
    """The whole environment of every part: the caller's, less what would mislead Airflow, and ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW_", "PYTHON")) or name == ALERTS or name.startswith(METRICS)
    }
    return {
        **kept,
        **airflow_settings(state_dir, ports, keys, dags_dir),
        **pipeline_settings(ports, keys),
        "AIRFLOW_HOME": str(state_dir / "airflow"),
        "PYTHONPATH": os.pathsep.join([str(postgres.PROJECT), str(postgres.PROJECT / "config")]),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": _no_proxy(kept.get("NO_PROXY", "")),
        "no_proxy": _no_proxy(kept.get("no_proxy", "")),
    }


def _no_proxy(given: str) -> str:
    return ",".join(filter(None, [given, HOST, "localhost"]))
