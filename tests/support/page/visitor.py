"""A person with a browser, as far as HTTP goes: cookies, and forms taken from the pages themselves."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

_TOKEN = re.compile(r'name="csrf_token" value="([^"]*)"')


class Visitor:
    """Gets pages and sends their forms."""

    def __init__(self, base: str, token: str | None) -> None:
        """Logged in with a token, or not at all."""
        self.base = base
        self.page = f"{base}/quickbooks"
        self.session = requests.Session()
        self.session.trust_env = False
        if token:
            self.session.cookies.set("_token", token)

    def get(self, path: str, **options: Any) -> requests.Response:
        """A page."""
        return self.session.get(self.page + path, timeout=60, allow_redirects=False, **options)

    def csrf(self, path: str = "/changes") -> str:
        """The CSRF token of a page with a form; any will do, it is the person's and the browser's."""
        found = _TOKEN.search(self.get(path).text)
        assert found, f"{path} has no form"
        return unescape(found[1])

    def post(
        self, path: str, fields: dict[str, Any] | None = None, *, csrf: str | None = None, **options: Any
    ) -> requests.Response:
        """A form, with the CSRF token given."""
        data = {**(fields or {}), **({"csrf_token": csrf} if csrf is not None else {})}
        headers = {"Origin": self.base, **options.pop("headers", {})}
        return self.session.post(
            self.page + path,
            data=data or {"nothing": ""},
            headers=headers,
            timeout=60,
            allow_redirects=False,
            **options,
        )


def begin(who: Visitor, lab: int, start: str = "", *, first: str = "now") -> str:
    """Off to Intuit: the address of the consent page. `first`: what comes before the first sync."""
    fields = {"sync_start_date": start, "begin": first}
    answer = who.post(f"/labs/{lab}/connect", fields, csrf=who.csrf(f"/labs/{lab}/connect"))
    return answer.headers["location"]


def consent(address: str, realm: str) -> str:
    """Agree there: the address back."""
    parts = urlsplit(address)
    form = {**dict(parse_qsl(parts.query)), "realmId": realm, "decision": "connect"}
    target = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return requests.post(target, data=form, timeout=30, allow_redirects=False).headers["location"]


def path_of(address: str) -> str:
    """The path below the page."""
    parts = urlsplit(address)
    return f"{parts.path.removeprefix('/quickbooks')}?{parts.query}"
