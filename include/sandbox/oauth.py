"""OAuth 2.0 as Intuit does it (fact 1): codes, access tokens, refresh tokens that rotate daily, revocation."""

from __future__ import annotations

import base64
import binascii
import hmac
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock
from .journal import Journal
from .switches import Switchboard

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 8_640_000
HARD_SECONDS = 157_680_000
CODE_SECONDS = 600
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class OAuthFault(Exception):
    """An error of the token endpoint (fact 1.5)."""

    def __init__(self, error: str, description: str | None = None, status: int = 400) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error} | ({"error_description": description} if description else {})


@dataclass(slots=True)
class Grant:
    """What a company's user has allowed."""

    id: int
    realm: str
    scope: str
    value: str
    issued: float
    value_issued: float
    expires: float
    revoked: bool = False
    former: dict[str, float] = field(default_factory=dict)

    def as_list(self) -> list[Any]:
        """For the state file."""
        return [getattr(self, name) for name in self.__slots__]


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token is good for."""

    grant: int
    expires: float


@dataclass(frozen=True, slots=True)
class _Code:
    realm: str
    scope: str
    redirect_uri: str
    expires: float


class OAuth:
    """Grants and tokens of one app, known by `client_id` and `client_secret`."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        clock: Clock,
        rng: random.Random,
        switches: Switchboard,
        journal: Journal,
    ) -> None:
        self._client_id, self._client_secret = client_id, client_secret
        self._clock, self._rng, self._switches, self._journal = clock, rng, switches, journal
        self.grants: dict[int, Grant] = {}
        self.access: dict[str, Access] = {}
        self._by_value: dict[str, int] = {}
        self._codes: dict[str, _Code] = {}

    # -- what the endpoints call -----------------------------------------------------------------

    def authenticate(self, header: str | None, form: dict[str, str]) -> None:
        """Basic, or id and secret in the body (fact 1.3); else 401 invalid_client."""
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        if header and header.lower().startswith("basic "):
            try:
                client, _, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise OAuthFault("invalid_client", status=401) from None
        right = hmac.compare_digest(client.encode(), self._client_id.encode())
        if not (right and hmac.compare_digest(secret.encode(), self._client_secret.encode())):
            raise OAuthFault("invalid_client", status=401)

    def code(self, realm: str, scope: str, redirect_uri: str) -> str:
        """An authorization code, single use, ten minutes."""
        code = "AB1" + self._random(47)
        self._codes[code] = _Code(realm, scope, redirect_uri, self._now() + CODE_SECONDS)
        return code

    def token(self, form: dict[str, str], hard_expiry: bool) -> dict[str, Any]:
        """The token endpoint, both grants."""
        kind = form.get("grant_type")
        if kind == "authorization_code":
            grant = self._exchange(form)
        elif kind == "refresh_token":
            grant = self._refresh(form.get("refresh_token", ""))
        elif not kind:
            raise OAuthFault("invalid_request", "grant_type is missing")
        else:
            raise OAuthFault("unsupported_grant_type")
        return self.answer(grant, hard_expiry)

    def new_grant(self, realm: str, scope: str = "com.intuit.quickbooks.accounting") -> Grant:
        """A fresh grant, independent of all others."""
        now = self._now()
        grant = Grant(len(self.grants) + 1, realm, scope, self._refresh_value(), now, now, now + REFRESH_SECONDS)
        self._keep(grant)
        return grant

    def answer(self, grant: Grant, hard_expiry: bool = False) -> dict[str, Any]:
        """Tokens for a grant."""
        now = self._now()
        access = "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0.." + self._random(180)
        self._keep_access(access, Access(grant.id, now + ACCESS_SECONDS))
        answer: dict[str, Any] = {
            "x_refresh_token_expires_in": max(round(grant.expires - now), 0),
            "refresh_token": grant.value,
            "access_token": access,
            "token_type": "bearer",
            "expires_in": ACCESS_SECONDS,
        }
        if hard_expiry:
            answer["x_refresh_token_hard_expires_in"] = max(round(grant.issued + HARD_SECONDS - now), 0)
        return answer

    def revoke(self, token: str) -> None:
        """Either token ends the grant (fact 1.4)."""
        held = self.access.get(token)
        grant_id = held.grant if held is not None else self._by_value.get(token)
        if grant_id is None or self.grants[grant_id].revoked:
            raise OAuthFault("invalid_request", "Token is not valid")
        self._end(self.grants[grant_id])

    def disconnect(self, realm: str) -> int:
        """A user disconnects the app in QuickBooks: every grant of the company ends."""
        ended = [grant for grant in self.grants.values() if grant.realm == realm and not grant.revoked]
        for grant in ended:
            self._end(grant)
        return len(ended)

    def connected(self, realm: str) -> bool:
        """Whether the app may see this company; webhooks are sent for connected companies only (fact 7.1)."""
        return any(grant.realm == realm and not grant.revoked for grant in self.grants.values())

    def expire_access(self, realm: str | None) -> int:
        """End access tokens before their hour (for tests); the grants go on."""
        doomed = [t for t, a in self.access.items() if realm in (None, self.grants[a.grant].realm)]
        for token in doomed:
            held = self.access[token]
            self._keep_access(token, Access(held.grant, self._now() - 1))
        return len(doomed)

    def grant_of(self, token: str) -> tuple[Grant | None, str | None]:
        """The grant behind a bearer token, or why there is none (the `detail` of the 401)."""
        held = self.access.get(token)
        if held is None:
            short = len(token) < 50 or len(token) > 4096
            return None, "Malformed bearer token: too short or too long" if short else None
        if self.grants[held.grant].revoked:
            return self.grants[held.grant], "Token revoked"
        if held.expires <= self._now():
            return None, "Token expired"
        return self.grants[held.grant], None

    # -- inside ----------------------------------------------------------------------------------

    def _exchange(self, form: dict[str, str]) -> Grant:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires < self._now():
            raise OAuthFault("invalid_grant")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthFault("invalid_grant", "Invalid redirect uri")
        return self.new_grant(code.realm, code.scope)

    def _refresh(self, value: str) -> Grant:
        now = self._now()
        switches = self._switches
        grant = self.grants.get(self._by_value.get(value, 0))
        if grant is None or grant.revoked or now >= min(grant.expires, grant.issued + HARD_SECONDS):
            raise OAuthFault("invalid_grant", "Incorrect or invalid refresh token")
        if value != grant.value:
            overlap = float(switches.get("refresh_overlap_seconds", {}))
            if now < grant.former.get(value, 0.0) + overlap:
                return grant
            if switches.get("reuse_kills_grant", {}):
                self._end(grant)
            raise OAuthFault("invalid_grant", "Incorrect or invalid refresh token")
        if now - grant.value_issued >= float(switches.get("rotation_hours", {})) * 3600:
            grant.former[grant.value] = now
            grant.value, grant.value_issued = self._refresh_value(), now
            grant.expires = now + REFRESH_SECONDS
            self._keep(grant)
        return grant

    def _end(self, grant: Grant) -> None:
        grant.revoked = True
        self._keep(grant)

    def _keep(self, grant: Grant) -> None:
        self.grants[grant.id] = grant
        self._by_value[grant.value] = grant.id
        self._journal.note("grant", grant.as_list())

    def _keep_access(self, token: str, access: Access) -> None:
        self.access[token] = access
        self._journal.note("access", token, access.grant, access.expires)

    def _now(self) -> float:
        return self._clock.now()

    def _random(self, length: int) -> str:
        return "".join(self._rng.choices(_ALPHABET, k=length))

    def _refresh_value(self) -> str:
        return "RT1-" + self._random(46)

    # -- the state file --------------------------------------------------------------------------

    def restore(self, what: str, rest: list[Any]) -> None:
        """An operation of the state file."""
        if what == "grant":
            number, realm, scope, value, issued, value_issued, expires, revoked, former = rest[0]
            grant = Grant(
                number, realm, scope, value, float(issued), float(value_issued), float(expires), revoked,
                {name: float(when) for name, when in former.items()},
            )  # fmt: skip
            self.grants[grant.id] = grant
            for name in (*grant.former, grant.value):
                self._by_value[name] = grant.id
        elif what == "access":
            self.access[rest[0]] = Access(rest[1], float(rest[2]))

    def snapshot(self) -> Iterator[list[Any]]:
        """Grants, and the access tokens that still live."""
        for grant in self.grants.values():
            yield ["grant", grant.as_list()]
        for token, access in self.access.items():
            if access.expires > self._now():
                yield ["access", token, access.grant, access.expires]
