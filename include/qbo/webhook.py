"""QuickBooks' webhook events (fact 7): whether a request is genuine, and which companies have changed.

Nothing else is taken from it: what changed is read from QuickBooks itself.
"""

import base64
import hashlib
import hmac
import json
from typing import Any

SIGNATURE_HEADER = "intuit-signature"


def is_genuine(body: bytes, signature: str, verifier_token: str) -> bool:
    """Whether the app's verifier token signed these bytes (fact 7.2). Never, without a token."""
    if not verifier_token:
        return False
    expected = base64.b64encode(hmac.new(verifier_token.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(signature.encode(), expected)


def changed_companies(body: bytes) -> set[str]:
    """The realm ids in a webhook's body, in CloudEvents or in the older form. Raises ValueError if it is neither."""
    try:
        notification = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if isinstance(notification, list):
        events, key = notification, "intuitaccountid"
    elif isinstance(notification, dict) and isinstance(notification.get("eventNotifications"), list):
        events, key = notification["eventNotifications"], "realmId"
    else:
        raise ValueError("neither CloudEvents nor eventNotifications")
    return {realm for event in events if (realm := _realm(event, key))}


def _realm(event: Any, key: str) -> str | None:
    realm = event.get(key) if isinstance(event, dict) else None
    return realm if isinstance(realm, str) and realm.isascii() and realm.isdigit() and len(realm) <= 32 else None
