"""A small client of one company, for tests: raw HTTP, exact decimals."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import requests

from tests.support.sandbox.harness import Sandbox

Body = dict[str, Any]


class Books:
    """One company of a sandbox, with a grant."""

    def __init__(self, sandbox: Sandbox, name: str = "Test Company", realm: str | None = None) -> None:
        self.sandbox = sandbox
        self.realm = sandbox.company(name, realm)
        self.base = f"{sandbox.url}/v3/company/{self.realm}"
        self.http = requests.Session()
        self.http.headers["Accept"] = "application/json"
        self.renew()

    def renew(self) -> None:
        """A fresh grant."""
        self.http.headers["Authorization"] = f"Bearer {self.sandbox.grant(self.realm)['access_token']}"

    def call(self, method: str, path: str, body: Any = None, **params: str) -> requests.Response:
        """Any call."""
        data = None if body is None else json.dumps(body, default=float)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return self.http.request(method, f"{self.base}/{path}", params=params, data=data, headers=headers, timeout=20)

    def post(self, kind: str, body: Body, **params: str) -> Body:
        """A write that must succeed; the entity."""
        answer = self.call("POST", kind.lower(), body, **params)
        assert answer.status_code == 200, answer.text
        entity: Body = exact(answer)[kind]
        return entity

    def fault(self, kind: str, body: Any, **params: str) -> Body:
        """A write that must be refused with 400; the error, its fault type under `type`."""
        return error_of(self.call("POST", kind.lower(), body, **params))

    def get(self, kind: str, record_id: str) -> Body:
        """One entity."""
        answer = self.call("GET", f"{kind.lower()}/{record_id}")
        assert answer.status_code == 200, answer.text
        entity: Body = exact(answer)[kind]
        return entity

    def query(self, statement: str) -> Body:
        """The QueryResponse."""
        answer = self.call("GET", "query", query=statement)
        assert answer.status_code == 200, answer.text
        found: Body = exact(answer)["QueryResponse"]
        return found

    def rows(self, statement: str) -> list[Body]:
        """The entities of a query."""
        found = self.query(statement)
        lists = [value for value in found.values() if isinstance(value, list)]
        return lists[0] if lists else []

    def query_fault(self, statement: str) -> Body:
        """The error of a refused query."""
        return error_of(self.call("GET", "query", query=statement))

    def batch(self, *items: Body, **params: str) -> dict[str, Body]:
        """A batch; the answers by bId."""
        answer = self.call("POST", "batch", {"BatchItemRequest": list(items)}, **params)
        assert answer.status_code == 200, answer.text
        return {item["bId"]: item for item in exact(answer)["BatchItemResponse"]}

    def cdc(self, entities: str, since: str) -> list[Body]:
        """The blocks of a change data capture."""
        answer = self.call("GET", "cdc", entities=entities, changedSince=since)
        assert answer.status_code == 200, answer.text
        blocks: list[Body] = exact(answer)["CDCResponse"][0]["QueryResponse"]
        return blocks

    # -- short cuts ------------------------------------------------------------------------------

    def customer(self, name: str, **more: Any) -> Body:
        """A customer."""
        return self.post("Customer", {"DisplayName": name, **more})

    def sub_customer(self, name: str, parent: Body) -> Body:
        """A sub-customer."""
        return self.customer(name, Job=True, ParentRef={"value": parent["Id"]})

    def invoice(self, customer: Body, amount: Any = 100, **more: Any) -> Body:
        """An invoice of one line."""
        return self.post("Invoice", {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(amount)], **more})

    def memo(self, customer: Body, amount: Any = 100, **more: Any) -> Body:
        """A credit memo of one line."""
        return self.post("CreditMemo", {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(amount)], **more})

    def payment(self, customer: Body, total: Any, *lines: Body, **more: Any) -> Body:
        """A payment."""
        return self.post(
            "Payment", {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": total, "Line": list(lines), **more}
        )

    def switches(self, **values: Any) -> None:
        """Switches of this company."""
        self.sandbox.control(f"/companies/{self.realm}/switches", values)

    def preferences(self, **groups: Any) -> None:
        """Preferences of this company, as its web page sets them."""
        self.sandbox.control(f"/companies/{self.realm}/preferences", groups)

    def account(self, name: str) -> str:
        """An account's id."""
        return str(self.rows(f"select * from Account where Name = '{name}'")[0]["Id"])


def exact(answer: requests.Response) -> Any:
    """JSON with decimals."""
    return json.loads(answer.text, parse_float=Decimal)


def error_of(answer: requests.Response) -> Body:
    """The first error of a fault."""
    assert answer.status_code == 400, answer.text
    fault = answer.json()["Fault"]
    error: Body = fault["Error"][0]
    return error | {"type": fault["type"]}


def sale(amount: Any, item: str = "1", **detail: Any) -> Body:
    """A sales line."""
    return {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": item}, **detail},
    }


def shipping(amount: Any) -> Body:
    """The shipping box."""
    return sale(amount, "SHIPPING_ITEM_ID")


def discount(amount: Any = None, **detail: Any) -> Body:
    """The discount box."""
    line: Body = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": False, **detail}}
    return line if amount is None else line | {"Amount": amount}


def pays(target: Body, amount: Any, kind: str = "Invoice") -> Body:
    """A payment's line."""
    return {"Amount": amount, "LinkedTxn": [{"TxnId": target["Id"], "TxnType": kind}]}


def token_of(entity: Body) -> Body:
    """What an update names."""
    return {"Id": entity["Id"], "SyncToken": entity["SyncToken"]}
