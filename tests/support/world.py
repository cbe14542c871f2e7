"""Both sides of the sync, as a test sees them: the LMS by SQL, QuickBooks by its API, the DAGs' steps in between.

Everything is real (PostgreSQL, HTTP), the sync has its role's rights and no others; only Airflow is left out here, so
that a test can run a flow in milliseconds.
The DAGs themselves run in tests/end_to_end. No other module of the tests calls the steps: what they are called and
where they stand is known here.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

import psycopg
import requests
from cryptography.fernet import Fernet
from psycopg.rows import dict_row

from include.company.connect import connect_lab
from include.company.disconnect import Disconnected, disconnect_lab
from include.company.runtime import Run, Runtime
from include.company.throttle import Budget
from include.company.tokens import TokenVault
from include.lms.database import prepare
from include.migrations import roles
from include.model.polling import PollSettings
from include.model.settings import MassDeleteLimit
from include.qbo.errors import OutcomeUnknown
from include.qbo.oauth import OAuthApp
from include.reconciliation import steps as reconciliation
from include.reconciliation.fix import mark_again
from include.stack.postgres import url as postgres_url
from include.stack.stack import Stack
from include.sync import capture, dry_run, poll, poll_state, retention, steps
from include.sync.flows import FLOWS
from include.sync.poll import Polled
from include.sync.selection import Selection, selection_of
from include.undo import steps as undo
from tests.support.connections import Connections, as_role
from tests.support.quickbooks import Json, QuickBooks, make_company

_numbers = itertools.count(1)
LMS_TO_QBO = (
    "billing_account_lms_to_qbo",
    "product_lms_to_qbo",
    "invoice_lms_to_qbo",
    "credit_lms_to_qbo",
    "payment_lms_to_qbo",
)
QBO_TO_LMS = ("invoice_qbo_to_lms", "payment_qbo_to_lms")
CAPTURE = "qbo_change_capture"
POLLS = PollSettings(
    base=timedelta(minutes=5), quiet=timedelta(minutes=30), webhooks=timedelta(hours=1), monthly_calls=500_000
)
AUDIT_DAYS = retention.AUDIT_DAYS
UNDO = "undo_run"
RECONCILIATION = "ledger_reconciliation"
INVOICES = "invoice_lms_to_qbo"
Step = Literal["extract", "transform", "validate", "load"]
STEPS: tuple[Step, ...] = ("extract", "transform", "validate", "load")
UNLIMITED = {"requests_per_minute": None, "requests_per_second": None, "concurrent": None, "batch_per_minute": None}


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a comparison of the books found: the row that keeps it, and its rows."""

    id: int
    state: str
    reads: int
    read_fully: bool
    read_reason: str | None
    customer: list[Json]
    difference: list[Json]
    aging: list[Json]

    def causes(self) -> dict[tuple[str, str | None, str | None], str]:
        """(entity, LMS id, QuickBooks id) → cause."""
        return {
            (one["entity"], str(one["lms_id"]) if one["lms_id"] else None, one["qbo_id"]): one["cause"]
            for one in self.difference
        }


