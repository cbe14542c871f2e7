"""QuickBooks as a bookkeeper's own program sees it: the public API, with a grant of its own."""

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import requests
import simplejson

TIMEOUT = 60
MINOR_VERSION = "75"
PAGE = 1000
PACE = 0.12  # seconds between two calls: QuickBooks takes ten a second
PAUSE = 2.0  # seconds when it has had enough all the same
THROTTLED = 429
UNAUTHORIZED = 401

Json = dict[str, Any]


class QuickBooksError(Exception):
    """QuickBooks answered with something else than what was asked for."""


class QuickBooks:
    """One company. Numbers are Decimal both ways."""

    def __init__(self, base_url: str, realm_id: str, name: str) -> None:
        self.base_url, self.realm_id, self.name = base_url.rstrip("/"), realm_id, name
        self.session = requests.Session()
        self.token = ""

    def open(self) -> None:
        """Make the company unless it is there, and get a grant."""
        if not self._grant():
            made = self.session.post(
                f"{self.base_url}/sandbox/companies",
                json={"realm_id": self.realm_id, "name": self.name},
                timeout=TIMEOUT,
            )
            if not made.ok:
                raise QuickBooksError(f"the company {self.name} cannot be made: {made.status_code} {made.text}")
        self.token = self.grant()["access_token"]

    def grant(self) -> dict[str, str]:
        """A fresh grant, independent of all others."""
        grant = self._grant()
        if grant is None:
            raise QuickBooksError(f"the sandbox gives no grant for company {self.realm_id}")
        return grant

    def _grant(self) -> dict[str, str] | None:
        url = f"{self.base_url}/sandbox/companies/{self.realm_id}/grants"
        answer = self.session.post(url, json={}, timeout=TIMEOUT)
        return answer.json() if answer.ok else None

    def control(self, path: str, *, post: bool = False) -> Json:
        """One of the sandbox's own calls."""
        url = f"{self.base_url}/sandbox/{path}"
        answer = self.session.request("POST" if post else "GET", url, timeout=TIMEOUT)
        if not answer.ok:
            raise QuickBooksError(f"the sandbox answers {answer.status_code} to {path}: {answer.text[:300]}")
        return dict(answer.json()) if answer.content else {}

    def all(self, entity: str, where: str = "") -> list[Json]:
        """Every record of an entity that fulfils a condition, page by page."""
        found: list[Json] = []
        while True:
            paging = f"ORDERBY Id STARTPOSITION {len(found) + 1} MAXRESULTS {PAGE}"
            query = f"SELECT * FROM {entity} {where} {paging}"  # noqa: S608 - QuickBooks' language, no SQL
            answer = self._call("POST", "query", query.encode(), content_type="application/text")
            page = answer["QueryResponse"].get(entity, [])
            found += page
            if len(page) < PAGE:
                return found

    def named(self, entity: str, name: str, field: str = "DisplayName") -> Json | None:
        """The record that has, or had before its deactivation, a name."""
        names = ", ".join("'" + each.replace("\\", "\\\\").replace("'", "\\'") + "'" for each in _names(name))
        found = self.all(entity, f"WHERE {field} IN ({names}) AND Active IN (true, false)")
        return found[0] if found else None

    def save(self, entity: str, body: Mapping[str, object], options: str = "", once: str = "") -> Json:
        """Create or update a record; the record as it is then.

        `options`: QuickBooks' own, such as `operation=delete`. `once`: a request id; the same one is done once only.
        """
        sent = simplejson.dumps(body, use_decimal=True).encode()
        asked = "&".join(filter(None, [options, f"requestid={once}" if once else ""]))
        return self._call("POST", f"{entity.lower()}?{asked}" if asked else entity.lower(), sent)[entity]

    def read(self, entity: str, path: str = "") -> Json:
        """A record that is read without a query, such as the preferences."""
        return self._call("GET", path or entity.lower())[entity]

    def _call(self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json") -> Json:
        """One request; again when QuickBooks asks to slow down, or when the access token has run out."""
        for _ in range(40):
            time.sleep(PACE)
            answer = self.session.request(
                method,
                f"{self.base_url}/v3/company/{self.realm_id}/{path}",
                params={"minorversion": MINOR_VERSION},
                data=body,
                headers={
                    "Authorization": f"Bearer {self.token}",
                    "Accept": "application/json",
                    "Content-Type": content_type,
                },
                timeout=TIMEOUT,
            )
            if answer.status_code == THROTTLED:
                time.sleep(PAUSE)
            elif answer.status_code == UNAUTHORIZED:
                self.token = self.grant()["access_token"]
            else:
                break
        decoded = simplejson.loads(answer.content, use_decimal=True) if answer.content else {}
        if not answer.ok or "Fault" in decoded:
            raise QuickBooksError(f"{method} {path} for {self.name}: {answer.status_code} {answer.text[:500]}")
        return decoded


def amount(record: Json, field: str = "TotalAmt") -> Decimal:
    """An amount of a record; JSON may write it as an integer."""
    return Decimal(record[field])


def _names(name: str) -> tuple[str, str]:
    return name, f"{name} (deleted)"
