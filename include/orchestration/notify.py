"""Where alerts go: the addresses of Airflow's connection `pilot_alerts`, by Apprise.

The connection is of the Apprise provider's type. Its hook sends to all addresses together and does not say which of
them could be reached; here each is told by itself. An address holds a password or a token: it is never logged.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from airflow.exceptions import AirflowNotFoundException
from airflow.sdk import BaseHook, Connection
from airflow.sdk.log import mask_secret

from include.alerts.delivery import Service

CONNECTION_ID = "pilot_alerts"

log = logging.getLogger(__name__)


class BadAddresses(ValueError):
    """The connection does not say where alerts go."""


def services() -> Sequence[Service]:
    """The addresses; none if there is no such connection."""
    try:
        return services_of(BaseHook.get_connection(CONNECTION_ID))
    except AirflowNotFoundException:
        return []


async def connection_or_none() -> Connection | None:
    """The connection, for whoever runs in an event loop."""
    try:
        return await BaseHook.aget_connection(CONNECTION_ID)
    except AirflowNotFoundException:
        return None


def services_of(connection: Connection | None) -> Sequence[Service]:
    """The addresses of the connection: `config` in its extra, as the Apprise provider has it."""
    if connection is None:
        return []
    # Imported here: half a second, in the few runs that have something to tell.
    from airflow.providers.apprise.hooks.apprise import AppriseHook

    try:
        config = AppriseHook(CONNECTION_ID).get_config_from_conn(connection)
        paths = [one["path"] for one in (config if isinstance(config, list) else [config])]
    except (KeyError, TypeError, ValueError):
        # The cause would show the addresses.
        raise BadAddresses(
            f'the connection {CONNECTION_ID} needs config = {{"path": "…"}} or a list of these'
        ) from None
    return [AppriseService(position, path) for position, path in enumerate(paths, 1)]


class AppriseService:
    """One address."""

    def __init__(self, position: int, path: str) -> None:
        """`position`: in the connection, from 1."""
        from apprise import Apprise

        mask_secret(path)
        #: Only until everybody has been told: that the list is changed meanwhile makes somebody hear it twice at worst.
        self.name = str(position)
        self._apprise = Apprise()
        with _silent("apprise"):
            self._usable = bool(self._apprise.add(path))

    def send(self, title: str, text: str, *, over: bool) -> bool:
        """Whether it got there."""
        from apprise import NotifyFormat, NotifyType

        if not self._usable:
            log.error("address %s of the connection %s is not one that Apprise knows", self.name, CONNECTION_ID)
            return False
        kind: Any = NotifyType.SUCCESS if over else NotifyType.WARNING
        told = self._apprise.notify(title=title, body=text, notify_type=kind, body_format=NotifyFormat.TEXT)
        if not told:
            log.error("address %s of the connection %s could not be reached", self.name, CONNECTION_ID)
        return bool(told)


@contextmanager
def _silent(logger: str) -> Iterator[None]:
    """What cannot be read as an address is logged by Apprise, with all that is in it."""
    named = logging.getLogger(logger)
    was, named.disabled = named.disabled, True
    try:
        yield
    finally:
        named.disabled = was
