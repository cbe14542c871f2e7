"""Webhook events: QuickBooks reports that a company has changed, and a capture reads what."""

from collections.abc import Mapping
from datetime import datetime

import psycopg


def uncaptured(connection: psycopg.Connection, realm_id: str) -> datetime | None:
    """When the company's last event came, if no capture has begun since."""
    row = connection.execute(
        "select received_at from qbo_sync.webhook_event"
        " where realm_id = %s and received_at is distinct from captured_at",
        [realm_id],
    ).fetchone()
    return row[0] if row else None


def mark_captured(connection: psycopg.Connection, received_at: Mapping[str, datetime | None]) -> None:
    """Record, in the captures' own transaction, that they have read everything up to these events (of a company: its
    realm id → when its event came; None: it had none)."""
    captured = {realm_id: at for realm_id, at in received_at.items() if at}
    if captured:
        connection.execute("select qbo_sync.webhook_captured(%s, %s)", [list(captured), list(captured.values())])
