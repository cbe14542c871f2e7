"""The published intuit-oauth client, through the discovery document."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError

from tests.support.sandbox.harness import Sandbox

CALLBACK = "http://localhost:9/callback"


def auth_client(sandbox: Sandbox, secret: str = "sandbox-secret") -> Any:
    return AuthClient("sandbox-client", secret, CALLBACK, f"{sandbox.url}/.well-known/openid_sandbox_configuration/")


def consent(url: str, decision: str, realm: str) -> dict[str, str]:
    """Press a button on the consent page; the callback's query."""
    page = requests.get(url, timeout=10)
    assert page.status_code == 200 and "Connect" in page.text and realm in page.text
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    answer = requests.post(
        url.partition("?")[0], data=asked | {"decision": decision, "realmId": realm}, allow_redirects=False, timeout=10
    )
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def test_the_whole_dance(sandbox: Sandbox) -> None:
    realm = sandbox.company("Dance <&> Co")
    client = auth_client(sandbox)
    back = consent(client.get_authorization_url([Scopes.ACCOUNTING], state_token="s-1"), "connect", realm)
    assert back["state"] == "s-1" and back["realmId"] == realm
    client.get_bearer_token(back["code"], realm_id=realm)
    assert (client.expires_in, client.x_refresh_token_expires_in) == (3600, 8640000)
    with pytest.raises(AuthClientError):
        client.get_bearer_token(back["code"], realm_id=realm)
    first = client.refresh_token
    client.refresh()
    assert client.refresh_token == first
    assert client.get_user_info().status_code == 200
    client.revoke()
    with pytest.raises(AuthClientError) as refused:
        client.refresh(refresh_token=first)
    assert refused.value.status_code == 400
    assert refused.value.intuit_tid


def test_cancel_is_access_denied(sandbox: Sandbox) -> None:
    realm = sandbox.company("Cancel Co")
    url = auth_client(sandbox).get_authorization_url([Scopes.ACCOUNTING], state_token="s-2")
    assert consent(url, "cancel", realm) == {"state": "s-2", "error": "access_denied"}


def test_wrong_secret(sandbox: Sandbox) -> None:
    realm = sandbox.company("Secret Co")
    with pytest.raises(AuthClientError) as refused:
        auth_client(sandbox, "no").refresh(refresh_token=sandbox.grant(realm)["refresh_token"])
    assert refused.value.status_code == 401
