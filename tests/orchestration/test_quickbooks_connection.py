"""The connection type `quickbooks_online`: what its fields mean, what is wrong with it in clear words, and its Test."""

import json
from typing import Any

import pytest
from airflow.exceptions import AirflowNotFoundException
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

from include.orchestration.quickbooks_hook import BadConnection, QuickBooksHook
from include.qbo.oauth import OAuthApp

GOOD = {"login": "sandbox-client", "password": "sandbox-secret"}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the connection `quickbooks`, as a secrets backend would give it."""

    def make(conn_id: str = "quickbooks", **fields: Any) -> QuickBooksHook:
        connection = {"conn_type": "quickbooks_online", **GOOD, **fields}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        return QuickBooksHook()

    return make


def test_airflow_finds_the_type_and_its_hook() -> None:
    found = ProvidersManagerTaskRuntime().hooks["quickbooks_online"]
    assert found is not None
    assert (found.package_name, found.hook_name) == ("airflow-provider-pilot-qbo-sync", "QuickBooks Online")
    assert found.hook_class_name == f"{QuickBooksHook.__module__}.{QuickBooksHook.__qualname__}"
    assert found.connection_id_attribute_name == QuickBooksHook.conn_name_attr


@pytest.mark.parametrize(
    ("extra", "api", "discovery"),
    [
        ({"environment": "production"}, "https://quickbooks.api.intuit.com", "openid_configuration/"),
        ({"environment": "sandbox"}, "https://sandbox-quickbooks.api.intuit.com", "openid_sandbox_configuration/"),
        ({}, "https://sandbox-quickbooks.api.intuit.com", "openid_sandbox_configuration/"),
    ],
)
def test_an_environment_is_intuit_s_addresses(given: Any, extra: dict[str, Any], api: str, discovery: str) -> None:
    assert given(extra=extra).get_conn() == OAuthApp(
        client_id="sandbox-client",
        client_secret="sandbox-secret",
        api_base_url=api,
        discovery_url=f"https://developer.intuit.com/.well-known/{discovery}",
    )


@pytest.mark.parametrize(
    "host", [{"host": "http://sandbox:8083/", "port": 443}, {"host": "http://sandbox", "port": 8083}]
)
def test_custom_is_the_server_at_the_own_address(given: Any, host: dict[str, Any]) -> None:
    app = given(**host, extra={"environment": "custom"}).get_conn()
    assert app.api_base_url == "http://sandbox:8083"
    assert app.discovery_url == "http://sandbox:8083/.well-known/openid_sandbox_configuration"


def test_the_old_form_is_still_read(given: Any) -> None:
    addresses = {"api_base_url": "https://quickbooks.api.intuit.com/", "discovery_url": "https://here/is/it"}
    app = given(conn_type="http", extra=addresses).get_conn()
    assert (app.api_base_url, app.discovery_url) == ("https://quickbooks.api.intuit.com", "https://here/is/it")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": None}, "no client ID or no client secret"),
        ({"login": " "}, "no client ID or no client secret"),
        ({"extra": {"environment": "prod"}}, "choose sandbox, production or custom"),
        ({"extra": {"environment": "custom"}}, "enter an own address"),
        ({"extra": {"environment": "custom"}, "host": "sandbox.example"}, "enter an own address"),
        ({"extra": {"environment": "custom"}, "host": "http://127.0.0.1.example.com"}, "must begin with https://"),
        ({"extra": {"environment": "production"}, "host": "http://sandbox:8083"}, "Empty the address"),
        ({"conn_type": "http", "extra": {"api_base_url": "https://x"}}, "no discovery_url in its extra"),
        ({"conn_type": "http"}, "no api_base_url and no discovery_url in its extra"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_secret(given: Any, wrong: dict[str, Any], words: str) -> None:
    hook = given(**wrong)
    with pytest.raises(BadConnection, match=words) as raised:
        hook.get_conn()
    assert "sandbox-secret" not in str(raised.value)
    assert hook.test_connection() == (False, str(raised.value))


def test_own_addresses_in_the_extra_of_the_new_type_are_not_read(given: Any) -> None:
    """Airflow lets nobody test a stored secret with another host, but with any other extra."""
    elsewhere = {"api_base_url": "https://evil.example", "discovery_url": "https://evil.example"}
    app = given(extra={"environment": "production", **elsewhere}).get_conn()
    assert "evil" not in app.api_base_url + app.discovery_url


def test_until_there_is_one_the_stack_s_own_leads_to_the_sandbox(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_QUICKBOOKS", "")  # as Docker gives what is not set
    with pytest.raises(AirflowNotFoundException, match="`quickbooks`"):
        QuickBooksHook().get_conn()
    assert QuickBooksHook().webhook_verifier_token() == ""
    own = {"environment": "custom", "webhook_verifier_token": " of the sandbox "}
    given("quickbooks_sandbox", host="http://127.0.0.1:8083", extra=own)
    assert QuickBooksHook().get_conn().api_base_url == "http://127.0.0.1:8083"
    assert QuickBooksHook().webhook_verifier_token() == "of the sandbox"
    given(extra={"environment": "production"})
    assert QuickBooksHook().get_conn().api_base_url == "https://quickbooks.api.intuit.com"
    assert QuickBooksHook().webhook_verifier_token() == ""


def test_the_test_says_whether_the_keys_are_right(given: Any, sandbox_url: str) -> None:
    own = {"host": sandbox_url, "extra": {"environment": "custom"}}
    passed, words = given(**own).test_connection()
    assert passed and "accepts this client ID and secret" in words and "webhooks are refused" in words
    own["extra"] = {"environment": "custom", "webhook_verifier_token": "known"}
    assert "The webhook verifier token is set." in given(**own).test_connection()[1]
    for wrong in ({"password": "another"}, {"login": "another"}):
        passed, words = given(**{**own, **wrong}).test_connection()
        assert not passed and words.startswith("Intuit refuses this client ID and secret. Copy both again")


def test_the_test_says_when_nobody_answers(given: Any) -> None:
    own = {"host": "http://127.0.0.1:1", "extra": {"environment": "custom"}}
    passed, words = given(**own).test_connection()
    assert not passed
    assert words == (
        "Intuit's discovery document at http://127.0.0.1:1/.well-known/openid_sandbox_configuration cannot be read"
    )
