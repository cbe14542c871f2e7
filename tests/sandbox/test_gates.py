"""The order of the gates, both envelopes, headers, times, throttles (facts 2, 3, 8.2, 11.3)."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from include.sandbox.throttle import Throttle
from tests.support.sandbox.books import Books
from tests.support.sandbox.harness import NO_LIMITS, Sandbox


def ask(books: Books, **headers: str) -> requests.Response:
    return requests.get(f"{books.base}/companyinfo/{books.realm}", headers=headers, timeout=10)


def test_headers_and_time(books: Books) -> None:
    answer = books.call("GET", f"companyinfo/{books.realm}")
    assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", answer.headers["intuit_tid"])
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0[78]:00", answer.json()["time"])
    assert answer.json()["CompanyInfo"]["Id"] == "1"
    stamp = answer.json()["CompanyInfo"]["MetaData"]["CreateTime"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[78]:00", stamp)


def test_without_accept_it_is_xml(books: Books) -> None:
    answer = ask(books, Authorization=str(books.http.headers["Authorization"]))
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert answer.text.startswith("<?xml") and "<CompanyName>Test Company</CompanyName>" in answer.text


def test_wrong_path_is_html_404_before_the_token(books: Books) -> None:
    for path in ("invoice/1/2/3/4", "invoice/1/nonsense"):
        answer = requests.get(f"{books.base}/{path}", timeout=10)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "intuit_tid" in answer.headers


def test_401_is_lower_case(books: Books) -> None:
    for token in ({}, {"Authorization": "Bearer short"}):
        answer = ask(books, Accept="application/json", **token)
        assert answer.status_code == 401
        error = answer.json()["fault"]["error"][0]
        assert error["message"] == "message=AuthenticationFailed; errorCode=003200; statusCode=401"
        assert (error["code"], answer.json()["fault"]["type"]) == ("3200", "AUTHENTICATION")
        assert isinstance(answer.json()["time"], int)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_401_before_403_and_403_for_another_company(books: Books, sandbox: Sandbox) -> None:
    other = Books(sandbox, "Other")
    answer = requests.get(f"{other.base}/companyinfo/1", headers=dict(books.http.headers), timeout=10)
    assert answer.status_code == 403
    error = answer.json()["fault"]["error"][0]
    assert error["code"] == "3100"
    assert error["message"] == "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"
    assert requests.get(f"{sandbox.url}/v3/company/1/companyinfo/1", timeout=10).status_code == 401


@pytest.mark.trap(44)
def test_missing_realm_is_6000(books: Books) -> None:
    url = f"{books.sandbox.url}/v3/company/undefined/companyinfo/1"
    answer = books.http.get(url)
    assert answer.json()["Fault"]["Error"][0]["Detail"].endswith("Unexpected Internal Error. (-30000)")


def test_disconnected_and_expired(lone_books: Books) -> None:
    lone_books.sandbox.control("/expire-access-tokens", {"realm_id": lone_books.realm})
    answer = lone_books.call("GET", "companyinfo/1")
    assert answer.status_code == 401
    assert answer.json()["fault"]["error"][0]["detail"] == "Token expired"
    lone_books.renew()
    lone_books.sandbox.control(f"/companies/{lone_books.realm}/disconnect")
    assert lone_books.call("GET", "companyinfo/1").status_code == 403
    lone_books.sandbox.control("/switches", {"revoked_token": 401})
    assert lone_books.call("GET", "companyinfo/1").status_code == 401


def limit(books: Books, **limits: Any) -> None:
    books.sandbox.control("/limits", NO_LIMITS | limits)


def test_requests_per_minute(lone_books: Books) -> None:
    limit(lone_books, requests_per_minute=5)
    statuses = [lone_books.call("GET", "companyinfo/1").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    other = Books(lone_books.sandbox, "Another realm has its own window")
    assert other.call("GET", "companyinfo/1").status_code == 200


def test_the_429_body(lone_books: Books) -> None:
    limit(lone_books, requests_per_second=0)
    answer = lone_books.call("GET", "companyinfo/1")
    error = answer.json()["fault"]["error"][0]
    assert error["message"] == "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    assert error["detail"] == "The request limit was reached.  Try again later"
    assert "Retry-After" not in answer.headers
    lone_books.sandbox.control("/switches", {"throttle_envelope": "upper", "retry_after": True})
    answer = lone_books.call("GET", "companyinfo/1")
    assert answer.json()["Fault"]["Error"][0]["code"] == "3001"
    assert answer.headers["Retry-After"] == "60"


def test_batches_per_minute(lone_books: Books) -> None:
    limit(lone_books, batch_per_minute=2)
    body = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Term"}]}
    assert [lone_books.call("POST", "batch", body).status_code for _ in range(3)] == [200, 200, 429]
    assert lone_books.call("GET", "companyinfo/1").status_code == 200


def test_concurrency(lone_books: Books) -> None:
    limit(lone_books, concurrent=2)
    lone_books.sandbox.control("/faults", {"kind": "timeout_before", "times": 2, "realm": lone_books.realm})
    lines = [http.client.HTTPConnection("127.0.0.1", lone_books.sandbox.port) for _ in range(2)]
    headers = {"Authorization": str(lone_books.http.headers["Authorization"])}
    for line in lines:
        line.request("GET", f"/v3/company/{lone_books.realm}/companyinfo/1", headers=headers)
    until(lambda: lone_books.sandbox.control("/faults", method="GET")[0]["hits"] == 2)
    assert [lone_books.call("GET", "companyinfo/1").status_code for _ in range(2)] == [429, 429]
    for line in lines:
        line.close()
    until(lambda: lone_books.call("GET", "companyinfo/1").status_code == 200)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the server does by itself."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_windows_slide(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("include.sandbox.throttle.time.monotonic", lambda: now)
    throttle = Throttle()

    def ask(batch: bool = False) -> bool:
        admitted = throttle.admit("1", batch, False)
        if admitted:
            throttle.leave("1")
        return admitted

    assert [ask() for _ in range(11)] == [True] * 10 + [False]
    now += 1.01
    assert ask()
    for _ in range(48):
        now += 1.01
        assert all(ask() for _ in range(10))
    now += 1.01
    assert [ask() for _ in range(10)] == [True] * 9 + [False]  # the 501st within a minute
    now += 10.2
    assert ask()
    throttle.forget()
    assert [ask(batch=True) for _ in range(5)] == [True] * 5
    for _ in range(35):
        now += 0.2
        assert ask(batch=True)
    now += 1.01
    assert not ask(batch=True)
    assert ask()


def test_core_plus_quota(lone_books: Books) -> None:
    limit(lone_books, core_plus_per_month=1)
    assert [lone_books.call("GET", "companyinfo/1").status_code for _ in range(2)] == [200, 429]
    lone_books.customer("Writes are not metered")


def test_the_throttles_start_at_intuits() -> None:
    with Sandbox() as fresh:
        held = fresh.control("/limits", method="GET")
        assert [held[n] for n in NO_LIMITS] == [500, 10, 10, 40]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("http_500", 500),
        ("http_502", 502),
        ("http_503", 503),
        ("http_504", 504),
        ("http_429", 429),
        ("http_401", 401),
        ("http_403", 403),
        ("html_413", 413),
        ("auth_120", 500),
    ],
)
def test_injected_before(lone_books: Books, kind: str, status: int) -> None:
    rule = {"kind": kind, "entity": "Customer", "operation": "create", "times": 1}
    lone_books.sandbox.control("/faults", rule)
    lone_books.rows("select * from Term")
    assert lone_books.call("POST", "customer", {"DisplayName": "A"}).status_code == status
    assert lone_books.query("select count(*) from Customer")["totalCount"] == 0
    lone_books.customer("A")


def test_injected_garbage_and_batch(lone_books: Books) -> None:
    lone_books.sandbox.control("/faults", {"kind": "garbage", "entity": "Customer", "operation": "create", "times": 1})
    body = {"BatchItemRequest": [{"bId": "1", "operation": "create", "Customer": {"DisplayName": "A"}}]}
    answer = lone_books.call("POST", "batch", body)
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_any_fault_in_single_calls_and_batch_items(lone_books: Books) -> None:
    rule = {"kind": "fault", "entity": "Customer", "operation": "create", "times": 2, "code": "5020",
            "message": "Permission Denied Error", "status": 403}  # fmt: skip
    lone_books.sandbox.control("/faults", rule)
    answer = lone_books.call("POST", "customer", {"DisplayName": "A"})
    assert (answer.status_code, answer.json()["Fault"]["Error"][0]["code"]) == (403, "5020")
    answers = lone_books.batch(
        {"bId": "c", "operation": "create", "Customer": {"DisplayName": "A"}},
        {"bId": "v", "operation": "create", "Vendor": {"DisplayName": "V"}},
    )
    assert answers["c"]["Fault"]["Error"][0]["code"] == "5020" and "Vendor" in answers["v"]
    lone_books.customer("A")


def test_a_fault_inside_a_200(lone_books: Books) -> None:
    lone_books.sandbox.control("/faults", {"kind": "http_200_fault", "times": 1})
    answer = lone_books.call("GET", "companyinfo/1")
    assert (answer.status_code, answer.json()["Fault"]["Error"][0]["code"]) == (200, "10000")


@pytest.mark.parametrize(
    "kind", ["drop_connection", "timeout_after", "http_500_after", "http_503_after", "fault_6000_after"]
)
def test_the_work_is_done_and_the_answer_lost(lone_books: Books, kind: str) -> None:
    rule = {"kind": kind, "entity": "Customer", "operation": "create", "times": 1, "seconds": 0.2}
    lone_books.sandbox.control("/faults", rule)
    if kind == "drop_connection":
        with pytest.raises(requests.ConnectionError):
            lone_books.call("POST", "customer", {"DisplayName": "A"}, requestid="once")
    else:
        assert lone_books.call("POST", "customer", {"DisplayName": "A"}, requestid="once").status_code >= 400
    again = lone_books.call("POST", "customer", {"DisplayName": "A"}, requestid="once")
    assert again.status_code == 200
    assert lone_books.query("select count(*) from Customer")["totalCount"] == 1


def test_probability_and_mistakes(lone: Sandbox) -> None:
    assert lone.http.post(f"{lone.url}/sandbox/faults", json={"kind": "nonsense"}).status_code == 400
    lone.control("/faults", {"kind": "http_503", "probability": 0})
    books = Books(lone)
    assert books.call("GET", "companyinfo/1").status_code == 200


def test_with_a_seed_the_same_requests_meet_the_same_faults(lone_books: Books) -> None:
    def weather(seed: int) -> list[int]:
        for kind in ("http_503", "http_502"):
            lone_books.sandbox.control("/faults", {"kind": kind, "probability": 0.3, "seed": seed})
        met = [lone_books.call("GET", "companyinfo/1").status_code for _ in range(40)]
        lone_books.sandbox.control("/faults", method="DELETE")
        return met

    first = weather(7)
    assert set(first) == {200, 502, 503}
    assert weather(7) == first
    assert weather(8) != first


def test_stats(lone_books: Books) -> None:
    lone_books.sandbox.control("/stats/reset")
    customer = lone_books.customer("A")
    lone_books.query("select * from Customer")
    lone_books.get("Customer", customer["Id"])
    lone_books.batch({"bId": "1", "operation": "create", "Customer": {"DisplayName": "B"}}, {"bId": "2", "Query": "x"})
    held = lone_books.sandbox.control("/stats", method="GET")
    wanted = {"create": 1, "query": 1, "read": 1, "batch": 1, "batch_items": 2}
    assert {name: held["requests"][name] for name in wanted} == wanted
    assert held["realms"][lone_books.realm]["create"] == 1
    assert held["writes"] == {"total": 2, "create": 2}
    assert held["status"] == {"200": 4}
    assert held["metered"] == 3


def test_one_item_of_a_batch_is_throttled(lone_books: Books) -> None:
    lone_books.sandbox.control("/faults", {"kind": "item_throttle", "entity": "Customer", "times": 1})
    answers = lone_books.batch(
        {"bId": "c", "operation": "create", "Customer": {"DisplayName": "A"}},
        {"bId": "v", "operation": "create", "Vendor": {"DisplayName": "A"}},
    )
    assert answers["c"]["Fault"]["Error"][0]["code"] == "3001"
    assert answers["v"]["Vendor"]["DisplayName"] == "A"


def test_faults_find_queries_by_entity(lone_books: Books) -> None:
    lone_books.sandbox.control("/faults", {"kind": "http_503", "entity": "Invoice", "operation": "query"})
    assert lone_books.call("GET", "query", query="select * from Term").status_code == 200
    assert lone_books.call("GET", "query", query="select * from invoice where Id = '1'").status_code == 503


def test_a_hanging_call_lets_go_when_the_client_does(lone_books: Books) -> None:
    limit(lone_books, concurrent=1)
    lone_books.sandbox.control("/faults", {"kind": "timeout_before", "times": 1})
    headers = {name: str(value) for name, value in lone_books.http.headers.items()}
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{lone_books.base}/companyinfo/1", headers=headers, timeout=0.3)
    until(lambda: lone_books.call("GET", "companyinfo/1").status_code == 200)
