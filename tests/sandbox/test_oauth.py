"""Tokens over time (facts 1.3 to 1.5), on the simulated clock."""

from __future__ import annotations

import pytest

from tests.support.sandbox.books import Books
from tests.support.sandbox.harness import Sandbox

DAY = 86400


def refresh(sandbox: Sandbox, token: str, **headers: str) -> tuple[int, dict[str, object]]:
    answer = sandbox.http.post(
        f"{sandbox.url}/oauth2/v1/tokens/bearer",
        data={"grant_type": "refresh_token", "refresh_token": token},
        auth=("sandbox-client", "sandbox-secret"),
        headers=headers,
        timeout=10,
    )
    assert answer.headers["intuit_tid"]
    return answer.status_code, answer.json()


def later(sandbox: Sandbox, seconds: float) -> None:
    sandbox.control("/clock", {"advance_seconds": seconds})


def test_daily_rotation_and_the_old_value(lone: Sandbox) -> None:
    first = str(lone.grant(lone.company("A"))["refresh_token"])
    status, body = refresh(lone, first)
    assert (status, body["refresh_token"]) == (200, first)
    later(lone, DAY + 1)
    status, body = refresh(lone, first)
    second = str(body["refresh_token"])
    assert status == 200 and second != first
    assert refresh(lone, first) == (
        400,
        {"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"},
    )
    assert refresh(lone, second)[0] == 200


def test_overlap_and_killing(lone: Sandbox) -> None:
    lone.control("/switches", {"refresh_overlap_seconds": 60, "reuse_kills_grant": True})
    first = str(lone.grant(lone.company("A"))["refresh_token"])
    later(lone, DAY + 1)
    second = str(refresh(lone, first)[1]["refresh_token"])
    assert refresh(lone, first)[1]["refresh_token"] == second
    later(lone, 61)
    assert refresh(lone, first)[0] == 400
    assert refresh(lone, second)[0] == 400


def test_lifetimes(lone: Sandbox) -> None:
    books = Books(lone)
    token = str(lone.grant(books.realm)["refresh_token"])
    later(lone, 3601)
    assert books.call("GET", "companyinfo/1").json()["fault"]["error"][0]["detail"] == "Token expired"
    assert refresh(lone, token)[1]["x_refresh_token_expires_in"] == pytest.approx(8640000 - 3601, abs=20)
    later(lone, 101 * DAY)
    assert refresh(lone, token)[0] == 400


def test_hard_expiry_header_and_five_years(lone: Sandbox) -> None:
    token = str(lone.grant(lone.company("A"))["refresh_token"])
    header = {"x-include-refresh-token-hard-expires-in": "true"}
    assert "x_refresh_token_hard_expires_in" not in refresh(lone, token)[1]
    assert refresh(lone, token, **header)[1]["x_refresh_token_hard_expires_in"] == pytest.approx(157680000, abs=20)
    for _ in range(18):
        later(lone, 99 * DAY)
        token = str(refresh(lone, token)[1]["refresh_token"])
    later(lone, 60 * DAY)
    assert refresh(lone, token)[0] == 400


def test_grants_are_independent(lone: Sandbox) -> None:
    realm = lone.company("A")
    first, second = lone.grant(realm), lone.grant(realm)
    answer = lone.http.post(
        f"{lone.url}/v2/oauth2/tokens/revoke",
        json={"token": first["access_token"]},
        auth=("sandbox-client", "sandbox-secret"),
    )
    assert answer.status_code == 200
    assert refresh(lone, str(first["refresh_token"]))[0] == 400
    assert refresh(lone, str(second["refresh_token"]))[0] == 200


def test_bad_requests(lone: Sandbox) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": str(lone.grant(lone.company("A"))["refresh_token"])}
    body = form | {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    url = f"{lone.url}/oauth2/v1/tokens/bearer"
    assert lone.http.post(url, data=body).status_code == 200
    assert lone.http.post(url, data=form).json() == {"error": "invalid_client"}
    assert lone.token().json()["error"] == "invalid_request"
    assert lone.token(grant_type="password").json()["error"] == "unsupported_grant_type"
    assert lone.token(grant_type="authorization_code", code="x").json() == {"error": "invalid_grant"}


def test_token_faults_only_when_asked(lone: Sandbox) -> None:
    token = str(lone.grant(lone.company("A"))["refresh_token"])
    lone.control("/faults", {"kind": "http_503"})
    assert refresh(lone, token)[0] == 200
    lone.control("/faults", {"kind": "http_500", "operation": "token", "times": 1})
    assert refresh(lone, token)[0] == 500
    assert refresh(lone, token)[0] == 200


def test_discovery(sandbox: Sandbox) -> None:
    for path in ("openid_sandbox_configuration", "openid_sandbox_configuration/", "openid_configuration"):
        found = sandbox.http.get(f"{sandbox.url}/.well-known/{path}").json()
        assert found["token_endpoint"] == f"{sandbox.url}/oauth2/v1/tokens/bearer"
        assert found["scopes_supported"] == ["openid", "email", "profile", "address", "phone"]
