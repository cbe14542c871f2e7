"""Both fault envelopes, and what each fault leads to (facts 8.1 to 8.4)."""

import pytest

from include.qbo.faults import Fault, Remedy, is_missing, parse_fault
from include.qbo.query import quoted, where_in
from include.qbo.text import cut
from include.sync.fault_words import explain


def test_the_application_s_envelope() -> None:
    body = {
        "Fault": {
            "Error": [{"Message": "Duplicate", "Detail": "DocNumber=1 is assigned", "code": "6140", "element": ""}],
            "type": "ValidationFault",
        }
    }
    fault = parse_fault(body, status=400, intuit_tid="1-a")
    assert fault is not None
    assert (fault.code, fault.remedy, fault.intuit_tid) == ("6140", Remedy.RECORD_ERROR, "1-a")


@pytest.mark.trap(45)
@pytest.mark.parametrize("code", ["3200", "003200"])
def test_the_gateway_s_envelope_in_lower_case(code: str) -> None:
    fault = parse_fault(
        {
            "fault": {
                "error": [{"message": "AuthenticationFailed", "detail": None, "code": code}],
                "type": "AUTHENTICATION",
            }
        },
        status=401,
    )
    assert fault is not None
    assert (fault.code, fault.remedy, fault.detail) == ("3200", Remedy.REFRESH, "")


@pytest.mark.trap(11)
@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (429, "3001", Remedy.WAIT),
        (403, "3100", Remedy.RECONNECT),
        (403, "3001", Remedy.WAIT),
        (403, "5020", Remedy.RECORD_ERROR),
        (403, "", Remedy.RETRY),
        (500, "10000", Remedy.RETRY),
        (500, "120", Remedy.RETRY),
        (503, "", Remedy.RETRY),
        (400, "5010", Remedy.REREAD),
        (400, "6240", Remedy.RECORD_ERROR),
        (400, "2500", Remedy.RECORD_ERROR),
    ],
)
def test_what_a_fault_leads_to(status: int, code: str, remedy: Remedy) -> None:
    assert Fault(status=status, code=code, message="", detail="").remedy is remedy


def test_610_means_deleted_or_inactive_by_its_detail() -> None:
    deleted = Fault(400, "610", "Object Not Found", "Object Not Found : Another user has deleted this transaction.")
    inactive = Fault(400, "610", "Object Not Found", "Something you're trying to use has been made inactive.")
    assert is_missing(deleted)
    assert not is_missing(inactive)
    assert explain(inactive, "Invoice 1").code == "inactive_reference"


def test_an_unknown_fault_quotes_quickbooks() -> None:
    problem = explain(Fault(400, "6999", "New Fault", "Something new", intuit_tid="1-b"), "Invoice 7")
    assert problem.code == "qbo_6999"
    assert problem.message == "QuickBooks refused invoice 7: Something new"
    assert problem.detail["intuit_tid"] == "1-b"


@pytest.mark.trap(43)
def test_apostrophes_and_backslashes_are_escaped() -> None:
    assert quoted("Love's \\ Peet's") == "'Love\\'s \\\\ Peet\\'s'"
    assert "IN ('a', 'b')" in where_in("Customer", "DisplayName", ["a", "b"])


def test_text_is_cut_with_an_ellipsis_and_blank_text_is_none() -> None:
    assert cut("x" * 10, 5) == "xxxx…"
    assert cut("  ") is None
    assert cut(None) is None