@dataclass
class World:
    """One LMS database, one lab connected to one company.

    `database_url` and `connection`: as its owner, for the LMS and for tests. `runtime`: the pipeline's. `page_url`: the
    page's, as of a throw-away server if it is not said.
    """

    database_url: str
    qbo: QuickBooks
    runtime: Runtime
    connection: psycopg.Connection
    lab: int = 0
    page_url: str = ""
    #: The page's connections, if they stay open.
    pages: Connections[psycopg.Connection] | None = None

    # ---------------------------------------------------------------- LMS

    def sql(self, statement: str, *parameters: Any) -> list[Json]:
        """Run a statement and commit; its rows."""
        with self.connection.transaction(), self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *parameters: Any) -> Any:
        """The single value of a statement."""
        return next(iter(self.sql(statement, *parameters)[0].values()))

    def billing_lab(self, name: str) -> int:
        """A billing lab."""
        return self.value("insert into lms.billing_lab (name) values (%s) returning id", name)

    def account(self, name: str | None = None, structure: str = "combined", **more: Any) -> int:
        """A billing account."""
        return self.value(
            "insert into lms.billing_account (name, accounting_structure, email, phone, active)"
            " values (%s, %s, %s, %s, true) returning id",
            name if name is not None else f"Practice {next(_numbers)}",
            structure,
            more.get("email"),
            more.get("phone"),
        )

    def pair(self, account: int, name: str | None = None) -> int:
        """A doctor–office pair."""
        return self.value(
            "insert into lms.doctor_office (billing_account_id, doctor_name, office_name, child_subaccount_name)"
            " values (%s, 'Dr. Doe', 'Main', %s) returning id",
            account,
            name if name is not None else f"Dr. Doe {next(_numbers)}",
        )

    def product(self, name: str | None = None, price: str = "100.00") -> int:
        """A product."""
        return self.value(
            "insert into lms.product (name, description, unit_price, active) values (%s, null, %s, true) returning id",
            name if name is not None else f"Crown {next(_numbers)}",
            Decimal(price),
        )

    def case(self, pair: int, lines: Sequence[Json], notes: str | None = None, lab: int | None = None) -> int:
        """A completed case; lines are dicts of case_line_item columns."""
        case = self.value(
            "insert into lms.lab_case (billing_lab_id, doctor_office_id, case_number, billing_notes, status)"
            " values (%s, %s, %s, %s, 'completed') returning id",
            lab or self.lab,
            pair,
            f"C-{next(_numbers)}",
            notes,
        )
        for position, line in enumerate(lines, 1):
            self.sql(
                "insert into lms.case_line_item (case_id, position, product_id, quantity, unit_price,"
                " discount_amount, notation) values (%s, %s, %s, %s, %s, %s, %s)",
                case,
                position,
                line["product"],
                Decimal(line.get("quantity", "1")),
                Decimal(line.get("price", "100.00")),
                Decimal(line.get("discount", "0")),
                line.get("notation"),
            )
        return case

    def invoice(self, case: int, shipping: str = "0", tax: str = "0", on: date | None = None) -> int:
        """Invoice a case through the LMS's own action."""
        return self.value(
            "select lms.invoice_case(%s, %s, %s, %s)", case, on or date(2026, 6, 1), Decimal(shipping), Decimal(tax)
        )

    def simple_invoice(self, account: int | None = None, pair: int | None = None, **more: Any) -> int:
        """An invoice of one line over $100 for a new account, an account or a pair."""
        pair = pair or self.pair(account or self.account())
        return self.invoice(self.case(pair, [{"product": self.product()}]), **more)

    def payment(self, account: int, amount: str, applied: dict[int, str] | None = None, **more: Any) -> int:
        """A payment entered in the LMS, applied to invoices (id → amount)."""
        payment = self.value(
            "insert into lms.payment (billing_lab_id, billing_account_id, doctor_office_id, payment_date, amount,"
            " method, reference, origin) values (%s, %s, %s, '2026-06-15', %s, %s, %s, 'lms') returning id",
            more.get("lab", self.lab),
            account,
            more.get("pair"),
            Decimal(amount),
            more.get("method"),
            more.get("reference"),
        )
        self.apply("payment", payment, applied or {})
        return payment

    def credit(self, account: int, amount: str, applied: dict[int, str] | None = None, **more: Any) -> int:
        """A credit given in the LMS, applied to invoices (id → amount)."""
        credit = self.value(
            "insert into lms.credit (billing_lab_id, billing_account_id, doctor_office_id, credit_date, amount,"
            " reference, note) values (%s, %s, %s, '2026-06-15', %s, %s, %s) returning id",
            more.get("lab", self.lab),
            account,
            more.get("pair"),
            Decimal(amount),
            more.get("reference"),
            more.get("note"),
        )
        self.apply("credit", credit, applied or {})
        return credit

    def apply(self, table: str, record: int, applied: dict[int, str]) -> None:
        """Replace the applications of a payment or credit; the LMS keeps the invoices' balances with them."""
        with self.connection.transaction():
            connection = self.connection
            connection.execute(f"delete from lms.{table}_application where {table}_id = %s".encode(), [record])
            for invoice, amount in applied.items():
                insert = f"insert into lms.{table}_application ({table}_id, invoice_id, amount) values (%s, %s, %s)"
                connection.execute(insert.encode(), [record, invoice, Decimal(amount)])
            connection.execute(
                "update lms.invoice set balance = now.open from (select id, total_amount"
                " - coalesce((select sum(amount) from lms.payment_application a where a.invoice_id = i.id), 0)"
                " - coalesce((select sum(amount) from lms.credit_application a where a.invoice_id = i.id), 0) as open"
                " from lms.invoice i) now where now.id = invoice.id and now.open <> invoice.balance"
            )

    def lms_invoice(self, invoice: int) -> Json:
        """The row."""
        return self.sql("select * from lms.invoice where id = %s", invoice)[0]

    def lms_ledger(self) -> dict[str, list[Json]]:
        """Every row of the LMS's invoices, payments and credits, by table; without the moment of its last change."""
        keys = {"payment_application": "payment_id, invoice_id", "credit_application": "credit_id, invoice_id"}
        tables = ("invoice", "invoice_line_item", "payment", "payment_application", "credit", "credit_application")
        return {
            table: [
                {name: value for name, value in row.items() if name != "updated_at"}
                for row in self.sql(f"select * from lms.{table} order by {keys.get(table, 'id')}")
            ]
            for table in tables
        }

    # ---------------------------------------------------------------- the sync, step by step

    def as_run(self, dag_id: str) -> Runtime:
        """The runtime of a new run of a DAG."""
        return replace(self.runtime, run=Run(dag_id=dag_id, run_id=f"test-{next(_numbers)}"))

    def as_page(self) -> Runtime:
        """The runtime of what people decide on the page."""
        if self.pages:
            return replace(self.runtime, connect=self.pages.connection)
        url = self.page_url or as_role(self.database_url, roles.PAGE)
        return replace(self.runtime, connect=lambda: prepare(psycopg.connect(url)))

    def disconnect(self, lab: int | None = None) -> Disconnected:
        """Disconnect a lab, this one if none is named."""
        return disconnect_lab(self.as_page(), lab or self.lab)

    def limit_deletes(self, limit: MassDeleteLimit) -> None:
        """How many deletes at once are too many from now on."""
        self.runtime = replace(self.runtime, mass_delete_limit=limit)

    def refuse_held(self, dag_id: str, lab: int | None = None) -> None:
        """A run of the DAG with its parameter that refuses held deletes (of a lab)."""
        run, flow, selected = self.as_run(dag_id), FLOWS[dag_id], Selection(billing_lab_id=lab)
        for one in steps.companies(run, flow, None, False, refused_by="ada", selected=selected):
            self.steps(run, one["realm_id"])

    def compare_again(self, dag_id: str, realm: str | None = None, **parameters: Any) -> set[tuple[str, str]]:
        """The first task of a run that is asked to compare again what the parameters select: what is marked then."""
        self.sql("delete from qbo_sync.change_mark")
        flow = FLOWS[dag_id]
        steps.companies(self.as_run(dag_id), flow, realm, True, selected=selection_of({"resync": True, **parameters}))
        marked = self.sql(
            "select entity, record_id from qbo_sync.change_mark where direction = %s and entity = any(%s)",
            flow.direction,
            flow.names,
        )
        return {(one["entity"], one["record_id"]) for one in marked}

    def release_held(self, dag_id: str, meanwhile: str | None = None, *, resync: bool = False) -> dict[str, int]:
        """A run of the DAG with its parameter that releases held deletes; the counts of the load.

        `meanwhile`: a DAG that an event wakes between the run's first two tasks. `resync`: all is compared as well.
        """
        run, flow = self.as_run(dag_id), FLOWS[dag_id]
        counts: dict[str, int] = {}
        for one in steps.companies(run, flow, None, resync, release_held=True):
            if meanwhile:
                self.run(meanwhile)
            steps.extract(run, flow, one["realm_id"])
            steps.transform(run, flow, one["realm_id"])
            steps.validate(run, flow, one["realm_id"])
            _add(counts, steps.load(run, flow, one["realm_id"]))
        return counts

    def companies(
        self, run: Runtime, realm: str | None = None, *, resync: bool = False, woken: bool = False
    ) -> list[str]:
        """A run's first task: the realms of the companies that have something due, after the LMS's changes are marked.

        `resync` marks everything first; `woken` by an event, it leaves out companies where other DAGs go first.
        """
        flow = FLOWS[run.run.dag_id]
        return [one["realm_id"] for one in steps.companies(run, flow, realm, resync, woken=woken)]

    def step(self, name: Step, run: Runtime, realm: str | None = None) -> dict[str, int]:
        """One of a run's other tasks for a company, this lab's if none is named; its counts."""
        return run_step(name, run, realm or self.qbo.realm)

    def load(self, run: Runtime) -> dict[str, int]:
        """A run's last task for this lab's company; its counts."""
        return self.step("load", run)

    def prepared(self, dag_id: str) -> Runtime:
        """A new run of a DAG that has everything in hand, and its load before it."""
        run = self.as_run(dag_id)
        self.companies(run)
        for name in STEPS[:-1]:
            self.step(name, run)
        return run

    def steps(self, run: Runtime, realm: str | None = None) -> dict[str, int]:
        """All tasks of a run for a company but the first; the counts of the load."""
        return [self.step(name, run, realm) for name in STEPS][-1]

    def capture(self, realm: str | None = None, *, dry_run: bool = False) -> dict[str, int]:
        """One change capture."""
        return capture.capture(self.as_run(CAPTURE), realm or self.qbo.realm, dry_run=dry_run)

    def capture_long_ago(self) -> None:
        """One change capture, after which the runs come so late that they ask QuickBooks again."""
        self.capture()
        self.sql("update qbo_sync.captured_object set asked_at = asked_at - interval '3 minutes'")

    def captured_companies(self, *, after_webhook: bool = False) -> list[str]:
        """The realms that a poll asks now; `after_webhook`: of which a webhook says that something changed."""
        found = poll_state.companies_due(self.connection, POLLS, self.as_run(CAPTURE).run, reported_only=after_webhook)
        return [company.realm_id for company in found]

    def poll_all(self, realm: str | None = None, **options: Any) -> Polled:
        """The first task of a run of the change capture: all companies that are due are asked together."""
        return poll.poll(self.as_run(CAPTURE), POLLS, realm, **options)

    def capture_apart(self, realm: str) -> dict[str, int]:
        """The other task of such a run, for a company that was left to it."""
        return poll.captured_apart(self.as_run(CAPTURE), POLLS, realm)

    def prove(self, realm: str | None = None, *, full: bool = False, meanwhile: str | None = None) -> Proof:
        """Compare the books, as a run of ledger_reconciliation does; what came of it.

        `meanwhile`: a statement that somebody runs before the proof is checked.
        """
        run, company = self.as_run(RECONCILIATION), realm or self.qbo.realm
        for step in STEPS:
            if meanwhile and step == "validate":
                self.sql(meanwhile)
            self.proof_step(step, run, company, full=full)
        [proof] = self.sql("select * from qbo_sync.reconciliation where run_id = %s", run.run.run_id)
        tables: Any = {
            table: self.sql(
                f"select * from qbo_sync.reconciliation_{table} where reconciliation_id = %s order by 1, 2, 3",
                proof["id"],
            )
            for table in ("customer", "difference", "aging")
        }
        kept: dict[str, Any] = {name: proof[name] for name in ("id", "state", "reads", "read_fully", "read_reason")}
        return Proof(**kept, **tables)

    def proof_step(self, name: Step, run: Runtime, realm: str | None = None, *, full: bool = False) -> None:
        """One task of a run of ledger_reconciliation for a company, this lab's if none is named."""
        options = {"full": full} if name == "extract" else {}
        getattr(reconciliation, name)(run, realm or self.qbo.realm, **options)

    def compare_proof_again(self, proof: Proof) -> None:
        """What the button of a proof does, and the runs that it starts."""
        with self.connection.transaction():
            mark_again(self.connection, self.qbo.realm, proof.difference)
        self.both()

    def last_run(self, dag_id: str) -> Run:
        """The newest run of the DAG that has written anything."""
        run_id = self.value(
            "select run_id from qbo_sync.audit_entry where dag_id = %s order by id desc limit 1", dag_id
        )
        return Run(dag_id=dag_id, run_id=run_id)

    def undo(
        self, undone: Run, *, confirmed: bool = True, meanwhile: Callable[[], None] | None = None, tries: int = 1
    ) -> dict[str, int]:
        """A run of undo_run in this lab's company; the counts of its load. `meanwhile`: what people do before its last
        task; `tries`: of which all but the last lose an answer."""
        run, company = self.as_run(UNDO), self.qbo.realm
        undo.extract(run, company, undone, asked_by="ada", confirmed=confirmed)
        undo.transform(run, company)
        undo.validate(run, company)
        if meanwhile:
            meanwhile()
        for _ in range(tries - 1):
            try:
                undo.load(run, company)
            except OutcomeUnknown:
                continue
            raise AssertionError("no answer was lost")
        return undo.load(run, company)

    def undo_left(self) -> dict[tuple[str, str], str]:
        """What the newest undo has left, and why: {(entity, LMS id or QuickBooks id): reason}."""
        rows = self.sql(
            "select e.entity, coalesce(e.lms_id::text, e.qbo_id) as id, r.reason from qbo_sync.undo_record r"
            "  join qbo_sync.audit_entry e on e.id = r.entry_id"
            " where r.undo_id = (select max(id) from qbo_sync.undo) and r.action = 'leave'"
        )
        return {(row["entity"], row["id"]): row["reason"] for row in rows}

    def prune(self, audit_days: int = AUDIT_DAYS, *, dry_run: bool = False) -> dict[str, int]:
        """Take away old history, as the housekeeping does; how many rows of each table."""
        with self.runtime.connect() as connection:
            return retention.prune(connection, audit_days=audit_days, dry_run=dry_run)

    # ---------------------------------------------------------------- the sync, until nothing is due

    def run(self, *dag_ids: str) -> dict[str, int]:
        """Run these DAGs to QuickBooks, one after the other (all, if none is named); the counts added up."""
        counts: dict[str, int] = {}
        for dag_id in dag_ids or LMS_TO_QBO:
            run = self.as_run(dag_id)
            for realm in self.companies(run):
                _add(counts, self.steps(run, realm))
        return counts

    def sync(self, rounds: int = 6) -> dict[str, int]:
        """Run the DAGs to QuickBooks until nothing is due there; all counts added up. A run takes 2,000 records."""
        total: dict[str, int] = {}
        self._let_time_pass()
        for _ in range(rounds):
            _add(total, self.run())
            self._let_time_pass()
            if not self.value("select count(*) from qbo_sync.due_mark where direction = 'lms_to_qbo'"):
                return total
        raise AssertionError(f"still due after {rounds} rounds: {self.sql('select * from qbo_sync.due_mark')}")

    def resync(self) -> dict[str, int]:
        """Mark everything of the LMS and sync."""
        for dag_id in LMS_TO_QBO:
            self.companies(self.as_run(dag_id), resync=True)
        return self.sync()

    def bring(self, *dag_ids: str) -> dict[str, int]:
        """Run the DAGs from QuickBooks as often as there is something due; the counts added up."""
        counts: dict[str, int] = {}
        for _ in range(8):
            self._let_time_pass()
            due = 0
            for dag_id in dag_ids or QBO_TO_LMS:
                run = self.as_run(dag_id)
                for realm in self.companies(run):
                    _add(counts, self.steps(run, realm))
                    due += 1
            if not due:
                return counts
        raise AssertionError(f"still due: {self.sql('select * from qbo_sync.due_mark')}")

    def fetch(self) -> dict[str, int]:
        """Capture, and bring what changed."""
        self.capture()
        return self.bring()

    def both(self) -> None:
        """Everything in both directions, until nobody has anything to do."""
        for _ in range(6):
            self._let_time_pass()
            self.run()
            self.capture()
            self.bring()
            self.sql("select qbo_sync.dispatch_lms_changes()")
            if not self.value("select count(*) from qbo_sync.due_mark"):
                return
        raise AssertionError(f"still due after six rounds: {self.sql('select * from qbo_sync.due_mark')}")

    def poll(self, minutes: int = 5) -> None:
        """The next check of QuickBooks, so many minutes after whatever was tried last: one change capture, and the runs
        that it and the LMS's changes wake. The time of a retry does not come."""
        self.sql("update qbo_sync.sync_error set last_seen_at = last_seen_at - make_interval(mins => %s)", minutes)
        self.sql("update qbo_sync.change_mark set extracted_at = null")
        self.capture()
        for _ in range(4):
            self._let_time_pass()
            if not {**self.run(), **self.bring()}:
                return

    def _let_time_pass(self) -> None:
        """As if the time that waiting and abandoned marks have to bide had passed; not the days of a lab's hold."""
        self.sql(
            "update qbo_sync.change_mark set extracted_at = null,"
            " attempt_after = case when attempt_after > now() + interval '1 hour' then attempt_after end"
        )

    # ---------------------------------------------------------------- previews

    def preview(self, lab: int | None = None) -> list[Json]:
        """A preview of all that the lab, or every lab of the company, has to sync; its records."""
        run = self.as_run("sync_preview")
        dry_run.preview_sync(run, self.qbo.realm, lab)
        return self.previewed(run)

    def dry_run(self, dag_id: str, *, release_held: bool = False, resync: bool = False, **selecting: Any) -> list[Json]:
        """A dry run of a DAG for this lab's company, with its parameters; the records of its preview."""
        run, flow, realm = self.as_run(dag_id), FLOWS[dag_id], self.qbo.realm
        selected = selection_of({"resync": resync, **selecting})
        steps.companies(run, flow, realm, resync, release_held=release_held, selected=selected, dry_run=True)
        compare = selected if resync else None
        steps.extract(run, flow, realm, release_held=release_held, dry_run=True, compare=compare)
        steps.transform(run, flow, realm, release_held=release_held, dry_run=True)
        steps.validate(run, flow, realm)
        steps.load(run, flow, realm, dry_run=True)
        return self.previewed(run)

    def previewed(self, run: Runtime) -> list[Json]:
        """The records of the preview that a run has made, in their order."""
        return self.sql(
            "select r.* from qbo_sync.preview p join qbo_sync.preview_record r on r.preview_id = p.id"
            " where p.dag_id = %s and p.run_id = %s order by r.position",
            run.run.dag_id,
            run.run.run_id,
        )

    # ---------------------------------------------------------------- connection, links and errors

    def connect(self, lab: int, qbo: QuickBooks) -> None:
        """Connect a lab to a company."""
        grant = qbo.grant()
        connect_lab(self.as_page(), billing_lab=str(lab), realm_id=qbo.realm, refresh_token=grant["refresh_token"])

    def prefer(self, **sections: Json) -> None:
        """Change the company's preferences, e.g. SalesFormsPrefs={…}; the sync reads them again."""
        self.qbo.control("POST", f"companies/{self.qbo.realm}/preferences", sections)
        self.sql("update qbo_sync.company set preferences_read_at = null where realm_id = %s", self.qbo.realm)

    def link(self, entity: str, lms_id: int) -> Json | None:
        """The link of a record."""
        rows = self.sql("select * from qbo_sync.entity_link where entity = %s and lms_id = %s", entity, lms_id)
        return rows[0] if rows else None

    def errors(self) -> list[Json]:
        """The open sync errors."""
        return self.sql("select * from qbo_sync.sync_error where status = 'open' order by id")

    def qbo_invoice(self, invoice: int) -> Json:
        """The QuickBooks invoice of an LMS invoice."""
        link = self.link("invoice", invoice)
        assert link, f"invoice {invoice} is not linked; errors: {self.errors()}"
        return self.qbo.call(f"invoice/{link['qbo_id']}")["Invoice"]


