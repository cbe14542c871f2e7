"""The gateway's faults: 401, 403, 429, in an envelope of their own (facts 3.2, 8.2)."""

from __future__ import annotations

from typing import Any


class GatewayFault(Exception):
    """401, 403 and 429 come from the gateway, in lower case (fact 8.2)."""

    def __init__(self, status: int, code: str, name: str, detail: str | None, kind: str) -> None:
        super().__init__(f"{status} {name}")
        self.status, self.code, self.name, self.detail, self.kind = status, code, name, detail, kind

    def body(self, epoch_ms: int) -> dict[str, Any]:
        """The whole answer."""
        return {
            "warnings": None,
            "intuitObject": None,
            "fault": {
                "error": [
                    {
                        "message": f"message={self.name}; errorCode=00{self.code}; statusCode={self.status}",
                        "detail": self.detail,
                        "code": self.code,
                        "element": None,
                    }
                ],
                "type": self.kind,
            },
            "report": None,
            "queryResponse": None,
            "batchItemResponse": [],
            "attachableResponse": [],
            "syncErrorResponse": None,
            "requestId": None,
            "time": epoch_ms,
            "status": None,
            "cdcresponse": [],
        }


def unauthenticated(detail: str | None) -> GatewayFault:
    """401: no token, a bad one, an expired one."""
    return GatewayFault(401, "3200", "AuthenticationFailed", detail, "AUTHENTICATION")


def wrong_realm() -> GatewayFault:
    """403: the token is for another company, or the grant is gone."""
    return GatewayFault(403, "3100", "ApplicationAuthorizationFailed", None, "AUTHORIZATION")


def throttled() -> GatewayFault:
    """429 (fact 3.2)."""
    return GatewayFault(429, "3001", "ThrottleExceeded", "The request limit was reached.  Try again later", "SERVICE")
