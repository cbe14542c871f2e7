"""The demo's labs and companies before their first sync: a preview says what it then does, record by record."""

import datetime as dt
from uuid import uuid4

import psycopg
import pytest

from include.demo.bookkeeper import CompanySetup
from include.demo.bookkeeping import Bookkeeping
from include.demo.generator import generate
from include.demo.loader import load_initial
from include.demo.quickbooks import QuickBooks as Books
from tests.support.previews import actual, differences, moment, predicted
from tests.support.quickbooks import QuickBooks
from tests.support.world import World


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_first_sync_of_the_demo_is_predicted(world: World) -> None:
    """A thousand invoices of labs that share two companies, with adoptions and a dozen planted problems."""
    data = generate(dt.date(2026, 11, 20))
    with psycopg.connect(world.database_url, autocommit=True) as connection:
        assert load_initial(connection, data)
        for (name, labs), work in zip(data.companies, data.books, strict=True):
            books = Books(world.qbo.url, str(uuid4().int)[:16], name)
            books.open()
            setup = CompanySetup(books)
            setup.settle()
            setup.prepare(work, connection)
            Bookkeeping(books, connection).before(work)
            company = World(world.database_url, QuickBooks(world.qbo.url, books.realm_id), world.runtime, connection)
            for lab in labs:
                company.connect(company.value("select id from lms.billing_lab where name = %s", lab), company.qbo)
            records = company.preview()
            said, since = predicted(records), moment(company)
            assert sum(one["entity"] == "invoice" and one["step"] == "create" for one in records) > 200
            company.both()
            found = differences(said, actual(company, since))
            assert found == [], "\n".join(found)
