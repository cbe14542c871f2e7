"""Disconnecting a billing lab: its settings and links are kept, and the grant ends with the last lab.

Why it is done so: docs/decisions/0014-one-lab-leaves-a-shared-company.md.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

import psycopg

from include.company.company import read_company
from include.company.runtime import Runtime
from include.lms.database import jsonb
from include.model.settings import ConnectionSettings
from include.qbo.errors import QboError
from include.qbo.oauth import revoke

#: All that is chosen in the settings. Whether the lab is started is chosen anew by whoever connects it.
_COLUMNS = tuple(field.name for field in fields(ConnectionSettings) if field.name != "started")


@dataclass(frozen=True, kw_only=True, slots=True)
class Disconnected:
    """What a disconnect did."""

    realm_id: str
    company_name: str
    #: No lab uses the company any more: its grant is deleted.
    last_lab: bool
    #: Intuit confirmed that the grant is revoked. Our tokens are deleted even if it did not.
    revoked: bool


def disconnect_lab(runtime: Runtime, lab_id: int) -> Disconnected:
    """Stop the lab's syncing. Raises LookupError if it is not connected."""
    with runtime.connect() as connection:
        row = connection.execute(
            "select c.realm_id, c.refresh_token_encrypted from qbo_sync.company c"
            "  join qbo_sync.connection n on n.realm_id = c.realm_id"
            " where n.billing_lab_id = %s for no key update of c",
            [lab_id],
        ).fetchone()
        if row is None:
            raise LookupError(f"Billing lab {lab_id} is not connected to QuickBooks.")
        realm_id, sealed = row
        company = read_company(connection, realm_id)
        _archive(connection, company.settings[lab_id])
        remaining = [settings for other, settings in company.settings.items() if other != lab_id]
        if remaining:
            _pass_on_receiving(connection, company.settings[lab_id], remaining)
        else:
            _close(connection, realm_id)
        connection.commit()
    revoked = not remaining and _revoke(runtime, sealed)
    return Disconnected(realm_id=realm_id, company_name=company.name, last_lab=not remaining, revoked=revoked)


def restore_settings(connection: psycopg.Connection, lab_id: int, realm_id: str) -> bool:
    """Give a lab that comes back to its company the settings it had, in the caller's transaction."""
    row = connection.execute(
        "delete from qbo_sync.former_connection where billing_lab_id = %s and realm_id = %s returning settings",
        [lab_id, realm_id],
    ).fetchone()
    if row is None:
        return False
    settings = {name: row[0].get(name) for name in _COLUMNS}
    taken = connection.execute(
        "select 1 from qbo_sync.connection where realm_id = %s and receives_qbo_transactions", [realm_id]
    ).fetchone()
    # One lab does, and no other may have come to do it since this one left.
    settings["receives_qbo_transactions"] = taken is None
    inserted = connection.execute(
        f"insert into qbo_sync.connection ({', '.join(_COLUMNS)})"  # noqa: S608 - our own column names
        f" values ({', '.join(['%s'] * len(_COLUMNS))}) on conflict (billing_lab_id) do nothing".encode(),
        list(settings.values()),
    )
    return inserted.rowcount == 1


def _archive(connection: psycopg.Connection, settings: ConnectionSettings) -> None:
    connection.execute(
        "insert into qbo_sync.former_connection (billing_lab_id, realm_id, settings) values (%s, %s, %s)"
        " on conflict (billing_lab_id, realm_id) do update"
        " set settings = excluded.settings, disconnected_at = clock_timestamp()",
        [settings.billing_lab_id, settings.realm_id, jsonb(_plain(settings))],
    )
    connection.execute("delete from qbo_sync.connection where billing_lab_id = %s", [settings.billing_lab_id])


def _plain(settings: ConnectionSettings) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(settings).items()}


def _pass_on_receiving(
    connection: psycopg.Connection, leaving: ConnectionSettings, remaining: Iterable[ConnectionSettings]
) -> None:
    """Somebody must receive what is created in QuickBooks."""
    if leaving.receives_qbo_transactions:
        successor = next(iter(remaining))
        connection.execute(
            "update qbo_sync.connection set receives_qbo_transactions = true where billing_lab_id = %s",
            [successor.billing_lab_id],
        )


def _close(connection: psycopg.Connection, realm_id: str) -> None:
    connection.execute(
        "update qbo_sync.company set status = 'disconnected', access_token_encrypted = null,"
        " refresh_token_encrypted = null, access_token_expires_at = null, refresh_token_expires_at = null,"
        " updated_at = clock_timestamp() where realm_id = %s",
        [realm_id],
    )
    connection.execute("delete from qbo_sync.captured_object where realm_id = %s", [realm_id])


def _revoke(runtime: Runtime, sealed: bytes | None) -> bool:
    """After the commit: the company is disconnected even if Intuit does not answer."""
    try:
        return revoke(runtime.app, runtime.vault.open(sealed))
    except QboError:
        return False
