"""Airflow's connection type `quickbooks_online`: our app at Intuit. Its form is in provider/."""

from typing import Any
from urllib.parse import urlsplit

from airflow.exceptions import AirflowNotFoundException
from airflow.sdk import BaseHook, Connection

from include.qbo.errors import QboError
from include.qbo.oauth import OAuthApp, accepts_client, may_be_http

#: By the connection's environment: the API, and Intuit's discovery document (facts 1.1).
ENVIRONMENTS = {
    "production": (
        "https://quickbooks.api.intuit.com",
        "https://developer.intuit.com/.well-known/openid_configuration/",
    ),
    "sandbox": (
        "https://sandbox-quickbooks.api.intuit.com",
        "https://developer.intuit.com/.well-known/openid_sandbox_configuration/",
    ),
}
CUSTOM = "custom"
_DISCOVERY_PATH = "/.well-known/openid_sandbox_configuration"


class BadConnection(ValueError):
    """The connection cannot be used as it is; the message says what to mend."""


class QuickBooksHook(BaseHook):
    """The app's key pair and endpoints, from an Airflow connection."""

    conn_name_attr = "quickbooks_conn_id"
    default_conn_name = "quickbooks"
    conn_type = "quickbooks_online"
    hook_name = "QuickBooks Online"

    #: Of the stacks: leads to the sandbox of this repository while nobody has made the connection `quickbooks`.
    sandbox_conn_name = "quickbooks_sandbox"

    def __init__(self, quickbooks_conn_id: str = default_conn_name) -> None:
        """Nothing is read yet."""
        super().__init__()
        self.quickbooks_conn_id = quickbooks_conn_id

    def get_conn(self) -> OAuthApp:
        """The app. Raises BadConnection, and AirflowNotFoundException if there is no such connection."""
        connection = self._connection()
        api_base_url, discovery_url = _addresses(connection)
        client_id, client_secret = (connection.login or "").strip(), (connection.password or "").strip()
        if not (client_id and client_secret):
            raise BadConnection(
                "The Airflow connection to QuickBooks has no client ID or no client secret. Copy both from "
                "your app at developer.intuit.com, under Keys & credentials."
            )
        return OAuthApp(
            client_id=client_id, client_secret=client_secret, discovery_url=discovery_url, api_base_url=api_base_url
        )

    def webhook_verifier_token(self) -> str:
        """The app's verifier token for webhooks; empty if there is none, or no connection."""
        try:
            token = self._connection().extra_dejson.get("webhook_verifier_token")
        except AirflowNotFoundException:
            return ""
        return token.strip() if isinstance(token, str) else ""

    def test_connection(self) -> tuple[bool, str]:
        """For the button Test: whether Intuit knows the key pair. No company has to be connected for that."""
        try:
            app = self.get_conn()
            accepted = accepts_client(app)
        except (BadConnection, QboError) as error:
            return False, str(error)
        if not accepted:
            return False, (
                "Intuit refuses this client ID and secret. Copy both again from your app at "
                "developer.intuit.com, under Keys & credentials: the development keys for the sandbox, the production "
                "keys for production."
            )
        where = urlsplit(app.api_base_url).hostname
        webhooks = "set" if self.webhook_verifier_token() else "not set, so webhooks are refused"
        return True, (
            f"Intuit accepts this client ID and secret. The sync will work with {where}. The webhook verifier token is "
            f"{webhooks}. Companies are connected under Admin › QuickBooks Online."
        )

    def _connection(self) -> Connection:
        try:
            return self.get_connection(self.quickbooks_conn_id)
        except AirflowNotFoundException:
            if self.quickbooks_conn_id != self.default_conn_name:
                raise
        try:
            return self.get_connection(self.sandbox_conn_name)
        except AirflowNotFoundException:
            raise AirflowNotFoundException(f"The conn_id `{self.default_conn_name}` isn't defined") from None


def _addresses(connection: Connection) -> tuple[str, str]:
    """API and discovery document."""
    extra = connection.extra_dejson
    if connection.conn_type != QuickBooksHook.conn_type:
        return _addresses_of_the_old_form(extra)
    environment = extra.get("environment") or "sandbox"
    if environment in ENVIRONMENTS:
        if connection.host:
            raise BadConnection(
                f"The Airflow connection to QuickBooks has an own address, but its environment is {environment}. Empty "
                "the address, or choose the environment custom."
            )
        return ENVIRONMENTS[environment]
    if environment != CUSTOM:
        raise BadConnection(
            "The Airflow connection to QuickBooks has an unknown environment: choose sandbox, production or custom."
        )
    address = _own_address(connection)
    return address, address + _DISCOVERY_PATH


def _own_address(connection: Connection) -> str:
    """The own address comes from the field host and from nowhere else: only of that one Airflow sees to it that
    somebody who tests a connection cannot send its stored secret to another server."""
    address = (connection.host or "").strip().rstrip("/")
    if connection.port and not urlsplit(address).port:
        address = f"{address}:{connection.port}"
    scheme, host = urlsplit(address).scheme, urlsplit(address).hostname
    if scheme not in ("http", "https") or not host:
        raise BadConnection(
            "The Airflow connection to QuickBooks has the environment custom: enter an own address, such as "
            "http://127.0.0.1:8083."
        )
    if scheme == "http" and not may_be_http(address):
        raise BadConnection(
            "The own address of the Airflow connection to QuickBooks must begin with https://. Only the sandbox on "
            "this machine has http."
        )
    return address


def _addresses_of_the_old_form(extra: dict[str, Any]) -> tuple[str, str]:
    """Of any other type, as before there was this one: both addresses are in the extra."""
    missing = [name for name in ("api_base_url", "discovery_url") if not isinstance(extra.get(name), str)]
    if missing:
        raise BadConnection(
            f"The Airflow connection to QuickBooks has no {' and no '.join(missing)} in its extra. Give it the type "
            f"{QuickBooksHook.hook_name} instead, and choose the environment."
        )
    return extra["api_base_url"].rstrip("/"), extra["discovery_url"]
