"""A storm of webhooks on a private stack: `python -m tests.bench.webhooks [deliveries] [seconds] [page]`.

`make webhooks` sends them to the receiver that is a process of its own; with `page`, to the api-server.

The sandbox's own webhooks are off and polls are hours apart: only what this program delivers tells the sync of the
payments that bookkeepers take in QuickBooks meanwhile. Six of ten deliveries are signed and new, two are repeats of
older ones, two are forged. Each has its moment: what comes late because the one before it was slow counts as late.
"""

import http.client
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from include.sandbox.webhooks import signature
from include.stack.ports import Ports
from include.stack.stack import Stack
from tests.bench.companies import GIVE_UP, Companies
from tests.support.quickbooks import QuickBooks
from tests.support.webhook_receiver import receiver_alone
from tests.support.world import World, world_on

COMPANIES, PAYMENTS, SENDERS = 20, 100, 24
DELIVERIES, SECONDS = 10_000, 60.0
#: What no delivery may take longer than.
PROMPT = 1.0
HOURS = "7200"


@dataclass(frozen=True)
class Delivery:
    """One POST: when (seconds from the start), what, and what the answer has to be."""

    due: float
    kind: str
    body: bytes
    signature: str
    expected: int


@dataclass
class Storm:
    """What came of the deliveries."""

    late: list[float] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: int = 0


