"""The simulated clock, across daylight-saving changes too (facts 2.5, 11.13)."""

from __future__ import annotations

import pytest

from include.sandbox.clock import pacific, pacific_offset, parse_moment
from tests.support.sandbox.books import Books, token_of


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-03-08T01:59:59-08:00", "2026-03-08T03:00:00-07:00"),
        ("2026-11-01T01:59:59-07:00", "2026-11-01T01:00:00-08:00"),
    ],
)
def test_the_change_of_offset(before: str, after: str) -> None:
    moment = parse_moment(before)
    assert moment is not None
    assert pacific(moment) == before
    assert pacific(moment + 1) == after


def test_samples_of_the_facts() -> None:
    assert pacific_offset(parse_moment("2014-12-01T00:00:00Z") or 0) == -8 * 3600
    assert pacific_offset(parse_moment("2015-07-24T00:00:00Z") or 0) == -7 * 3600
    assert parse_moment("2015-11-28") == parse_moment("2015-11-28T00:00:00-08:00")
    assert parse_moment("2015-07-24T10:33:39.11-07:00") == parse_moment("2015-07-24T17:33:39Z")
    assert parse_moment("nonsense") is None and parse_moment("2026-02-30") is None


def test_times_that_sort_wrongly_as_text(lone_books: Books) -> None:
    lone_books.sandbox.control("/clock", {"frozen": True, "now": "2026-11-01T01:59:50-07:00"})
    lone_books.renew()
    customer = lone_books.customer("A")
    assert customer["MetaData"]["CreateTime"] == "2026-11-01T01:59:50-07:00"
    lone_books.sandbox.control("/clock", {"advance_seconds": 20})
    changed = lone_books.post("Customer", token_of(customer) | {"sparse": True, "Notes": "x"})
    assert changed["MetaData"]["LastUpdatedTime"] == "2026-11-01T01:00:10-08:00"
    assert changed["MetaData"]["LastUpdatedTime"] < customer["MetaData"]["CreateTime"]
    where = "MetaData.LastUpdatedTime > '2026-11-01T01:59:50-07:00'"
    assert len(lone_books.rows(f"select * from Customer where {where}")) == 1
    assert lone_books.invoice(customer)["TxnDate"] == "2026-11-01"
