"""The body of `make demo`, with the stack up: load, sync, change, sync again, compare both sides."""

import datetime as dt
import logging
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import requests

from include.demo import balances, proof, report
from include.demo.airflow import Airflow, AirflowError
from include.demo.bookkeeper import CompanySetup
from include.demo.bookkeeping import Bookkeeping
from include.demo.checks import (
    check_duplicates,
    check_gone,
    check_held_back,
    check_hierarchy,
    check_names,
    check_planted,
    read_open_errors,
)
from include.demo.generator import generate
from include.demo.ledger import Books, expected_to_be_held_back, read_books
from include.demo.loader import changes_are_there, find_planted, load_initial
from include.demo.matrix import check_cells, read_cells
from include.demo.quickbooks import QuickBooks, QuickBooksError
from include.demo.quiet import check_quiet, forget_writes, lms_versions, writes_since
from include.demo.records import Bookkeeper, DemoData
from include.demo.settings import Settings, from_environment
from include.demo.story import go_on, keep_planted, kept_planted
from include.demo.sync import SyncError, connect, is_connected, sync_until_done

REALMS = ("9341450000000017", "9341450000000025")


class Demo:
    """One demonstration run. Everything in it can be repeated."""

    def __init__(self, settings: Settings, connection: psycopg.Connection) -> None:
        self.connection, self.database_url = connection, settings.database_url
        self.begun = dt.datetime.now(tz=dt.UTC)
        self.data: DemoData = generate(self.begun.date())
        self.airflow = Airflow(settings.airflow_url, settings.airflow_username, settings.airflow_password)
        self.companies = [
            QuickBooks(settings.quickbooks_url, realm, name)
            for realm, (name, _) in zip(REALMS, self.data.companies, strict=True)
        ]

    def run(self) -> list[str]:
        """All of it; what does not add up."""
        self.load()
        self.connect()
        self.sync("first sync: everything that was there")
        self.change()
        self.sync("second sync: what has changed")
        return [*self.compare(), *self.once_more()]

    def load(self) -> None:
        """The LMS's data, and the companies as their bookkeepers keep them."""
        with report.step("QuickBooks companies: " + ", ".join(name for name, _ in self.data.companies)):
            for company in self.companies:
                company.open()
        if load_initial(self.connection, self.data):
            cases = len(self.data.initial.cases)
            report.say(f"            LMS data loaded: {cases} cases, {len(self.data.initial.accounts)} accounts")
        else:
            report.say("            LMS data: loaded already")

    def connect(self) -> None:
        """QuickBooks as its bookkeepers keep it, and each lab connected to its company."""
        # Each company has its own limit of requests, so the bookkeepers work side by side.
        labs = len(self.data.labs)
        with (
            report.step(f"QuickBooks as the bookkeepers keep it; {labs} labs connected"),
            ThreadPoolExecutor(len(self.companies)) as desks,
        ):
            list(desks.map(self._open_for_business, self.companies, self.data.companies, self.data.books))

    def _open_for_business(
        self, company: QuickBooks, name_and_labs: tuple[str, tuple[str, ...]], work: Bookkeeper
    ) -> None:
        """The books, then the labs; the first of a company receives what is created in QuickBooks."""
        labs = name_and_labs[1]
        # A connection of its own: two threads cannot have transactions on one.
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            if all(is_connected(connection, lab, company) for lab in labs):
                return  # done in an earlier run; the books are the bookkeeper's since
            setup = CompanySetup(company)
            setup.settle()
            setup.prepare(work, connection)
            keep_planted(connection, company.realm_id, Bookkeeping(company, connection).before(work))
            time.sleep(1)  # QuickBooks counts requests by the second, whoever sends them
            for lab in labs:
                connect(connection, lab, company, receives=lab == labs[0])

    def sync(self, what: str, *, everything: bool = False) -> None:
        """Until nothing is left to do."""
        with report.step(what):
            sync_until_done(self.connection, self.airflow, everything=everything)

    def change(self) -> None:
        """The second phase, in QuickBooks and in the LMS."""
        if changes_are_there(self.connection, self.data):
            report.say("            the changes of the second phase: made already")
            return
        with report.step("the LMS and the bookkeepers go on, some of them on the same records"):
            go_on(self.connection, self.database_url, self.data, self.companies)

    def compare(self) -> list[str]:
        """Print both sides, and list what does not add up."""
        data, connection = self.data, self.connection
        with report.step("QuickBooks read back"):
            books = [read_books(company) for company in self.companies]
        entries = balances.read_entries(connection, data.labs)
        planted = [*find_planted(connection, data, phase=2), *kept_planted(connection)]
        errors = read_open_errors(connection, REALMS)
        cells = read_cells(connection, REALMS)
        with report.step("the ledger proof of every company"):
            run_id = proof.prove(connection, self.airflow, REALMS)
        report.outcomes(connection, REALMS)
        report.matrix(cells)
        report.ledgers(proof.ledgers(connection, run_id), proof.customers(connection, run_id))
        report.problems(planted, errors)
        return [
            *check_cells(cells),
            *check_planted(planted, errors),
            *balances.compare_records(entries, books, _tax_items(books)),
            *proof.check_proof(connection, run_id),
            *check_held_back(entries, expected_to_be_held_back(connection, planted), planted),
            *balances.check_outcomes(entries),
            *check_gone(connection, REALMS),
            *check_duplicates(connection, books, data),
            *check_hierarchy(connection, books),
            *check_names(connection, books),
            *self._failed_runs(),
        ]

    def once_more(self) -> list[str]:
        """All DAGs, with nothing to do: nothing is written to either side."""
        before = lms_versions(self.connection)
        forget_writes(self.companies[0])
        report.say()
        self.sync("all DAGs once more: nothing may be written", everything=True)
        return [
            *check_quiet(before, lms_versions(self.connection), writes_since(self.companies[0])),
            *self._failed_runs(),
        ]

    def _failed_runs(self) -> Sequence[str]:
        return [f"a DAG run failed: {run}" for run in self.airflow.failed_runs(self.begun)]


def _tax_items(books: Sequence[Books]) -> dict[str, str]:
    """The item Tax of each company, by realm."""
    return {book.realm_id: id_ for book in books for id_, item in book.items.items() if item["Name"] == "Tax"}


def main() -> int:
    """0 if everything adds up."""
    begun = time.monotonic()
    logging.getLogger("include").setLevel(logging.ERROR)  # what went wrong, not each request
    try:
        settings = from_environment()
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            wrong = Demo(settings, connection).run()
    except (
        LookupError,
        QuickBooksError,
        AirflowError,
        SyncError,
        psycopg.Error,
        requests.RequestException,
    ) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    report.verdict(wrong)
    report.say(f"{time.monotonic() - begun:.0f} s in all.")
    report.say(f"Airflow: {settings.airflow_url} (user {settings.airflow_username})")
    report.say("The stack stays up until `make down`; `make env` prints its addresses and the password.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
