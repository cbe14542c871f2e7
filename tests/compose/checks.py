"""What must be true of a running stack. Each check says what it found, or raises AssertionError."""

import base64
import json
import time
import urllib.request

import psycopg

from tests.compose.engine import say
from tests.compose.stack import Stack, wait

#: What Intuit allows a company (fact 3.1).
A_SECOND, A_MINUTE, BATCHES_A_MINUTE = 10, 500, 40


def secrets_stay_in_their_files(stack: Stack) -> None:
    """No secret is in what Docker shows of a container, nor in what it has logged."""
    shown = json.dumps(stack.containers()) + stack.compose("logs", "--no-color")
    values = {path.name: path.read_text().strip() for path in stack.secrets.iterdir()}
    found = sorted(name for name, value in values.items() if not name.startswith("airflow_conn") and value in shown)
    assert not found, f"docker inspect or docker compose logs shows {found}"
    say(f"{len(values)} secrets by file; none of them in docker inspect or in the logs")


def every_service_is_kept(stack: Stack) -> None:
    """Each has a restart policy, a health check, and a limit of memory and CPU."""
    for each in stack.containers():
        host = each["HostConfig"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped", each["Name"]
        assert host["Memory"] and host["NanoCpus"] and "Health" in each["State"], each["Name"]


def runs_version(stack: Stack, version: str) -> None:
    """Every container of our image has that label."""
    label = "org.opencontainers.image.version"
    found = {each["Name"]: each["Config"]["Labels"].get(label) for each in stack.containers()}
    ours = {name: value for name, value in found.items() if not name.endswith(("postgres-1", "redis-1"))}
    assert set(ours.values()) == {version}, ours
    say(f"All {len(ours)} containers of our image run version {version}")


def a_new_invoice_arrives(stack: Stack) -> None:
    """A case invoiced now is in QuickBooks soon, with the same total."""
    with stack.database() as lms:
        invoice_id = _invoice_a_case(lms)
        begun = time.monotonic()
        wait(f"invoice {invoice_id} is in QuickBooks", lambda: _total_in_quickbooks(stack, lms, invoice_id) is not None)
        row = lms.execute("select invoice_number, total_amount from lms.invoice where id = %s", [invoice_id]).fetchone()
        total = _total_in_quickbooks(stack, lms, invoice_id)
        assert row is not None and f"{row[1]:.2f}" == total, (row, total)
        say(f"A new invoice, {row[0]} of {row[1]}, was in QuickBooks {time.monotonic() - begun:.1f} s after its commit")


def _invoice_a_case(lms: psycopg.Connection) -> int:
    """A copy of a case whose customer and items are in QuickBooks already."""
    with lms.transaction():
        row = lms.execute(
            "with model as (select c.* from lms.lab_case c join lms.invoice i on i.case_id = c.id"
            "   join qbo_sync.entity_link l on l.entity = 'invoice' and l.lms_id = i.id"
            "   join lms.billing_account a on a.id = i.billing_account_id"
            "   join lms.doctor_office o on o.id = c.doctor_office_id and o.billing_account_id = a.id"
            "  where a.accounting_structure = 'combined'"
            "    and not exists (select from qbo_sync.sync_error e join lms.invoice b on b.id = e.lms_id"
            "                     where e.entity = 'invoice' and e.status = 'open' and b.billing_account_id = a.id)"
            "  order by random() limit 1),"
            " copy as (insert into lms.lab_case (billing_lab_id, doctor_office_id, case_number, status)"
            "   select billing_lab_id, doctor_office_id, 'copy-' || gen_random_uuid(), 'completed' from model"
            "   returning id),"
            " lines as (insert into lms.case_line_item (case_id, position, product_id, quantity, unit_price)"
            "   select copy.id, n.position, n.product_id, n.quantity, n.unit_price"
            "     from model join lms.case_line_item n on n.case_id = model.id, copy)"
            " select copy.id from copy"
        ).fetchone()
        assert row is not None
        invoice = lms.execute("select lms.invoice_case(%s)", row).fetchone()
    assert invoice is not None
    return int(invoice[0])


def _total_in_quickbooks(stack: Stack, lms: psycopg.Connection, invoice_id: int) -> str | None:
    """As QuickBooks itself says it, once the invoice is linked."""
    link = lms.execute(
        "select realm_id, qbo_id from qbo_sync.entity_link where entity = 'invoice' and lms_id = %s", [invoice_id]
    ).fetchone()
    if link is None:
        return None
    sandbox = f"http://127.0.0.1:{stack.ports.sandbox}"
    grant = urllib.request.Request(f"{sandbox}/sandbox/companies/{link[0]}/grants", b"", method="POST")
    with urllib.request.urlopen(grant, timeout=10) as answer:
        token = json.load(answer)["access_token"]
    read = urllib.request.Request(
        f"{sandbox}/v3/company/{link[0]}/invoice/{link[1]}",
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
    )
    with urllib.request.urlopen(read, timeout=10) as answer:
        return f"{json.load(answer)['Invoice']['TotalAmt']:.2f}"


#: Of each request, how many of the pipeline's own to its company were sent in the second and in the minute before it.
WINDOWS = b"""
    with sent as (select realm_id, status, (operation = 'batch')::int as is_batch,
                         at - make_interval(secs => duration_ms / 1000.0) as at
                    from qbo_sync.api_call where operation <> 'token'),
    windows as (select status,
                       count(*) over a_second as in_a_second,
                       count(*) over a_minute as in_a_minute,
                       sum(is_batch) over a_minute as batches
                  from sent
                window of_company as (partition by realm_id order by at),
                       a_second as (of_company range between interval '1 second' preceding and current row),
                       a_minute as (of_company range between interval '60 seconds' preceding and current row))
    select count(*), max(in_a_second), max(in_a_minute), max(batches), count(*) filter (where status = 429),
           count(*) filter (where status = 429 and (in_a_second > %s or in_a_minute > %s or batches > %s))
      from windows
"""


def the_budget_is_kept(stack: Stack) -> None:
    """All workers together never sent a company more than Intuit allows.

    The demo's bookkeepers work by the same API: what is refused because they have used it up is none of our doing.
    The 10 a second are judged by the sandbox, which counts as requests arrive; our log has when they were answered.
    """
    with stack.database() as lms:
        row = lms.execute(WINDOWS, [A_SECOND, A_MINUTE, BATCHES_A_MINUTE]).fetchone()
    assert row is not None
    calls, second, minute, batches, refused, our_doing = row
    say(
        f"Budget: {calls} requests; the most to one company: {second} in a second ({A_SECOND} allowed), {minute} in a"
        f" minute ({A_MINUTE}), {batches} batches in a minute ({BATCHES_A_MINUTE}); {refused - our_doing} answered 429"
        f" because others had used the budget up, {our_doing} by our doing"
    )
    assert our_doing == 0, "the throttle let more through than Intuit allows"
    assert calls > 0 and minute <= A_MINUTE and batches <= BATCHES_A_MINUTE


def several_workers_worked(stack: Stack) -> None:
    """Tasks ran on each worker, and Flower sees them all."""
    with stack.database("airflow", "airflow") as airflow:
        rows = airflow.execute(
            "select hostname, count(*) from task_instance where hostname <> '' group by 1 order by 2 desc"
        ).fetchall()
    names = {each["Config"]["Hostname"]: each["Name"][1:] for each in stack.containers()}
    done = {names.get(host, host): count for host, count in rows}
    workers = {name for name in names.values() if "-worker-" in name}
    assert workers <= set(done), f"of {workers}, tasks ran on {done}"
    say("Tasks by container: " + ", ".join(f"{name} {count}" for name, count in done.items()))
    login = base64.b64encode(f"admin:{stack.secret('airflow_admin_password')}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.flower_port}/api/workers?refresh=1", headers={"Authorization": f"Basic {login}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        seen = json.load(answer)
    assert len(seen) >= len(workers), seen
    say(f"Flower sees {len(seen)} workers")
