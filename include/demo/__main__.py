"""The body of `make demo`, with the stack up: load, sync, change, sync again, compare both sides."""

import datetime as dt
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import requests

from include.demo import report
from include.demo.airflow import Airflow, AirflowError
from include.demo.bookkeeper import Desk
from include.demo.checks import (
    check_duplicates,
    check_hierarchy,
    check_invoices,
    check_outcomes,
    check_planted,
    check_sums,
    read_open_errors,
)
from include.demo.generator import generate
from include.demo.ledger import expected_to_be_held_back, lab_sums, read_books, read_invoices
from include.demo.loader import apply_changes, changes_are_there, find_planted, load_initial
from include.demo.problems import IN_QUICKBOOKS_ONLY
from include.demo.quickbooks import QuickBooks, QuickBooksError
from include.demo.records import Bookkeeper, DemoData
from include.demo.settings import Settings, from_environment
from include.demo.sync import SyncError, connect, is_connected, sync_until_done

REALMS = ("9341450000000017", "9341450000000025")


class Demo:
    """One demonstration run. Everything in it can be repeated."""

    def __init__(self, settings: Settings, connection: psycopg.Connection) -> None:
        self.connection = connection
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
        return self.compare()

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
        # Each company has its own limit of requests, so the bookkeepers work side by side.
        with report.step("QuickBooks as the bookkeepers keep it"), ThreadPoolExecutor(len(self.companies)) as desks:
            list(desks.map(self._prepare, self.companies, self.data.companies, self.data.books))

    def _prepare(self, company: QuickBooks, name_and_labs: tuple[str, tuple[str, ...]], work: Bookkeeper) -> None:
        if all(is_connected(self.connection, lab, company) for lab in name_and_labs[1]):
            return  # prepared in an earlier run; the books are the bookkeeper's since
        desk = Desk(company)
        desk.settle()
        desk.prepare(work, self.connection)

    def connect(self) -> None:
        """Each lab to its company; the first of a company receives what is created in QuickBooks."""
        for company, (_, labs) in zip(self.companies, self.data.companies, strict=True):
            for lab in labs:
                with report.step(f"connected: {lab}"):
                    connect(self.connection, lab, company, receives=lab == labs[0])

    def sync(self, what: str) -> None:
        """Until nothing is left to do."""
        with report.step(what):
            sync_until_done(self.connection, self.airflow)

    def change(self) -> None:
        """The second phase, in QuickBooks and in the LMS."""
        if changes_are_there(self.connection, self.data):
            report.say("            the changes of the second phase: made already")
            return
        with report.step("bookkeepers deactivate a customer and an item"):
            for company, work in zip(self.companies, self.data.later_books, strict=True):
                Desk(company).deactivate(work)
        with report.step("the LMS goes on: invoiced, un-invoiced, moved, restructured"):
            apply_changes(self.connection, self.data)

    def compare(self) -> list[str]:
        """Print both sides, and list what does not add up."""
        data, connection = self.data, self.connection
        with report.step("QuickBooks read back"):
            books = [read_books(company) for company in self.companies]
        invoices = read_invoices(connection, data.labs)
        planted = [*find_planted(connection, data, phase=2), IN_QUICKBOOKS_ONLY]
        errors = read_open_errors(connection, REALMS)
        totals = lab_sums(invoices, books, data.labs)
        report.outcomes(connection, REALMS)
        report.sums(totals)
        report.problems(planted, errors)
        return [
            *check_planted(planted, errors),
            *check_invoices(invoices, books, expected_to_be_held_back(connection, planted)),
            *check_outcomes(connection, invoices),
            *check_sums(totals),
            *check_duplicates(connection, books, data),
            *check_hierarchy(connection, books),
            *self._failed_runs(),
        ]

    def _failed_runs(self) -> Sequence[str]:
        return [f"a DAG run failed: {run}" for run in self.airflow.failed_runs(self.begun)]


def main() -> int:
    """0 if everything adds up."""
    begun = time.monotonic()
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
