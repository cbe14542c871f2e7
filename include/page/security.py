"""What keeps a change from being somebody else's wish: headers, the browser's cookie, CSRF tokens, origins."""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from airflow.configuration import conf
from fastapi import Request
from starlette.responses import Response

from include.page.address import airflow_base

COOKIE = "quickbooks_page"
CSRF_FIELD = "csrf_token"
_BYTES = 32


def add_headers(response: Response, form_target: str = "") -> None:
    """Nothing from elsewhere, nothing inline, no frame but Airflow's own, nothing kept in caches.

    `form_target`: an origin that a form of this page is sent on to (Intuit's consent page), beside ourselves.
    """
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        f" form-action 'self'{' ' + form_target if form_target else ''}; frame-ancestors 'self'; base-uri 'none'"
    )
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer: browsers then say `Origin: null` on our own forms.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")


def browser_secret(request: Request) -> str:
    """The random value that this browser carries in our cookie; a new one if it carries none."""
    held = request.cookies.get(COOKIE, "")
    if len(held) == _BYTES * 2 and all(letter in "0123456789abcdef" for letter in held):
        return held
    if not hasattr(request.state, "new_browser_secret"):
        request.state.new_browser_secret = secrets.token_hex(_BYTES)
    return str(request.state.new_browser_secret)


def keep_browser_secret(request: Request, response: Response) -> None:
    """Give the browser its cookie if it has none yet."""
    new = getattr(request.state, "new_browser_secret", None)
    if new:
        response.set_cookie(
            COOKIE,
            new,
            path=request.scope.get("root_path") or "/",
            httponly=True,
            samesite="lax",  # Intuit's redirect back to us must carry it
            secure=airflow_base().startswith("https://"),
        )


def csrf_token(request: Request, user_id: str) -> str:
    """Good for this user in this browser only."""
    return _mac("csrf", user_id, browser_secret(request))


def is_own_form(request: Request, user_id: str, token: str) -> bool:
    """Whether a POST comes from a form that we gave to this user in this browser."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("origin")
    if origin is not None and not _is_ours(request, origin):
        return False
    if COOKIE not in request.cookies:
        return False
    return hmac.compare_digest(token.encode(), csrf_token(request, user_id).encode())


def digest(value: str) -> bytes:
    """How secrets of a login under way are kept."""
    return hashlib.sha256(value.encode()).digest()


def _is_ours(request: Request, origin: str) -> bool:
    try:
        host = urlsplit(origin).netloc
    except ValueError:  # no browser sends such an address
        return False
    return bool(host) and host in (request.headers.get("host", ""), urlsplit(airflow_base()).netloc)


def _mac(*parts: str) -> str:
    """Keyed with Airflow's own secret, which all api-servers share; the label keeps it apart from other uses."""
    key = str(conf.get("api", "secret_key")).encode()
    message = "\0".join(["pilot quickbooks page", *parts]).encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()
