"""Great Expectations at half its price, and at next to none."""

import re
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property

import pandas as pd
import pytest

from include.expectations import check
from include.model.record import Entity, Side

#: What has been found right: of each such row, what the rules look at.
_RIGHT: set[Hashable] = set()
_DIGITS = re.compile(r"\d")
#: The expectations that look at each row by itself.
_ROW_BY_ROW = {
    "ExpectColumnValuesToBeBetween",
    "ExpectColumnValuesToBeInSet",
    "ExpectColumnValuesToMatchRegex",
    "ExpectColumnValuesToNotBeNull",
    "ExpectColumnValuesToNotMatchRegex",
}


def remember_configurations() -> None:
    """Each expectation makes its configuration once. Great Expectations makes it anew some fifty times for each check,
    which is half of all the time that most runs of a test take; the expectations and what they find are the same."""
    from great_expectations.expectations.expectation import Expectation

    once = cached_property(Expectation.configuration.fget)
    once.__set_name__(Expectation, "configuration")
    Expectation.configuration = once


@contextmanager
def like_rows_checked_once() -> Iterator[None]:
    """A row that the suite has found right is not checked again, nor are those that are like it in the columns that the
    rules look at, but for the digits of texts (the numbers of invoices, names that are numbers), which no rule tells
    apart. What is wrong is checked each time."""
    check_all = check._failures

    def check_new(entity: Entity, side: Side, frame: pd.DataFrame) -> list[tuple[Mapping[str, str], list[str]]]:
        seen = frame[_columns(entity, side)].itertuples(index=False, name=None)
        rows = {
            record_id: (entity, side, *map(_like, row)) for record_id, row in zip(frame["record_id"], seen, strict=True)
        }
        if _RIGHT.issuperset(rows.values()):
            return []
        failures = check_all(entity, side, frame)
        wrong = {record_id for _, failing in failures for record_id in failing}
        _RIGHT.update(like for record_id, like in rows.items() if record_id not in wrong)
        return failures

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "_failures", check_new)
        yield


@cache
def _columns(entity: Entity, side: Side) -> list[str]:
    """The columns that the suite's rules look at, each at one."""
    _, suite, _ = check._suite(entity, side)
    others = {type(expectation).__name__ for expectation in suite.expectations} - _ROW_BY_ROW
    assert not others, f"a row that was right by {others} may be wrong beside others: check it each time"
    return sorted({expectation.configuration.kwargs["column"] for expectation in suite.expectations})


def _like(value: object) -> str:
    return f"text {_DIGITS.sub('0', value)}" if isinstance(value, str) else repr(value)
