"""Webhook events: QuickBooks reports that a company has changed, and a capture reads what."""

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


def mark_captured(connection: psycopg.Connection, realm_id: str, received_at: datetime | None) -> None:
    """Record, in the capture's own transaction, that it has read everything up to that event."""
    if received_at is not None:
        connection.execute("select qbo_sync.webhook_captured(%s, %s)", [realm_id, received_at])
