"""QuickBooks' notifications (dossier 7): whether one is genuine, and which companies it tells of.

Nothing else is taken from them: what changed is asked of QuickBooks itself.
"""

import base64
import hashlib
import hmac
import json
from typing import Any

SIGNATURE_HEADER = "intuit-signature"


def is_genuine(body: bytes, signature: str, verifier_token: str) -> bool:
    """Whether the app's verifier token signed these bytes (dossier 7.2). Never, without a token."""
    if not verifier_token:
        return False
    expected = base64.b64encode(hmac.new(verifier_token.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(signature.encode(), expected)


def companies_told_of(body: bytes) -> set[str]:
    """The realm ids in a notification, in CloudEvents or in the older form. Raises ValueError if it is neither."""
    try:
        told = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if isinstance(told, list):
        events, key = told, "intuitaccountid"
    elif isinstance(told, dict) and isinstance(told.get("eventNotifications"), list):
        events, key = told["eventNotifications"], "realmId"
    else:
        raise ValueError("neither CloudEvents nor eventNotifications")
    return {realm for event in events if (realm := _realm(event, key))}


def _realm(event: Any, key: str) -> str | None:
    realm = event.get(key) if isinstance(event, dict) else None
    return realm if isinstance(realm, str) and realm.isascii() and realm.isdigit() and len(realm) <= 32 else None
