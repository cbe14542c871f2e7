"""Most tests check like rows once (tests/support/expectations.py): what is wrong is told all the same, each time."""

from dataclasses import replace

from include.expectations.check import check
from tests.support.expectations import like_rows_checked_once
from tests.support.planning import a_payment, an_invoice


def test_what_is_wrong_is_told_each_time_beside_what_was_right() -> None:
    right = an_invoice()
    wrong = {
        "negative": an_invoice(-5),
        "unnumbered": replace(right, number=" "),
        "long": replace(right, number="1" * 22),
    }
    each = {key: check("invoice", "qbo", {key: one})[key] for key, one in wrong.items()}
    assert all(each.values())
    with like_rows_checked_once():
        for _ in range(3):
            assert check("invoice", "qbo", {"right": right, "another": replace(right, number="2043")}) == {}
            assert check("invoice", "qbo", {"right": right, **wrong}) == each
            assert check("payment", "qbo", {"right": a_payment(100)}) == {}
            assert check("payment", "qbo", {"wrong": a_payment(-100)})