def run_step(name: Step, run: Runtime, realm: str) -> dict[str, int]:
    """One task of a run for one company; its counts."""
    counts: dict[str, int] = getattr(steps, name)(run, FLOWS[run.run.dag_id], realm)
    return counts


def _add(total: dict[str, int], counts: dict[str, int]) -> None:
    for name, count in counts.items():
        total[name] = total.get(name, 0) + count


@contextmanager
def make_world(
    database_url: str,
    sandbox_url: str,
    token_key: str | None = None,
    client_secret: str = "sandbox-secret",
    connections: Connections[psycopg.Connection] | None = None,
    pages: Connections[psycopg.Connection] | None = None,
    owner: psycopg.Connection | None = None,
    pipeline_url: str = "",
    page_url: str = "",
) -> Iterator[World]:
    """A world with one connected lab and no limits on the sandbox.

    `connections` (the pipeline's), `pages` and `owner`: to that database, which stay open; without them the world has
    its own. The URLs of the roles: as of a throw-away server if they are not said.
    """
    requests.post(f"{sandbox_url}/sandbox/limits", json=UNLIMITED, timeout=10).raise_for_status()
    qbo = make_company(sandbox_url)
    pipelines = pipeline_url or as_role(database_url, roles.PIPELINE)
    with ExitStack() as own:
        shared = connections or own.enter_context(closing(Connections(psycopg.Connection, pipelines)))
        connection = prepare(owner or own.enter_context(psycopg.connect(database_url, autocommit=True)))
        runtime = Runtime(
            connect=shared.connection,
            app=OAuthApp(
                client_id="sandbox-client",
                client_secret=client_secret,
                discovery_url=f"{sandbox_url}/.well-known/openid_sandbox_configuration",
                api_base_url=sandbox_url,
            ),
            vault=TokenVault(token_key or Fernet.generate_key().decode()),
            budget=Budget(
                requests_per_second=10_000, requests_per_minute=10_000, batches_per_minute=10_000, pause_seconds=0.1
            ),
            run=Run(dag_id="test", run_id="test"),
        )
        world = World(database_url, qbo, runtime, connection, page_url=page_url, pages=pages)
        world.lab = world.billing_lab("Bright Dental Lab")
        world.connect(world.lab, qbo)
        yield world
    requests.delete(f"{sandbox_url}/sandbox/faults", timeout=10)


def role_url(environment: Mapping[str, str], connection: str) -> str:
    """The LMS database of a running stack as the role of one of its Airflow connections."""
    given = json.loads(environment[f"AIRFLOW_CONN_{connection}"])
    return postgres_url(given["schema"], given["login"], given["password"], given["port"])


@contextmanager
def world_on(stack: Stack) -> Iterator[World]:
    """A world with a lab of its own on a running stack, whose Airflow syncs it by itself."""
    address = stack.full_environment()
    with make_world(
        address["LMS_DATABASE_URL"],
        address["QBO_BASE_URL"],
        token_key=address["PILOT_TOKEN_KEY"],
        client_secret=address["QBO_CLIENT_SECRET"],
        pipeline_url=role_url(address, "LMS_DB"),
        page_url=role_url(address, "LMS_DB_PAGE"),
    ) as world:
        yield world
