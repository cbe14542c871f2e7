"""What QuickBooks has told by webhook: only that a company has changed. A capture answers it."""

from datetime import datetime

import psycopg


def unanswered(connection: psycopg.Connection, realm_id: str) -> datetime | None:
    """The last notification of a company, if no capture has begun since."""
    row = connection.execute(
        "select told_at from qbo_sync.webhook_notice where realm_id = %s and told_at is distinct from answered_at",
        [realm_id],
    ).fetchone()
    return row[0] if row else None


def answer(connection: psycopg.Connection, realm_id: str, told_at: datetime | None) -> None:
    """Note, in the capture's own transaction, that it has answered what it had found unanswered."""
    if told_at is not None:
        connection.execute("select qbo_sync.answer_webhook(%s, %s)", [realm_id, told_at])
