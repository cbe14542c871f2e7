"""HTTP to the parts of the stack: always direct, whatever proxy the environment names."""

import json
import urllib.request
from typing import Any

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(address: str, bearer: str | None = None, body: dict[str, str] | None = None) -> dict[str, Any]:
    """GET, or POST where there is a body, and return the JSON of the answer; OSError when there is none."""
    headers = {"Content-Type": "application/json"}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address, data, headers)  # noqa: S310 - http on 127.0.0.1
    with _direct.open(request, timeout=20) as answer:
        try:
            found: dict[str, Any] = json.load(answer)
        except ValueError:
            raise OSError(f"{address} answers, but not in JSON") from None
        return found
