"""OAuth tokens of the companies: encrypted at rest, refreshed under a row lock.

Two workers that meet an expired token refresh once: the second waits for the row and finds the new token. The lock is
`for no key update`, which rows that refer to the company do not have to wait for.
"""

from datetime import UTC, datetime, timedelta

import psycopg
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from include.lms.database import Connect
from include.qbo.errors import NotConnected, ReconnectRequired, WrongKey
from include.qbo.oauth import Grant, OAuthApp, refresh

#: An access token this close to its end is not used any more.
MARGIN = timedelta(minutes=2)

_RECONNECT = "Reconnect the company on the QuickBooks Online page (Admin > QuickBooks Online)."


class TokenVault:
    """Encrypts and decrypts tokens. Several keys, newest first, allow the key to be changed."""

    def __init__(self, keys: str) -> None:
        """`keys`: Fernet keys, comma separated (PILOT_TOKEN_KEY). Raises ValueError for anything else."""
        self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",") if key.strip()])

    def seal(self, token: str) -> bytes:
        """A token as it is stored."""
        return self._fernet.encrypt(token.encode())

    def open(self, sealed: bytes | None) -> str:
        """A stored token. Raises ReconnectRequired if there is none, WrongKey if it was encrypted with another one."""
        if sealed is None:
            raise ReconnectRequired(f"The company has no stored QuickBooks access (tokens). {_RECONNECT}")
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise WrongKey(
                "The stored QuickBooks access (tokens) cannot be decrypted with the current PILOT_TOKEN_KEY. Add the"
                f" former key after the current one. If it is lost: {_RECONNECT}"
            ) from None


class CompanyTokens:
    """The TokenSource of one company."""

    def __init__(
        self,
        connect: Connect,
        app: OAuthApp,
        vault: TokenVault,
        realm_id: str,
        known: tuple[str, datetime] | None = None,
    ) -> None:
        """Nothing is read yet. `known`: the access token and its end, if somebody has read them."""
        self._connect = connect
        self._app = app
        self._vault = vault
        self._realm_id = realm_id
        self._cached = known

    def current(self) -> str:
        """A token with some life left, refreshed first if need be."""
        now = datetime.now(UTC)
        if self._cached is None or self._cached[1] <= now + MARGIN:
            self._cached = self._read_or_refresh(refused=None)
        return self._cached[0]

    def replace(self, refused: str) -> str:
        """A token other than the refused one: another worker's, or a fresh one."""
        self._cached = self._read_or_refresh(refused=refused)
        return self._cached[0]

    def give_up(self) -> None:
        """QuickBooks has refused the grant for good: the company needs a person. Not if it has another one by now, as
        after a reconnect while a long task went on with the old token."""
        if self._cached is None:
            return  # Nothing was asked with a token; a refresh that is refused says so itself.
        with self._connect() as connection:
            row = connection.execute(
                "select access_token_encrypted from qbo_sync.company"
                " where realm_id = %s and status = 'connected' for no key update",
                [self._realm_id],
            ).fetchone()
            if row and row[0] is not None and self._vault.open(row[0]) == self._cached[0]:
                require_reconnect(connection, self._realm_id)
            connection.commit()

    def _read_or_refresh(self, refused: str | None) -> tuple[str, datetime]:
        with self._connect() as connection:
            row = connection.execute(
                "select status, access_token_encrypted, refresh_token_encrypted, access_token_expires_at, name"
                "  from qbo_sync.company where realm_id = %s for no key update",
                [self._realm_id],
            ).fetchone()
            if row is None or row[0] == "disconnected":
                raise NotConnected(f"QuickBooks company {self._realm_id} is disconnected.")
            if row[0] != "connected":
                raise ReconnectRequired(
                    f"{row[4]} (QuickBooks company {self._realm_id}) does not sync because Pilot lost its access."
                    f" {_RECONNECT}"
                )
            _, sealed_access, sealed_refresh, expires_at, _ = row
            if sealed_access is not None and expires_at > datetime.now(UTC) + MARGIN:
                token = self._vault.open(sealed_access)
                if token != refused:
                    return token, expires_at
            try:
                grant = refresh(self._app, self._vault.open(sealed_refresh))
            except ReconnectRequired:
                require_reconnect(connection, self._realm_id)
                connection.commit()
                raise
            store_grant(connection, self._vault, self._realm_id, grant)
            connection.commit()
            return grant.access_token, grant.access_token_expires_at


class FreshGrant:
    """The TokenSource of a grant that is not stored yet: is it good for the company that it claims?"""

    def __init__(self, grant: Grant) -> None:
        """As Intuit gave it a moment ago."""
        self._grant = grant

    def current(self) -> str:
        """Its access token."""
        return self._grant.access_token

    def replace(self, refused: str) -> str:
        """A fresh token that is refused belongs to another company or environment."""
        raise ReconnectRequired(
            "QuickBooks does not accept this login for this company. Check that the company ID and the environment"
            " (production or sandbox) belong to the login, then connect again."
        )


def store_grant(connection: psycopg.Connection, vault: TokenVault, realm_id: str, grant: Grant) -> None:
    """Keep both tokens, whatever came back, in the caller's transaction."""
    connection.execute(
        "update qbo_sync.company set status = 'connected', access_token_encrypted = %s, refresh_token_encrypted = %s,"
        " access_token_expires_at = %s, refresh_token_expires_at = %s, updated_at = clock_timestamp()"
        " where realm_id = %s",
        [
            vault.seal(grant.access_token),
            vault.seal(grant.refresh_token),
            grant.access_token_expires_at,
            grant.refresh_token_expires_at,
            realm_id,
        ],
    )


def require_reconnect(connection: psycopg.Connection, realm_id: str) -> None:
    """The grant was refused: syncing pauses; settings, links and tokens are kept (a refusal may be a mistake)."""
    connection.execute(
        "update qbo_sync.company set status = 'reconnect_required', updated_at = clock_timestamp()"
        " where realm_id = %s and status = 'connected'",
        [realm_id],
    )
