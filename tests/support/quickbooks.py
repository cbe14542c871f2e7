"""A QuickBooks company of the sandbox as a test sees it: by its API, as the bookkeeper would."""

from dataclasses import dataclass, field
from typing import Any

import requests
import simplejson

Json = dict[str, Any]


@dataclass
class QuickBooks:
    """One company in the sandbox, through the public API with a grant of the bookkeeper's own."""

    url: str
    realm: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        # Looking for proxies costs a third of a request.
        self.session.trust_env = False
        grant = self.grant()
        self.session.headers.update({"Accept": "application/json", "Authorization": f"Bearer {grant['access_token']}"})

    def grant(self) -> Json:
        """A fresh grant."""
        return self.control("POST", f"companies/{self.realm}/grants")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One of the sandbox's control calls."""
        answer = self.session.request(method, f"{self.url}/sandbox/{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def call(self, path: str, body: Json | None = None, **parameters: str) -> Json:
        """One API call; faults are returned as they come."""
        answer = self.session.request(
            "POST" if body is not None else "GET",
            f"{self.url}/v3/company/{self.realm}/{path}",
            params={"minorversion": "75", **parameters},
            data=simplejson.dumps(body, use_decimal=True) if body is not None else None,
            headers={"Content-Type": "application/json"},
            timeout=30,
        )
        return simplejson.loads(answer.content, use_decimal=True)

    def query(self, statement: str) -> list[Json]:
        """The records of a query."""
        answer = self.call("query", query=statement)
        assert "Fault" not in answer, answer
        return next((v for v in answer["QueryResponse"].values() if isinstance(v, list)), [])

    def all(self, entity: str, where: str = "") -> list[Json]:
        """Every record of an entity."""
        return self.query(f"SELECT * FROM {entity} {where} ORDERBY Id MAXRESULTS 1000")

    def create(self, entity: str, **body: Any) -> Json:
        """Create a record as the bookkeeper would."""
        answer = self.call(entity.lower(), body)
        assert entity in answer, answer
        return answer[entity]

    def update(self, entity: str, record: Json, **changes: Any) -> Json:
        """Change a record sparsely."""
        return self.create(entity, Id=record["Id"], SyncToken=record["SyncToken"], sparse=True, **changes)

    def deactivate(self, entity: str, record: Json) -> Json:
        """Make a list record inactive."""
        return self.update(entity, record, Active=False)

    def writes(self) -> int:
        """Writes since the statistics were reset."""
        stats = self.control("GET", "stats")
        requests_made = stats.get("requests", stats)
        return sum(int(requests_made.get(kind, 0)) for kind in ("create", "update", "delete"))


def make_company(sandbox_url: str, name: str = "Bright Dental Lab") -> QuickBooks:
    """A new company in the sandbox."""
    answer = requests.post(f"{sandbox_url}/sandbox/companies", json={"name": name}, timeout=10)
    answer.raise_for_status()
    return QuickBooks(sandbox_url, answer.json()["realm_id"])
