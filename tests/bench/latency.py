"""How long an invoiced case takes to appear in QuickBooks, on the running stack, one case at a time.

Needs the stack with the demo's data (`make demo`). Started by `make bench`.
"""

import os
import statistics
import time
from dataclasses import dataclass

import psycopg
import requests

#: Seconds after which a case that has not appeared counts as lost.
GIVE_UP = 60


@dataclass(frozen=True)
class Latency:
    """Seconds from the commit in the LMS until QuickBooks answers with the invoice."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)


def measure(tries: int = 20) -> Latency:
    """Invoice `tries` completed cases whose customer and items are in QuickBooks already, one after the other."""
    with psycopg.connect(os.environ["LMS_DATABASE_URL"], autocommit=True) as lms:
        return Latency([_one(lms) for _ in range(tries)])


def _one(lms: psycopg.Connection) -> float:
    case_id, realm = _new_case(lms)
    started = time.monotonic()
    row = lms.execute("select lms.invoice_case(%s)", [case_id]).fetchone()
    number = lms.execute("select invoice_number from lms.invoice where id = %s", row).fetchone()
    if number is None:
        raise RuntimeError(f"case {case_id} has no invoice")
    while not _in_quickbooks(realm, number[0]):
        if time.monotonic() - started > GIVE_UP:
            raise RuntimeError(f"invoice {number[0]} did not reach QuickBooks in {GIVE_UP} s")
        # Our questions count against the company's 10 requests a second: do not starve the pipeline of them.
        time.sleep(0.25)
    return time.monotonic() - started


def _new_case(lms: psycopg.Connection) -> tuple[int, str]:
    """A copy of a case that has been synced."""
    row = lms.execute(
        "with model as (select c.*, l.realm_id from lms.lab_case c join lms.invoice i on i.case_id = c.id"
        "   join qbo_sync.entity_link l on l.entity = 'invoice' and l.lms_id = i.id"
        "   join lms.billing_account a on a.id = i.billing_account_id"
        "   join lms.doctor_office o on o.id = c.doctor_office_id and o.billing_account_id = a.id"
        "  where a.accounting_structure = 'combined' order by random() limit 1),"
        " copy as (insert into lms.lab_case (billing_lab_id, doctor_office_id, case_number, status)"
        "   select billing_lab_id, doctor_office_id, 'bench-' || gen_random_uuid(), 'completed' from model"
        "   returning id),"
        " lines as (insert into lms.case_line_item (case_id, position, product_id, quantity, unit_price)"
        "   select copy.id, n.position, n.product_id, n.quantity, n.unit_price"
        "     from model join lms.case_line_item n on n.case_id = model.id, copy)"
        " select copy.id, model.realm_id from copy, model"
    ).fetchone()
    if row is None:
        raise RuntimeError("no synced case to copy: run make demo first")
    return row[0], row[1]


def _in_quickbooks(realm: str, number: str) -> bool:
    token = _token(realm)
    answer = requests.get(
        f"{os.environ['QBO_BASE_URL']}/v3/company/{realm}/query",
        params={"query": f"SELECT Id FROM Invoice WHERE DocNumber = '{number}'"},
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        timeout=10,
    )
    return answer.status_code == 200 and bool(answer.json()["QueryResponse"].get("Invoice"))


_tokens: dict[str, str] = {}


def _token(realm: str) -> str:
    if realm not in _tokens:
        answer = requests.post(f"{os.environ['QBO_BASE_URL']}/sandbox/companies/{realm}/grants", timeout=10)
        _tokens[realm] = answer.json()["access_token"]
    return _tokens[realm]


if __name__ == "__main__":
    import sys

    measured = measure()
    sys.stdout.write(" ".join(f"{seconds:.1f}" for seconds in measured.seconds) + f"\nmedian {measured.median:.2f} s\n")
