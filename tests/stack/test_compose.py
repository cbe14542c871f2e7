"""docker-compose.yaml: a valid Compose file with the same parts and settings as the local stack.

There is no Docker where these tests run; `make compose-test` builds the image and runs the services. Here the file is
checked against the Compose specification's JSON schema, as docker-compose 1.29.2 (Apache-2.0) carries it; that schema
knows all that this file uses but `name`.
"""

import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from airflow.sdk import BaseHook
from cryptography.fernet import Fernet

from include.company.throttle import Budget
from include.model.settings import MassDeleteLimit
from include.orchestration import runtime
from include.orchestration.secret_files import SecretFiles
from include.stack import airflow, environment
from include.stack.keys import Keys
from include.stack.ports import Ports
from include.stack.postgres import PROJECT
from tests.support.world import AUDIT_DAYS

SCHEMA = Path(__file__).with_name("compose_spec.json")
#: The innermost: a default may hold variables of its own.
INTERPOLATION = re.compile(r"\$\{(\w+)(?::-([^${}]*)|:\?[^}]*)?\}")
HADOLINT = Path(sys.executable).with_name("hadolint")
MANY_WORKERS = ("redis", "worker", "flower")
#: What a container needs and the local stack does not, or only another executor.
ONLY_IN_DOCKER = {
    "AIRFLOW__SECRETS__BACKEND",
    "AIRFLOW__CELERY__BROKER_URL",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL",
}
PYTHON_OF_THE_PARTS = {"AIRFLOW_HOME", "PYTHONPATH", "PYTHONUNBUFFERED", "NO_PROXY", "no_proxy"}


@pytest.fixture(scope="module")
def text() -> str:
    return (PROJECT / "docker-compose.yaml").read_text()


@pytest.fixture(scope="module")
def compose(text: str) -> dict[str, Any]:
    """As Compose sees it: YAML merges done, variables filled in."""

    def fill(match: re.Match[str]) -> str:
        return match[2] or f"value-of-{match[1].lower()}"

    loaded: dict[str, Any] = yaml.safe_load(INTERPOLATION.sub(fill, INTERPOLATION.sub(fill, text)))
    return loaded


