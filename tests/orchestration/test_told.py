"""What a task tells people: its last line, and the links beside it."""

import pytest

from include.orchestration.told import summary


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (
            {"extracted": 13, "created": 7, "updated": 3, "deleted": 1, "adopted": 1, "failed": 1},
            "12 synced, 1 error, 0 waiting",
        ),
        ({"failed": 2, "waiting": 4, "unchanged": 5}, "0 synced, 2 errors, 4 waiting, 5 already the same"),
        ({"unchanged": 1}, "0 synced, 0 errors, 0 waiting, 1 already the same"),
        ({"invoice": 3, "credit_application": 1, "payment": 0}, "3 invoice, 1 credit application"),
        ({"extracted": 3}, "3 extracted"),
        ({"checked": 3, "set_aside": 1}, "3 checked, 1 set aside"),
        ({}, "nothing to do"),
    ],
)
def test_counts_are_told_in_words(counts: dict[str, int], line: str) -> None:
    assert summary(counts) == line
