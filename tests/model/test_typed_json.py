"""Records as JSON and back."""

import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from include.model import typed_json
from include.model.payment import Credit
from include.model.record import Owner, RecordKey


def test_threads_may_meet_a_new_kind_of_record_at_the_same_moment() -> None:
    """msgspec alone crashes the process, or never comes back (found with 50 companies in one task)."""
    module = "tests.model.typed_json_in_threads"
    done = subprocess.run([sys.executable, "-m", module], capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr.decode()


CREDIT = Credit(
    date=date(2026, 6, 15), customer=RecordKey("billing_account", "1"), amount=Decimal("40.00"), owner=Owner("1")
)


def test_a_record_comes_back_as_it_was_to_the_cent_the_first_time_and_later() -> None:
    for _ in range(2):
        back = typed_json.base_of("credit", typed_json.loads(typed_json.dumps(CREDIT)))
        assert back == CREDIT
        assert isinstance(back, Credit)
        assert str(back.amount) == "40.00"
    assert typed_json.plain(CREDIT) == typed_json.loads(typed_json.dumps(CREDIT))


def test_a_link_by_hand_has_no_base_and_what_is_none_is_refused() -> None:
    assert typed_json.base_of("credit", None) is None
    assert typed_json.base_of("credit", {}) is None
    with pytest.raises(msgspec.ValidationError):
        typed_json.base_of("credit", {"date": "yesterday"})


def test_a_kind_that_was_never_read_before_is_read() -> None:
    @dataclass(frozen=True)
    class Never:
        amount: Decimal

    assert typed_json.typed({"amount": 1}, Never) == Never(Decimal(1))
    with pytest.raises(msgspec.ValidationError):
        typed_json.typed({}, Never)
