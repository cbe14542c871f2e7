"""Airflow's form of the connection type QuickBooks Online, and its Test, in a running Airflow."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.page.site import Site

HIDDEN = "***"  # what Airflow shows of a secret, and what its form sends back unchanged


@pytest.fixture
def ada(site: Site) -> requests.Session:
    return site.visitor("ada").session


@pytest.fixture
def entered(site: Site, ada: requests.Session) -> Iterator[dict[str, Any]]:
    """A connection to the sandbox, as entered in the form."""
    address, _, port = site.environment["QBO_BASE_URL"].rpartition(":")
    fields = {
        "connection_id": "entered_by_ada",
        "conn_type": "quickbooks_online",
        "host": address,
        "port": int(port),
        "login": site.environment["QBO_CLIENT_ID"],
        "password": site.environment["QBO_CLIENT_SECRET"],
        "extra": '{"environment": "custom"}',
    }
    ada.post(f"{site.base}/api/v2/connections", json=fields, timeout=60).raise_for_status()
    yield fields
    ada.delete(f"{site.base}/api/v2/connections/entered_by_ada", timeout=60)


def test_the_form_has_labelled_fields(site: Site, ada: requests.Session) -> None:
    answer = ada.get(f"{site.base}/ui/connections/hook_meta", timeout=120)
    answer.raise_for_status()
    (form,) = [one for one in answer.json() if one["connection_type"] == "quickbooks_online"]
    assert form["hook_name"] == "QuickBooks Online"
    standard = form["standard_fields"]
    assert (standard["login"]["title"], standard["password"]["title"]) == ("Client ID", "Client secret")
    assert standard["host"]["title"].startswith("Own address")
    assert standard["url_schema"]["hidden"]
    assert not standard["port"]["hidden"], (
        "without a port Airflow's own button is refused: it sends 0, and none is stored"
    )
    own = form["extra_fields"]
    assert own["environment"]["schema"]["enum"] == ["sandbox", "production", "custom"]
    assert own["webhook_verifier_token"]["schema"]["format"] == "password"


def press_test(site: Site, ada: requests.Session, fields: dict[str, Any]) -> tuple[int, Any]:
    answer = ada.post(f"{site.base}/api/v2/connections/test", json=fields, timeout=120)
    return answer.status_code, answer.json()


def test_the_button_says_whether_intuit_knows_the_keys(
    site: Site, ada: requests.Session, entered: dict[str, Any]
) -> None:
    status, said = press_test(site, ada, {**entered, "password": HIDDEN})
    assert (status, said["status"]) == (200, True)
    assert "Intuit accepts this client ID and secret" in said["message"]
    status, said = press_test(site, ada, {**entered, "password": "another"})
    assert (status, said["status"]) == (200, False)
    assert "Intuit refuses this client ID and secret" in said["message"]


def test_a_stored_secret_is_sent_to_no_other_host(site: Site, ada: requests.Session, entered: dict[str, Any]) -> None:
    elsewhere = "http://localhost:1"
    status, said = press_test(site, ada, {**entered, "password": HIDDEN, "host": elsewhere})
    assert status == 400 and "Include the credentials" in said["detail"]
    in_the_extra = f'{{"environment": "custom", "api_base_url": "{elsewhere}", "discovery_url": "{elsewhere}"}}'
    status, said = press_test(site, ada, {**entered, "password": HIDDEN, "extra": in_the_extra})
    assert said["status"] and elsewhere not in said["message"], "it asked the own address, not what the extra says"
    production = {**entered, "password": HIDDEN, "host": "", "extra": '{"environment": "production"}'}
    assert press_test(site, ada, production)[0] == 400


def test_who_may_make_no_connection_may_test_none(site: Site, entered: dict[str, Any]) -> None:
    assert press_test(site, site.visitor("uma").session, entered)[0] == 403
