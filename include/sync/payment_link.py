"""What a person says of two payments that may be the same money (rule 9): one payment, or two."""

import psycopg

from include.sync.customer_link import CannotLink


def link_payment(connection: psycopg.Connection, realm_id: str, lms_id: int, qbo_id: str) -> None:
    """They are one, and QuickBooks' version counts; in the caller's transaction. Raises CannotLink, with the reason."""
    try:
        connection.execute("select qbo_sync.link_payment(%s, %s::bigint, %s)", [realm_id, lms_id, qbo_id])
    except psycopg.errors.RaiseException as refusal:
        raise CannotLink(refusal.diag.message_primary or "The payments cannot be linked.") from None


def keep_both_payments(connection: psycopg.Connection, realm_id: str, lms_id: int, qbo_id: str) -> None:
    """They are two: each is synced to the other side; in the caller's transaction."""
    connection.execute("select qbo_sync.keep_both_payments(%s, %s::bigint, %s)", [realm_id, lms_id, qbo_id])
