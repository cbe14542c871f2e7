"""What a record of QuickBooks must look like."""

import pytest

from include.qbo.shape import flaw


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("2026-06-01T08:00:00-07:00", None),
        ("2026-06-01T15:00:00Z", None),
        ("2026-06-01T08:00:00", "CreateTime is not a time"),
        ("2026-06-01", "CreateTime is not a time"),
        ("soon", "CreateTime is not a time"),
    ],
)
def test_a_time_has_an_offset(written: str, wrong: str | None) -> None:
    """Compared with ours, one without stopped the task of the whole company."""
    credit = {
        "Id": "1",
        "SyncToken": "0",
        "TxnDate": "2026-06-01",
        "CustomerRef": {"value": "2"},
        "TotalAmt": 5,
        "MetaData": {"CreateTime": written, "LastUpdatedTime": "2026-06-01T15:00:00Z"},
    }
    assert flaw("CreditMemo", credit) == wrong