def main() -> None:
    """Deliver, judge, print; the exit status says whether all is well."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else DELIVERIES
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    with_the_page = "page" in sys.argv[3:]
    os.environ["PILOT_QBO_POLL_WEBHOOK_SECONDS"] = HOURS
    with tempfile.TemporaryDirectory() as state:
        stack = Stack(Path(state), Ports.free())
        stack.up()
        try:
            environment = stack.full_environment()
            served = f"{environment['AIRFLOW_API_URL']}/quickbooks/webhook"
            door = (
                nullcontext(served) if with_the_page else receiver_alone(environment, subprocess.DEVNULL)
            )  # a line for each forged one
            with world_on(stack) as world, door as url:
                sys.exit(_storm(url, environment, world, number, seconds))
        finally:
            stack.down()


def _storm(url: str, environment: Mapping[str, str], world: World, number: int, seconds: float) -> int:
    companies = Companies(world)
    companies.grow(COMPANIES)
    world.qbo.control("DELETE", "webhooks")
    invoices = [companies.invoice(nth) for nth in range(PAYMENTS)]
    companies.wait_for(invoices)
    token = environment["SANDBOX_WEBHOOK_VERIFIER_TOKEN"]
    realms = [row["realm_id"] for row in world.sql("select realm_id from qbo_sync.company order by realm_id")]
    deliveries = _deliveries(number, seconds, token, realms)
    taken: list[tuple[str, str]] = []
    bookkeepers = threading.Thread(target=_take_payments, args=(world, invoices, seconds, taken))
    bookkeepers.start()
    storm = _deliver(url, deliveries)
    bookkeepers.join()
    # As Intuit does: the last change is told too, however late it was made.
    _deliver(url, [_signed(0.0, "last", token, realm) for realm in realms])
    settled = _until_paid(world, taken)
    return _tell(storm, deliveries, len(taken), settled, _still_open(world, invoices))


def _deliveries(number: int, seconds: float, token: str, realms: list[str]) -> list[Delivery]:
    rng = random.Random(7)
    made: list[Delivery] = []
    for nth in range(number):
        due, chance = nth * seconds / number, rng.random()
        if chance < 0.2 and made:
            old = rng.choice(made)
            made.append(
                Delivery(due, "repeated" if old.expected == 200 else old.kind, old.body, old.signature, old.expected)
            )
        elif chance < 0.4:
            body = _body(rng.choice(realms))
            forged = rng.choice(
                [signature("guessed", body), signature(token, body)[:-4] + "AAA=", signature("", body), "x"]
            )
            made.append(Delivery(due, "forged", body, forged, 401))
        elif chance < 0.45:
            made.append(_signed(due, "of a stranger", token, str(rng.randrange(10**12))))
        else:
            made.append(_signed(due, "good", token, rng.choice(realms)))
    return made


def _signed(due: float, kind: str, token: str, realm: str) -> Delivery:
    body = _body(realm)
    return Delivery(due, kind, body, signature(token, body), 200)


_ids = itertools.count(1)


def _body(realm: str) -> bytes:
    event = {"specversion": "1.0", "id": str(next(_ids)), "type": "qbo.payment.created.v1", "intuitaccountid": realm}
    return json.dumps([event]).encode()


def _deliver(url: str, deliveries: list[Delivery]) -> Storm:
    """By several senders; each takes the next one and waits for its moment."""
    storm, lock = Storm(), threading.Lock()
    left = iter(deliveries)
    began = time.monotonic()
    address = urlsplit(url)

    def send() -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        while True:
            with lock:
                one = next(left, None)
            if one is None:
                connection.close()
                return
            time.sleep(max(0.0, began + one.due - time.monotonic()))
            headers = {"intuit-signature": one.signature, "content-type": "application/json"}
            try:
                connection.request("POST", address.path, one.body, headers)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except OSError:
                connection.close()
                status = 0
            late = time.monotonic() - began - one.due
            with lock:
                storm.late.append(late)
                storm.answers[one.kind, status] += 1
                storm.wrong += status != one.expected

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return storm


def _take_payments(world: World, invoices: list[int], seconds: float, taken: list[tuple[str, str]]) -> None:
    """Each invoice is paid in QuickBooks, at some moment of the storm. Taken: company and payment."""
    links = {
        row["lms_id"]: row
        for row in world.sql(
            "select lms_id, realm_id, qbo_id from qbo_sync.entity_link where entity = 'invoice' and lms_id = any(%s)",
            invoices,
        )
    }
    for nth, invoice in enumerate(invoices):
        link = links[invoice]
        company = QuickBooks(world.qbo.url, link["realm_id"])
        bill = company.call(f"invoice/{link['qbo_id']}")["Invoice"]
        paid = company.create(
            "Payment",
            CustomerRef=bill["CustomerRef"],
            TotalAmt=bill["TotalAmt"],
            Line=[{"Amount": bill["TotalAmt"], "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]}],
        )
        taken.append((link["realm_id"], paid["Id"]))
        time.sleep(seconds / len(invoices) if nth else 0)


def _until_paid(world: World, taken: list[tuple[str, str]]) -> float:
    """Seconds until all payments are in the LMS."""
    began = time.monotonic()
    wanted = set(taken)
    while True:
        rows = world.sql(
            "select realm_id, qbo_id from qbo_sync.entity_link where entity = 'payment' and lms_id is not null"
        )
        if wanted <= {(row["realm_id"], row["qbo_id"]) for row in rows}:
            return time.monotonic() - began
        if time.monotonic() - began > GIVE_UP:
            return float("inf")
        time.sleep(0.5)


def _still_open(world: World, invoices: list[int]) -> int:
    return int(world.value("select count(*) from lms.invoice where id = any(%s) and balance <> 0", invoices))


def _tell(storm: Storm, deliveries: list[Delivery], payments: int, settled: float, still_open: int) -> int:
    late = sorted(storm.late)
    slow = sum(one > PROMPT for one in late)
    for (kind, status), times in sorted(storm.answers.items()):
        print(f"  {kind:<15} {status or 'no answer'} {times:>7,}")
    middle, most = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(f"  {len(deliveries):,} deliveries in {deliveries[-1].due:.0f} s, later than a second: {slow};")
    print(f"  median {middle * 1000:.0f} ms, 99% within {most * 1000:.0f} ms, all within {late[-1] * 1000:.0f} ms")
    print(f"  answered otherwise than they should be: {storm.wrong}")
    print(
        f"  {payments} payments taken in QuickBooks meanwhile: all in the LMS {settled:.0f} s after the last delivery;"
    )
    print(f"  invoices of these that are still open: {still_open}")
    return int(bool(slow or storm.wrong or still_open or settled == float("inf")))


if __name__ == "__main__":
    main()
