"""Both sides of the sync, as a test sees them: the LMS by SQL, QuickBooks by its API, the DAGs' steps in between.

Everything is real (PostgreSQL, HTTP); only Airflow is left out here, so that a test can run a flow in milliseconds.
The DAGs themselves run in tests/end_to_end.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import requests
import simplejson
from cryptography.fernet import Fernet
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from include.company.connect import connect_lab
from include.company.runtime import Run, Runtime
from include.company.throttle import Budget
from include.company.tokens import TokenVault
from include.lms.database import prepare
from include.qbo.oauth import OAuthApp
from include.sync import load, steps
from include.sync.flows import FLOWS
from include.sync.inbound import load as inbound_load
from include.sync.inbound import steps as inbound_steps
from include.sync.inbound.capture import capture
from include.sync.inbound.flows import INBOUND

Json = dict[str, Any]
_numbers = itertools.count(1)
LMS_TO_QBO = (
    "billing_account_lms_to_qbo",
    "product_lms_to_qbo",
    "invoice_lms_to_qbo",
    "credit_lms_to_qbo",
    "payment_lms_to_qbo",
)
UNLIMITED = {"requests_per_minute": None, "requests_per_second": None, "concurrent": None, "batch_per_minute": None}


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


@dataclass
class World:
    """One LMS database, one lab connected to one company."""

    database_url: str
    qbo: QuickBooks
    runtime: Runtime
    connection: psycopg.Connection
    lab: int = 0

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
                "update lms.invoice i set balance = total_amount"
                " - coalesce((select sum(amount) from lms.payment_application a where a.invoice_id = i.id), 0)"
                " - coalesce((select sum(amount) from lms.credit_application a where a.invoice_id = i.id), 0)"
            )

    def lms_invoice(self, invoice: int) -> Json:
        """The row."""
        return self.sql("select * from lms.invoice where id = %s", invoice)[0]

    # ---------------------------------------------------------------- the sync

    def run(self, *dag_ids: str) -> dict[str, int]:
        """Run the steps of these DAGs, one after the other (all, if none is named); the counts added up."""
        counts: dict[str, int] = {}
        for dag_id in dag_ids or LMS_TO_QBO:
            runtime = self.as_run(dag_id)
            flow = FLOWS[dag_id]
            for company in steps.companies(runtime, flow, None, False):
                for name, count in self.steps(runtime, dag_id, company["realm_id"]).items():
                    counts[name] = counts.get(name, 0) + count
        return counts

    def steps(self, runtime: Runtime, dag_id: str, realm: str) -> dict[str, int]:
        """The four steps for one company."""
        flow = FLOWS[dag_id]
        steps.extract(runtime, flow, realm)
        steps.transform(runtime, flow, realm)
        steps.validate(runtime, flow, realm)
        return load.load(runtime, flow, realm)

    def as_run(self, dag_id: str) -> Runtime:
        """The runtime of a new run of a DAG."""
        return Runtime(
            connect=self.runtime.connect,
            app=self.runtime.app,
            vault=self.runtime.vault,
            budget=self.runtime.budget,
            run=Run(dag_id=dag_id, run_id=f"test-{next(_numbers)}"),
        )

    def sync(self) -> dict[str, int]:
        """Run the DAGs to QuickBooks until nothing is due there; all counts added up."""
        total: dict[str, int] = {}
        self.sql("update qbo_sync.change_mark set attempt_after = null, extracted_at = null")
        for _ in range(6):
            for name, count in self.run().items():
                total[name] = total.get(name, 0) + count
            # As if the time that waiting and abandoned marks have to bide had passed.
            self.sql("update qbo_sync.change_mark set attempt_after = null, extracted_at = null")
            if not self.value("select count(*) from qbo_sync.due_mark where direction = 'lms_to_qbo'"):
                return total
        raise AssertionError(f"still due after six rounds: {self.sql('select * from qbo_sync.due_mark')}")

    def resync(self) -> dict[str, int]:
        """Mark everything and sync."""
        for dag_id in LMS_TO_QBO:
            steps.companies(self.as_run(dag_id), FLOWS[dag_id], None, True)
        return self.sync()

    # ---------------------------------------------------------------- from QuickBooks

    def capture(self, realm: str | None = None) -> dict[str, int]:
        """One change capture."""
        return capture(self.as_run("qbo_change_capture"), realm or self.qbo.realm)

    def bring(self, *dag_ids: str) -> dict[str, int]:
        """Run the steps of the DAGs from QuickBooks, as often as there is something due; the counts added up."""
        counts: dict[str, int] = {}
        for _ in range(8):
            self.sql("update qbo_sync.change_mark set attempt_after = null, extracted_at = null")
            due = 0
            for dag_id in dag_ids or INBOUND:
                runtime, flow = self.as_run(dag_id), INBOUND[dag_id]
                for company in inbound_steps.companies(runtime, flow, None, False):
                    for name, count in self.inbound_steps(runtime, dag_id, company["realm_id"]).items():
                        counts[name] = counts.get(name, 0) + count
                    due += 1
            if not due:
                return counts
        raise AssertionError(f"still due: {self.sql('select * from qbo_sync.due_mark')}")

    def inbound_steps(self, runtime: Runtime, dag_id: str, realm: str) -> dict[str, int]:
        """The four steps for one company."""
        flow = INBOUND[dag_id]
        inbound_steps.extract(runtime, flow, realm)
        inbound_steps.transform(runtime, flow, realm)
        inbound_steps.validate(runtime, flow, realm)
        return inbound_load.load(runtime, flow, realm)

    def fetch(self) -> dict[str, int]:
        """Capture, and bring what changed."""
        self.capture()
        return self.bring()

    def both(self) -> None:
        """Everything in both directions, until nobody has anything to do."""
        for _ in range(6):
            self.sql("update qbo_sync.change_mark set attempt_after = null, extracted_at = null")
            self.run()
            self.capture()
            self.bring()
            self.sql("select qbo_sync.dispatch_lms_changes()")
            if not self.value("select count(*) from qbo_sync.due_mark"):
                return
        raise AssertionError(f"still due after six rounds: {self.sql('select * from qbo_sync.due_mark')}")

    def connect(self, lab: int, qbo: QuickBooks) -> None:
        """Connect a lab to a company."""
        grant = qbo.grant()
        connect_lab(self.runtime, billing_lab=str(lab), realm_id=qbo.realm, refresh_token=grant["refresh_token"])

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


def make_company(sandbox_url: str, name: str = "Bright Dental Lab") -> QuickBooks:
    """A new company in the sandbox."""
    answer = requests.post(f"{sandbox_url}/sandbox/companies", json={"name": name}, timeout=10)
    answer.raise_for_status()
    return QuickBooks(sandbox_url, answer.json()["realm_id"])


def _prepared(connection: psycopg.Connection) -> None:
    prepare(connection)


def _out_of_autocommit(connection: psycopg.Connection) -> None:
    connection.autocommit = False


@contextmanager
def make_world(
    database_url: str, sandbox_url: str, token_key: str | None = None, client_secret: str = "sandbox-secret"
) -> Iterator[World]:
    """A world with one connected lab and no limits on the sandbox."""
    requests.post(f"{sandbox_url}/sandbox/limits", json=UNLIMITED, timeout=10).raise_for_status()
    qbo = make_company(sandbox_url)
    # A new server process costs more than most steps: the runs of a test share a few.
    pool = ConnectionPool(
        database_url, min_size=2, max_size=20, configure=_prepared, reset=_out_of_autocommit, open=False
    )
    runtime = Runtime(
        connect=pool.connection,
        app=OAuthApp(
            client_id="sandbox-client",
            client_secret=client_secret,
            discovery_url=f"{sandbox_url}/.well-known/openid_sandbox_configuration",
            api_base_url=sandbox_url,
        ),
        vault=TokenVault(token_key or Fernet.generate_key().decode()),
        budget=Budget(requests_per_second=10_000, batches_per_minute=10_000, pause_seconds=0.1),
        run=Run(dag_id="test", run_id="test"),
    )
    with pool, prepare(psycopg.connect(database_url, autocommit=True)) as connection:
        world = World(database_url, qbo, runtime, connection)
        world.lab = world.billing_lab("Bright Dental Lab")
        world.connect(world.lab, qbo)
        yield world
    requests.delete(f"{sandbox_url}/sandbox/faults", timeout=10)
