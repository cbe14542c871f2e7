"""How fast the sandbox is: `python tests/sandbox/bench_sandbox.py [invoices]`. No pytest test."""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.sandbox.harness import Sandbox

BATCH = 30
QUERIES = (
    "select * from Invoice where DocNumber = 'B-50000'",
    "select * from Invoice where CustomerRef = '7' maxresults 100",
    "select * from Invoice where TxnDate = '2026-02-03' maxresults 100",
    "select * from Invoice where TxnDate >= '2026-02-20' and TotalAmt > '190' maxresults 100",
    "select * from Invoice where MetaData.LastUpdatedTime >= '2026-01-01T00:00:00Z' orderby Id startposition 90001 maxresults 100",  # noqa: E501
    "select count(*) from Invoice where Balance > '100'",
    "select * from Invoice where TotalAmt > '150' orderby TxnDate desc maxresults 100",
)


def invoice(number: int) -> dict[str, Any]:
    """Three lines, a discount, shipping."""
    line = {
        "Amount": 75.5,
        "Description": "Crown, zirconia",
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "Qty": 1, "UnitPrice": 75.5},
    }
    return {
        "DocNumber": f"B-{number}",
        "TxnDate": f"2026-02-{number % 28 + 1:02d}",
        "CustomerRef": {"value": str(number % 100 + 1)},
        "Line": [
            line,
            line,
            {"Amount": 5, "DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": False}},
            {
                "Amount": 12.5,
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": "SHIPPING_ITEM_ID"}},
            },
        ],
    }


def call(line: http.client.HTTPConnection, path: str, token: str, body: bytes) -> bytes:
    """One request on an open line."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json"}
    line.request("POST", path, body, headers)
    answer = line.getresponse()
    raw = answer.read()
    if answer.status != 200 or b'"Fault"' in raw:
        raise SystemExit(f"{answer.status} {raw[:500]!r}")
    return raw


def main() -> None:
    """Fill a company, then ask."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        options = ["--no-throttle"]
        if "--state" in sys.argv:
            options += ["--state-file", str(Path(folder) / "state")]
        with Sandbox(*options) as sandbox:
            measure(sandbox, total)


def measure(sandbox: Sandbox, total: int) -> None:
    """Creates, memory, queries."""
    realm = sandbox.company("Bench")
    token = sandbox.grant(realm)["access_token"]
    base = f"/v3/company/{realm}"
    line = http.client.HTTPConnection("127.0.0.1", sandbox.port)
    for number in range(100):
        call(line, f"{base}/customer", token, json.dumps({"DisplayName": f"Customer {number}"}).encode())
    bodies = [
        json.dumps(
            {
                "BatchItemRequest": [
                    {"bId": str(n), "operation": "create", "Invoice": invoice(n)}
                    for n in range(start, min(start + BATCH, total))
                ]
            }
        ).encode()
        for start in range(0, total, BATCH)
    ]
    before, began = sandbox.memory(), time.perf_counter()
    marks: list[tuple[int, float]] = []

    def work(part: int) -> None:
        own = http.client.HTTPConnection("127.0.0.1", sandbox.port)
        for place in range(part, len(bodies), 2):
            call(own, f"{base}/batch?requestid=bench-{place}", token, bodies[place])
            if part == 0 and place % 400 == 0:
                marks.append((place * BATCH, time.perf_counter() - began))

    workers = [threading.Thread(target=work, args=(part,)) for part in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took = time.perf_counter() - began
    grown = sandbox.memory() - before
    print(f"{total} invoices in batches of {BATCH}: {took:.1f} s, {total / took:,.0f} a second")
    print(f"memory: {grown / 1e6:.0f} MB, {grown / total:,.0f} bytes an invoice (replay answers included)")
    for statement in QUERIES:
        best = min(timed(line, base, token, statement) for _ in range(5))
        print(f"{best * 1000:7.1f} ms  {statement}")


def timed(line: http.client.HTTPConnection, base: str, token: str, statement: str) -> float:
    """Seconds for one query, the way there and back included."""
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/text"}
    line.request("POST", f"{base}/query", statement.encode(), headers)
    answer = line.getresponse()
    raw = answer.read()
    if answer.status != 200:
        raise SystemExit(raw.decode())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