def test_fits_the_compose_schema(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate({key: part for key, part in compose.items() if key != "name"}, schema)


def test_has_the_parts_of_the_local_stack(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"postgres", "sandbox", "airflow-init", "webhooks", *airflow.COMMANDS, *MANY_WORKERS}
    for name, command in airflow.COMMANDS.items():
        assert services[name]["command"] == command
    profiles = {name: service["profiles"] for name, service in services.items() if "profiles" in service}
    assert profiles == {
        "sandbox": ["sandbox"],
        "webhooks": ["webhooks"],
        **{name: ["celery"] for name in MANY_WORKERS},
    }


def test_the_receiver_of_webhooks_has_what_it_needs_and_no_more(compose: dict[str, Any]) -> None:
    """The internet reaches it: neither the pipeline's login, nor the keys of the tokens and of Airflow's API."""
    service = compose["services"]["webhooks"]
    assert [*service["entrypoint"], *service["command"]][:3] == ["python", "-m", "include.webhook"]
    assert set(service["secrets"]) == {
        "airflow_database_password",
        "airflow_fernet_key",
        "airflow_conn_quickbooks",
        "airflow_conn_quickbooks_sandbox",
        "airflow_conn_lms_db_page",
    }


def test_every_service_is_kept_watched_and_limited(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        once = name == "airflow-init"
        assert service["restart"] == ("no" if once else "unless-stopped")
        assert once or "healthcheck" in service, name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
        assert service["logging"]["options"]["max-size"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("cap_drop") == (None if name in {"postgres", "redis"} else ["ALL"])


def test_sets_the_same_variables_for_every_part(
    compose: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*os.environ]:
        monkeypatch.delenv(name)
    local = environment.of_parts(tmp_path, Ports(1, 2, 3), Keys.generate(), tmp_path)
    expected = {name for name in local if not name.startswith(("SANDBOX_", "AIRFLOW_CONN_"))} - PYTHON_OF_THE_PARTS
    given = compose["services"]["scheduler"]["environment"]
    for name in (*airflow.COMMANDS, "webhooks", "worker", "airflow-init"):
        assert compose["services"][name]["environment"] == given
    assert {re.sub("_CMD$|(?<=TOKEN_KEY)_FILE$", "", name) for name in given} - ONLY_IN_DOCKER == expected
    differs = {name for name in expected & set(given) if str(given[name]) != local[name]}
    assert not {name for name in differs if not re.search("URL|HOST|PORT|FOLDER|PASSWORDS_FILE|TRANSPORT", name)}


def test_a_sandbox_over_http_is_allowed_only_where_it_is_asked_for(text: str) -> None:
    given = yaml.safe_load(text)["services"]["scheduler"]["environment"]
    assert given["OAUTHLIB_INSECURE_TRANSPORT"] == "${OAUTHLIB_INSECURE_TRANSPORT:-}"


def test_celery_differs_in_the_executor_only(text: str) -> None:
    services = yaml.safe_load(text)["services"]
    assert services["worker"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "${PILOT_EXECUTOR:-LocalExecutor}"
    assert services["worker"]["secrets"] == services["scheduler"]["secrets"]
    pinned = re.search(r"^apache-airflow-providers-celery==(\S+)", (PROJECT / "requirements.txt").read_text(), re.M)
    assert pinned and f"apache-airflow-providers-celery=={pinned[1]} " in (PROJECT / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the script makes them, for the sandbox."""
    return make_secrets(tmp_path_factory.mktemp("docker") / "secrets", "--sandbox")


def make_secrets(folder: Path, *options: str) -> Path:
    subprocess.run([PROJECT / "config" / "docker-secrets.sh", *options, folder], check=True, capture_output=True)
    return folder


def test_the_celery_executor_can_be_imported_in_the_versions_of_the_lock() -> None:
    code = "import airflow.providers.celery.executors.celery_executor"
    broker = {"AIRFLOW__CELERY__BROKER_URL": "redis://127.0.0.1:6379/0"}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **broker}, check=True)


def test_every_secret_is_a_file_that_the_script_makes(compose: dict[str, Any], secrets: Path) -> None:
    files = {path.name for path in secrets.iterdir()}
    assert files == set(compose["secrets"])
    assert all(secret["file"].endswith(f"/{name}") for name, secret in compose["secrets"].items())
    used = {name for service in compose["services"].values() for name in service.get("secrets", [])}
    assert used == files
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert sorted(name for name in files if not (secrets / name).read_text().strip()) == [
        "airflow_conn_pilot_alerts",
        "airflow_conn_quickbooks",
    ]
    before = {name: (secrets / name).read_text() for name in files}
    make_secrets(secrets)
    assert {name: (secrets / name).read_text() for name in files} == before


def test_a_service_reads_only_the_secrets_that_it_has(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        # All parts of Airflow have the same variables; each reads those that it needs.
        own = {**service, "environment": {}} if "AIRFLOW__CORE__EXECUTOR" in str(service) else service
        assert set(re.findall(r"/run/secrets/(\w+)", str(own))) <= set(service["secrets"]), name


def test_the_files_hold_what_the_local_stack_generates(secrets: Path) -> None:
    for name in ("airflow_fernet_key", "pilot_token_key"):
        Fernet((secrets / name).read_text())
    role = {"airflow_conn_lms_db": "pilot_pipeline", "airflow_conn_lms_db_page": "pilot_page"}
    for name, login in role.items():
        assert json.loads((secrets / name).read_text())["password"] == (secrets / f"{login}_password").read_text()


@pytest.mark.parametrize("name", ["LMS_DB", "LMS_DB_PAGE", "AIRFLOW_DB", "QUICKBOOKS_SANDBOX"])
def test_connections_are_like_the_local_ones(secrets: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    local = environment.pipeline_settings(Ports(1, 2, 3), Keys.generate())
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}_HERE", local[f"AIRFLOW_CONN_{name}"])
    mine = BaseHook.get_connection(f"{name.lower()}_here")
    theirs = SecretFiles(str(secrets)).get_connection(name.lower(), None)
    assert theirs is not None
    assert (theirs.conn_type, theirs.login, theirs.schema or None) == (mine.conn_type, mine.login, mine.schema)
    assert theirs.password
    assert set(theirs.extra_dejson) == set(mine.extra_dejson)
    if name == "QUICKBOOKS_SANDBOX":
        assert (theirs.host, theirs.port) == ("http://sandbox", 8083)


def test_a_connection_without_a_file_is_looked_up_elsewhere(secrets: Path) -> None:
    files = SecretFiles(str(secrets))
    assert files.get_conn_value("other") is None and files.get_variable("any") is None
    assert files.get_conn_value("x/../../secrets/airflow_conn_lms_db") is None


def test_without_the_sandbox_the_connection_is_entered_in_airflow(tmp_path: Path) -> None:
    files = SecretFiles(str(make_secrets(tmp_path / "secrets")))
    assert files.get_conn_value("quickbooks") is None and files.get_conn_value("quickbooks_sandbox") is None


def test_the_lms_may_have_a_database_of_its_own(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOT_LMS_HOST", "lms.example.com")
    made = make_secrets(tmp_path / "secrets")
    host = {name: json.loads((made / f"airflow_conn_{name}").read_text())["host"] for name in ("lms_db", "airflow_db")}
    assert host == {"lms_db": "lms.example.com", "airflow_db": "postgres"}
    [script] = yaml.safe_load(text)["services"]["airflow-init"]["command"]
    assert "@${PILOT_LMS_HOST:-postgres}/lms" in script
    monkeypatch.delenv("PILOT_LMS_HOST")
    again = subprocess.run([PROJECT / "config" / "docker-secrets.sh", made], check=True, capture_output=True, text=True)
    assert again.stdout.count("leads to another host than postgres") == 2


def test_only_the_migrations_have_the_owner_s_login(compose: dict[str, Any], tmp_path: Path) -> None:
    keys = Keys.generate()
    of_parts = environment.of_parts(tmp_path, Ports(1, 2, 3), keys, tmp_path)
    owners = environment.of_the_owner(Ports(1, 2, 3), keys)
    assert not set(owners) & set(of_parts) and keys.pilot_password not in str(of_parts)
    services = compose["services"]
    [script] = services["airflow-init"]["command"]
    assert all(f"export {name}=" in script for name in owners)
    assert script.rstrip().endswith("python -m include.migrations")
    have = {name for name, service in services.items() if "pilot_database_password" in service["secrets"]}
    assert have == {"postgres", "airflow-init"}


def test_the_page_and_the_pipeline_have_each_its_own_login(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("scheduler", "dag-processor", "triggerer", "worker", "api-server"):
        page, pipeline = (f"airflow_conn_lms_db{suffix}" in services[name]["secrets"] for suffix in ("_page", ""))
        assert (page, pipeline) == ((True, False) if name == "api-server" else (False, True))


def test_the_key_of_the_tokens_is_read_from_its_file(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOT_TOKEN_KEY", "another")
    monkeypatch.setenv("PILOT_TOKEN_KEY_FILE", str(secrets / "pilot_token_key"))
    assert runtime.token_key() == (secrets / "pilot_token_key").read_text()
    monkeypatch.setenv("PILOT_TOKEN_KEY_FILE", str(secrets / "not there"))
    assert runtime.token_key() == "another"


def test_the_caller_s_connection_leads_the_local_stack_to_real_quickbooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_QUICKBOOKS", '{"conn_type": "http", "login": "of-intuit"}')
    local = environment.of_parts(tmp_path, Ports(1, 2, 3), Keys.generate(), tmp_path)
    assert local["AIRFLOW_CONN_QUICKBOOKS"] == '{"conn_type": "http", "login": "of-intuit"}'


@pytest.mark.parametrize("name", environment.SETTINGS)
def test_a_documented_setting_of_the_caller_is_taken_by_both_stacks(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "7")
    assert environment.of_parts(tmp_path, Ports(1, 2, 3), Keys.generate(), tmp_path)[name] == "7"
    raw = yaml.safe_load(text)["services"]["scheduler"]["environment"][name]
    assert raw == f"${{{name}:-{environment.SETTINGS[name]}}}"
    assert f"`{name}`" in (PROJECT / "docs/configuration.md").read_text()


def test_the_stacks_have_the_budget_that_holds_without_a_setting() -> None:
    usual = Budget()
    assert float(environment.SETTINGS["PILOT_QBO_REQUESTS_PER_SECOND"]) == usual.requests_per_second
    assert float(environment.SETTINGS["PILOT_QBO_REQUESTS_PER_MINUTE"]) == usual.requests_per_minute
    assert float(environment.SETTINGS["PILOT_QBO_BATCHES_PER_MINUTE"]) == usual.batches_per_minute
    assert float(environment.SETTINGS["PILOT_QBO_PAUSE_SECONDS"]) == usual.pause_seconds


def test_the_stacks_hold_as_many_deletes_as_without_a_setting() -> None:
    usual = MassDeleteLimit()
    assert Decimal(environment.SETTINGS["PILOT_MASS_DELETE_PERCENT"]) / 100 == usual.share
    assert int(environment.SETTINGS["PILOT_MASS_DELETE_MINIMUM"]) == usual.minimum


def test_the_stacks_keep_the_audit_as_long_as_without_a_setting() -> None:
    assert int(environment.SETTINGS["PILOT_AUDIT_DAYS"]) == AUDIT_DAYS


def test_holds_no_secret_and_every_setting_is_in_the_example(text: str) -> None:
    assert not re.search(r"(PASSWORD|SECRET|TOKEN|_KEY|CONN): (?!\$\{)", text)
    assert ":?" not in text, "what has no default is a secret, and those are files"
    example = (PROJECT / "config" / "docker.env.example").read_text()
    documented = (PROJECT / "docs/configuration.md").read_text()
    for name in set(re.findall(r"\$\{(\w+):-", text)):
        assert name in example or f"`{name}`" in documented, name


def test_publishes_on_this_machine_only(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(published) == 5
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_waits_for_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["airflow-init"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in (*airflow.COMMANDS, "worker", "flower"):
        assert services[name]["depends_on"]["airflow-init"] == {"condition": "service_completed_successfully"}
    for name in ("scheduler", "dag-processor", "triggerer", "worker"):
        assert services[name]["depends_on"]["api-server"] == {"condition": "service_healthy"}
    assert services["worker"]["depends_on"]["redis"] == {"condition": "service_healthy"}


def test_the_image_takes_what_runs_from_the_lock(text: str) -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text()
    pinned = re.search(r"^apache-airflow==(\S+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"ARG AIRFLOW_IMAGE=apache/airflow:{pinned[1]}\nFROM ${{AIRFLOW_IMAGE}}\n" in dockerfile
    assert f"${{PILOT_AIRFLOW_IMAGE:-apache/airflow:{pinned[1]}}}" in text
    assert "--constraint requirements.lock" in dockerfile
    for source in re.findall(r"^COPY --chown=airflow:0 (.+) \S+$", dockerfile, re.MULTILINE):
        for path in source.split():
            assert (PROJECT / path).exists() or path == "plugins", path  # git keeps no empty folder


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    done = subprocess.run([HADOLINT, PROJECT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
