"""Intuit's OAuth 2.0: endpoints by discovery, consent, code, refresh, revoke (fact 1)."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from oauthlib.oauth2 import OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from include.qbo.errors import ReconnectRequired, Unavailable

# At DEBUG these libraries log the bodies of token calls: no setting may bring tokens into a log.
for _library in ("requests_oauthlib", "oauthlib"):
    logging.getLogger(_library).setLevel(logging.INFO)

#: Seconds for a token call; Intuit's own gateway cuts at 120.
TIMEOUT = 30

SCOPE = "com.intuit.quickbooks.accounting"


@dataclass(frozen=True, kw_only=True)
class OAuthApp:
    """The app's registration with Intuit: which key pair, which endpoints, which API host."""

    client_id: str
    client_secret: str
    discovery_url: str
    api_base_url: str

    def __repr__(self) -> str:
        """Without the secret."""
        return f"OAuthApp(client_id={self.client_id!r}, api_base_url={self.api_base_url!r})"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Tokens as the token endpoint gave them."""

    access_token: str
    refresh_token: str
    access_token_expires_at: datetime
    refresh_token_expires_at: datetime

    def __repr__(self) -> str:
        """Without the tokens."""
        return f"Grant(access_token_expires_at={self.access_token_expires_at.isoformat()})"


@cache
def endpoints(discovery_url: str) -> Mapping[str, str]:
    """The endpoints of the discovery document. Raises Unavailable if it cannot be read."""
    try:
        answer = requests.get(discovery_url, timeout=TIMEOUT, headers={"Accept": "application/json"})
        answer.raise_for_status()
        return dict(answer.json())
    except (requests.RequestException, ValueError) as error:
        raise Unavailable(f"Intuit's discovery document at {discovery_url} cannot be read") from error


def authorization_url(app: OAuthApp, *, redirect_uri: str, state: str) -> str:
    """Intuit's consent page, to which the user's browser is sent. Raises Unavailable (discovery)."""
    session = OAuth2Session(app.client_id, redirect_uri=redirect_uri, scope=[SCOPE])
    url, _ = session.authorization_url(endpoints(app.discovery_url)["authorization_endpoint"], state=state)
    return str(url)


def exchange_code(app: OAuthApp, *, code: str, redirect_uri: str) -> Grant:
    """Exchange the code of the callback, once. Raises ReconnectRequired (`invalid_grant`) or Unavailable.

    The code is single use: if the answer is lost, the user must begin again.
    """
    _allow_http_on_this_machine(app)
    session = OAuth2Session(app.client_id, redirect_uri=redirect_uri, scope=[SCOPE])
    with _token_errors("Intuit no longer accepts this login (invalid_grant)"):
        token = session.fetch_token(
            endpoints(app.discovery_url)["token_endpoint"],
            code=code,
            auth=HTTPBasicAuth(app.client_id, app.client_secret),
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
        )
        return grant_of(token, now=datetime.now(UTC))


def revoke(app: OAuthApp, token: str) -> bool:
    """End a grant at Intuit by either of its tokens; False if Intuit knew it no more. Raises Unavailable."""
    try:
        answer = requests.post(
            endpoints(app.discovery_url)["revocation_endpoint"],
            json={"token": token},
            auth=HTTPBasicAuth(app.client_id, app.client_secret),
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
        )
    except requests.RequestException as error:
        raise Unavailable(f"Intuit's revocation endpoint did not answer: {type(error).__name__}") from None
    if answer.status_code not in (200, 400):
        raise Unavailable(f"Intuit's revocation endpoint answered {answer.status_code}")
    return answer.status_code == 200


def accepts_client(app: OAuthApp) -> bool:
    """Whether the key pair is one of Intuit's. Raises Unavailable.

    There is no call for that: a refresh with a token that is none is refused because of the token (`invalid_grant`) if
    the pair is right, and because of the pair (`invalid_client`) if it is not (fact 1.5).
    """
    try:
        answer = requests.post(
            endpoints(app.discovery_url)["token_endpoint"],
            data={"grant_type": "refresh_token", "refresh_token": "is-the-client-known"},
            auth=HTTPBasicAuth(app.client_id, app.client_secret),
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
        )
        body = answer.json()
    except requests.JSONDecodeError:
        raise Unavailable(f"Intuit's token endpoint answered {answer.status_code} without saying why") from None
    except requests.RequestException as error:
        raise Unavailable(f"Intuit's token endpoint did not answer: {type(error).__name__}") from None
    said = body.get("error") if isinstance(body, dict) else None
    if said == "invalid_client":
        return False
    if said != "invalid_grant":
        raise Unavailable(f"Intuit's token endpoint answered {answer.status_code}, and neither yes nor no")
    return True


def refresh(app: OAuthApp, refresh_token: str) -> Grant:
    """Exchange a refresh token. Raises ReconnectRequired (`invalid_grant`) or Unavailable.

    Whatever comes back must be stored: the refresh token's value changes about once a day, and the former one dies. So
    where the answer is lost the same is asked once more at once: a value that has just been replaced still works for a
    while, and by the next run it may not.
    """
    try:
        return _refresh_once(app, refresh_token)
    except Unavailable:
        return _refresh_once(app, refresh_token)


def _refresh_once(app: OAuthApp, refresh_token: str) -> Grant:
    _allow_http_on_this_machine(app)
    session = OAuth2Session(app.client_id)
    with _token_errors("Intuit no longer accepts the stored grant (invalid_grant)"):
        token = session.refresh_token(
            endpoints(app.discovery_url)["token_endpoint"],
            refresh_token=refresh_token,
            auth=HTTPBasicAuth(app.client_id, app.client_secret),
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
        )
        return grant_of(token, now=datetime.now(UTC))


@contextmanager
def _token_errors(when_invalid: str) -> Iterator[None]:
    """The token endpoint's errors as ours; the message never holds a token or a code."""
    try:
        yield
    except OAuth2Error as error:
        if error.error == "invalid_grant":
            raise ReconnectRequired(when_invalid) from None
        raise Unavailable(f"Intuit's token endpoint answered {error.error}") from None
    except requests.RequestException as error:
        raise Unavailable(f"Intuit's token endpoint did not answer: {type(error).__name__}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(f"Intuit's token endpoint gave no answer that is one: {type(error).__name__}") from None


def grant_of(token: Mapping[str, Any], *, now: datetime) -> Grant:
    """The token endpoint's answer as a grant. `expires_in` and `x_refresh_token_expires_in` are seconds."""
    return Grant(
        access_token=str(token["access_token"]),
        refresh_token=str(token["refresh_token"]),
        access_token_expires_at=now + timedelta(seconds=int(token["expires_in"])),
        refresh_token_expires_at=now + timedelta(seconds=int(token.get("x_refresh_token_expires_in", 8_640_000))),
    )


def may_be_http(address: str) -> bool:
    """Whether it is the sandbox, on this machine or beside it in Docker."""
    return urlsplit(address).hostname in ("127.0.0.1", "localhost", "sandbox")


def _allow_http_on_this_machine(app: OAuthApp) -> None:
    """oauthlib insists on https; the sandbox on this machine has none. Anywhere else the insistence stays."""
    if app.api_base_url.startswith("http://") and may_be_http(app.api_base_url):
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
