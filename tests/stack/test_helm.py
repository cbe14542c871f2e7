"""config/helm-values.yaml: the parts, settings and logins of docker-compose.yaml, for Airflow's official chart.

The chart cannot be had where these tests run; how the values were rendered, docs/operations.md says.
"""

import re
from typing import Any

import pytest
import yaml

from include.orchestration.secret_files import SecretFiles
from include.stack.postgres import PROJECT

#: What the chart sets itself, from its own values.
OF_THE_CHART = {
    "AIRFLOW__CORE__EXECUTOR",
    "AIRFLOW__CORE__DAGS_FOLDER",
    "AIRFLOW__CORE__PLUGINS_FOLDER",
    "AIRFLOW__CORE__LOAD_EXAMPLES",
    "AIRFLOW__CORE__FERNET_KEY_CMD",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD",
    "AIRFLOW__API__HOST",
    "AIRFLOW__API__PORT",
    "AIRFLOW__API__SECRET_KEY_CMD",
    "AIRFLOW__API_AUTH__JWT_SECRET_CMD",
}
#: A pod may wait long for a place: not the two minutes of a worker that has died.
OF_CELERY = ("AIRFLOW__CELERY__", "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT")
#: The chart's own way to log in is another one; the secrets are mounted elsewhere.
OF_KUBERNETES = {"AIRFLOW__CORE__AUTH_MANAGER", "AIRFLOW__SECRETS__BACKEND_KWARGS"}
PIPELINE = ("scheduler", "dagProcessor", "triggerer", "workers")


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "config" / "helm-values.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def given(values: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in values["env"]}


def secrets_of(part: dict[str, Any]) -> set[str]:
    return {one["secret"]["secretName"] for one in part["extraVolumes"] if "secret" in one}


def test_every_setting_of_airflow_is_that_of_docker(given: dict[str, str]) -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())["services"]["scheduler"]["environment"]
    theirs = {
        name: value
        for name, value in compose.items()
        if name.startswith("AIRFLOW__") and not name.startswith(OF_CELERY) and name not in OF_THE_CHART
    }
    ours = {name: value for name, value in given.items() if name.startswith("AIRFLOW__") and name not in OF_KUBERNETES}
    assert set(ours) == set(theirs)
    assert {name for name in ours if ours[name] != theirs[name]} == {"AIRFLOW__API__BASE_URL"}


def test_every_setting_of_ours_is_documented(given: dict[str, str]) -> None:
    documented = (PROJECT / "docs" / "configuration.md").read_text()
    assert all(f"`{name.removesuffix('_FILE')}" in documented for name in given if name.startswith("PILOT_"))


def test_the_image_is_built_on_the_version_that_the_chart_is_told(values: dict[str, Any]) -> None:
    assert f"ARG AIRFLOW_IMAGE=apache/airflow:{values['airflowVersion']}\n" in (PROJECT / "Dockerfile").read_text()
    [passwords] = values["apiServer"]["extraInitContainers"]
    assert passwords["image"] == f"{values['defaultAirflowRepository']}:{values['defaultAirflowTag']}"


def test_the_page_the_pipeline_and_the_migrations_have_each_their_own_login(values: dict[str, Any]) -> None:
    assert all(secrets_of(values[name]) == {"pilot-pipeline"} for name in PIPELINE)
    assert secrets_of(values["apiServer"]) == {"pilot-page", "pilot-login"}
    job = values["migrateDatabaseJob"]
    assert {one["valueFrom"]["secretKeyRef"]["name"] for one in job["env"]} == {"pilot-migrations"}
    assert "python -m include.migrations" in job["args"][-1]


def test_connections_and_the_key_are_read_where_they_are_mounted(
    values: dict[str, Any], given: dict[str, str], tmp_path: Any
) -> None:
    mounted = {
        one["mountPath"]
        for name in (*PIPELINE, "apiServer")
        for one in values[name]["extraVolumeMounts"]
        if one["name"] == "secrets"
    }
    [folder] = mounted
    arguments = yaml.safe_load(given["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    assert arguments == {"folder": folder} and given["PILOT_TOKEN_KEY_FILE"] == f"{folder}/pilot_token_key"
    (tmp_path / "airflow_conn_lms_db").write_text("postgres://pilot_pipeline@db/lms\n")
    backend = SecretFiles(**{**arguments, "folder": str(tmp_path)})
    assert backend.get_conn_value("lms_db") == "postgres://pilot_pipeline@db/lms"


def test_the_runbook_makes_every_secret(values: dict[str, Any]) -> None:
    runbook = (PROJECT / "docs" / "operations.md").read_text()
    of_the_pipeline, of_the_page = (
        set(re.findall(r"--from-file=(\w+)", runbook[runbook.index(f"generic {name} ") :].split("kubectl")[0]))
        for name in ("pilot-pipeline", "pilot-page")
    )
    services = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())["services"]
    ours = ("airflow_conn_", "pilot_token_key")
    for made, name in ((of_the_pipeline, "scheduler"), (of_the_page, "api-server")):
        assert made | {"airflow_conn_quickbooks_sandbox"} == {
            secret for secret in services[name]["secrets"] if secret.startswith(ours)
        }
    used = {"pilot-airflow", "pilot-migrations", *secrets_of(values["apiServer"]), *secrets_of(values["workers"])}
    assert {name for name in used if f"kubectl create secret generic {name} " not in runbook} == set()
    assert all(f"--from-literal={key}=" in runbook or f"--from-file={key}" in runbook for key in (
        "connection", "fernet-key", "api-secret-key", "jwt-secret", "passwords.json",
        *(one["valueFrom"]["secretKeyRef"]["key"] for one in values["migrateDatabaseJob"]["env"]),
    ))  # fmt: skip
