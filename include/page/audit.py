"""Who changed what, and when: qbo_sync.page_change."""

from typing import Any

import psycopg

from include.lms.database import jsonb
from include.page.access import Visitor


def note(
    connection: psycopg.Connection,
    who: Visitor,
    action: str,
    *,
    lab: int | None = None,
    realm: str | None = None,
    error: int | None = None,
    **detail: Any,
) -> None:
    """Write one change down, in the caller's transaction. Never a token or a secret in `detail`."""
    connection.execute(
        "insert into qbo_sync.page_change (user_name, action, billing_lab_id, realm_id, sync_error_id, detail)"
        " values (%s, %s, %s, %s, %s, %s)",
        [who.name, action, lab, realm, error, jsonb(detail)],
    )
