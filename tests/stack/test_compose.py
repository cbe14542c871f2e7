"""docker-compose.yaml: a valid Compose file with the same parts and settings as the local stack.

There is no Docker where these tests run. The file is checked against the Compose specification's JSON schema, as
docker-compose 1.29.2 (Apache-2.0) carries it; that schema knows all that this file uses but `name`. What the test
cannot tell: whether the image builds and the services start.
"""

import json
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from airflow.sdk import BaseHook

from include.company.throttle import Budget
from include.model.settings import MassDeleteLimit
from include.stack import airflow, environment
from include.stack.keys import Keys
from include.stack.ports import Ports
from include.stack.postgres import PROJECT
from tests.support.world import AUDIT_DAYS

SCHEMA = Path(__file__).with_name("compose_spec.json")
#: The innermost: a default may hold variables of its own.
INTERPOLATION = re.compile(r"\$\{(\w+)(?::-([^${}]*)|:\?[^}]*)?\}")
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
    assert set(compose["services"]) == {"postgres", "sandbox", "airflow-init", *airflow.COMMANDS}
    for name, command in airflow.COMMANDS.items():
        assert compose["services"][name]["command"] == command
        assert "healthcheck" in compose["services"][name]


def test_sets_the_same_variables_for_every_part(
    compose: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*os.environ]:
        monkeypatch.delenv(name)
    local = environment.of_parts(tmp_path, Ports(1, 2, 3), Keys.generate(), tmp_path)
    expected = set(local) - PYTHON_OF_THE_PARTS
    for name in airflow.COMMANDS:
        assert set(compose["services"][name]["environment"]) == expected
    given = compose["services"]["scheduler"]["environment"]
    differs = {name for name in expected if str(given[name]) != local[name]}
    assert not {name for name in differs if not re.search("KEY|SECRET|PASSWORD|TOKEN|URL|CONN|HOST|PORT|FOLDER", name)}


def test_connections_are_like_the_local_ones(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    local = environment.pipeline_settings(Ports(1, 2, 3), Keys.generate())
    given = compose["services"]["scheduler"]["environment"]
    for name in ("LMS_DB", "LMS_DB_PAGE", "AIRFLOW_DB", "QUICKBOOKS_SANDBOX"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}_HERE", local[f"AIRFLOW_CONN_{name}"])
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}_DOCKER", given[f"AIRFLOW_CONN_{name}"])
        mine, theirs = (BaseHook.get_connection(f"{name.lower()}_{where}") for where in ("here", "docker"))
        assert (theirs.conn_type, theirs.login, theirs.schema or None) == (mine.conn_type, mine.login, mine.schema)
        assert theirs.password.startswith("value-of-")
        assert set(theirs.extra_dejson) == set(mine.extra_dejson)
    assert (mine.host, theirs.host) == ("http://127.0.0.1:2", "http://sandbox:8083")


def test_only_the_migrations_have_the_owner_s_login(compose: dict[str, Any], tmp_path: Path) -> None:
    keys = Keys.generate()
    of_parts = environment.of_parts(tmp_path, Ports(1, 2, 3), keys, tmp_path)
    owners = environment.of_the_owner(Ports(1, 2, 3), keys)
    assert not set(owners) & set(of_parts) and keys.pilot_password not in str(of_parts)
    services = compose["services"]
    assert set(owners) <= set(services["airflow-init"]["environment"])
    assert services["airflow-init"]["command"][0].rstrip().endswith("python -m include.migrations")
    for name in ("sandbox", *airflow.COMMANDS):
        assert not set(owners) & set(services[name]["environment"])
        assert "value-of-pilot_database_password" not in str(services[name])


def test_the_caller_s_connection_leads_both_stacks_to_real_quickbooks(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_QUICKBOOKS", '{"conn_type": "http", "login": "of-intuit"}')
    local = environment.of_parts(tmp_path, Ports(1, 2, 3), Keys.generate(), tmp_path)
    assert local["AIRFLOW_CONN_QUICKBOOKS"] == '{"conn_type": "http", "login": "of-intuit"}'
    raw = yaml.safe_load(text)["services"]["scheduler"]["environment"]["AIRFLOW_CONN_QUICKBOOKS"]
    assert raw.startswith("${AIRFLOW_CONN_QUICKBOOKS:-") and raw.endswith("}")


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


def test_holds_no_secret_and_names_each_one_that_it_needs(text: str) -> None:
    required = set(re.findall(r"\$\{(\w+):\?", text))
    optional = set(re.findall(r"\$\{(\w+):-", text))
    assert required == set(re.findall(r"\$\{(\w+)[}:]", text)) - optional
    example = (PROJECT / "config" / "docker.env.example").read_text()
    assert required == set(re.findall(r"^(\w+)=$", example, re.MULTILINE))
    assert not re.search(r"(PASSWORD|SECRET|TOKEN|_KEY): (?!\$\{)", text)


def test_publishes_on_this_machine_only(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(published) == 3
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_waits_for_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["airflow-init"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in airflow.COMMANDS:
        assert services[name]["depends_on"]["airflow-init"] == {"condition": "service_completed_successfully"}
    assert services["scheduler"]["depends_on"]["sandbox"] == {"condition": "service_healthy"}


def test_the_image_takes_what_runs_from_the_lock() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text()
    pinned = re.search(r"^apache-airflow==(\S+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert dockerfile.count(f"FROM apache/airflow:{pinned[1]}\n") == 1
    assert "--constraint requirements.lock" in dockerfile
    for source in re.findall(r"^COPY --chown=airflow:0 (.+) \S+$", dockerfile, re.MULTILINE):
        for path in source.split():
            assert (PROJECT / path).exists() or path == "plugins", path  # git keeps no empty folder
