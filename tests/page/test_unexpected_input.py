"""Nonsense at every door of the page: whatever is asked, sent or claimed, the answer is never a fault of the server.

The doors are those of the app's own OpenAPI, the names and words those of its source and its forms.
"""

import json
import re
import warnings
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from include.company.accounts import SETTINGS
from include.page.app import make_app
from include.sandbox.webhooks import signature
from include.stack.postgres import PROJECT
from tests.support.page.scene import populate
from tests.support.page.site import Site
from tests.support.page.visitor import Visitor
from tests.support.world import LMS_TO_QBO, QBO_TO_LMS, World

PAGE = PROJECT / "include" / "page"
MODULES = [path.read_text() for path in PAGE.glob("*.py")]
SOURCE = "\n".join([*MODULES, *(path.read_text() for path in PAGE.glob("templates/*.html"))])
#: How the page's source names a parameter of a query or a field of a form.
ASKED = re.compile(r'(?:get\(|form\[|number\(|all\(|name\()"([a-z_]+)"')
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # two routes of one function have one id
    PATHS: dict[str, dict[str, Any]] = make_app().openapi()["paths"]
DOORS = [(method, path) for path, methods in PATHS.items() for method in methods if path != "/webhook"]
NAMES = sorted(
    {one["name"] for methods in PATHS.values() for door in methods.values() for one in door.get("parameters", [])}
    | set(ASKED.findall(SOURCE))
    | set(re.findall(r' name="([a-z_-]+)"', SOURCE)) - {"csrf_token"}
    | {setting.name for setting in SETTINGS}
)
WORDS = sorted(
    {
        *LMS_TO_QBO,
        *QBO_TO_LMS,
        *re.findall(r' value="([^"{]+)"', SOURCE),
        "invoice",
        "customer",
        "billing_account:1",
        "all",
    }
)
#: Numbers, days and texts at the edges of what their readers take.
ODD = [
    "", " ", "0", "-1", "1", "+1", "1_0", "٣", "²", "1" * 5000, str(2**31), str(2**63 - 1), str(2**63), "9" * 18,
    "9" * 19, "NaN", "sNaN", "-Infinity", "1e400", "1E-400", "0x10", "1,000.00", "$-5", "0.005",
    "9999999999.99", "10000000000",
    "0001-01-01", "9999-12-31", "9999-12-30", "2026-02-30", "20260131", "2026-W01-1", "2026-01-31T00:00", "-0001-01-01",
    "\0", "a\0b", "\r\nSet-Cookie: a=b", "'", '"', "\\", "%", "_", "%%", "{{7*7}}", "<probe>", "../../etc/passwd",
    "..\\", "\u202e", "\ufeff", "\ufffe", "😀" * 300, "e\u0301" * 200, "null", "[]", "{}", "billing_account:", ":1",
    "payment:-1",
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(ODD),
    st.sampled_from(WORDS),
    st.text(max_size=20),
    st.binary(max_size=6),
    st.integers().map(str),
    st.dates().map(str),
    st.decimals().map(str),
)
#: What a header may hold at all.
HEADER = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_categories=["Cc"]), max_size=30)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Dest", "Content-Type", "Accept-Language", "Range"]
    ),
    st.one_of(HEADER, st.sampled_from(["null", "http://[", "http://[::1", "//", "https://", "iframe", "same-origin"])),
    max_size=3,
)
#: What these do does not depend on what is sent: they do it for nobody here.
ALWAYS_ACT = ("/disconnect", "/check", "/preview")


def fields(path: str) -> st.SearchStrategy[list[tuple[str, Any]]]:
    """Names and values, mostly such names as stand in the module that has this door, or in one that it reads with."""
    of_door = {name for module in MODULES if f'("{path}")' in module for name in ASKED.findall(module)}
    for reads in ("error_data", "preview_data", "history"):
        if reads.partition("_")[0].rstrip("y") in path:
            of_door |= {*ASKED.findall((PAGE / f"{reads}.py").read_text()), "q", "amount", "since", "until"}
    of_door |= {
        one["name"] for door in PATHS[path].values() for one in door.get("parameters", []) if one["in"] == "query"
    }
    names = st.sampled_from(NAMES)
    return st.lists(
        st.tuples(st.one_of(st.sampled_from(sorted(of_door)), names) if of_door else names, VALUES), max_size=6
    )


def nonsense(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Known:
    """Ids that lead somewhere."""

    who: Visitor
    csrf: str
    ids: dict[str, list[int]]


@pytest.fixture(scope="module")
def known(site: Site, lms: World) -> Known:
    made = populate(lms)
    who = site.visitor("ada")
    labs, errors = list(made["labs"].values()), list(made["errors"])
    return Known(
        who,
        who.csrf("/errors"),
        {"lab_id": labs, "error_id": errors, "preview_id": [made["preview"]], "proof_id": [1, 2]},
    )


def address(data: st.DataObject, known: Known, path: str, *, strangers: bool = False) -> str:
    """The path with something in it for each of its names."""

    def fill(match: re.Match[str]) -> str:
        ids = [] if strangers else known.ids.get(match[1], [])
        drawn = data.draw(st.one_of(st.sampled_from(ids), VALUES) if ids else VALUES, label=match[1])
        return quote(drawn if isinstance(drawn, bytes) else str(drawn), safe="") or "%20"

    return re.sub(r"\{(\w+)\}", fill, path)


def answered(answer: requests.Response) -> None:
    assert answer.status_code < 500, (
        answer.status_code,
        answer.request.method,
        answer.request.url,
        answer.request.body,
    )
    assert "Traceback" not in answer.text and "psycopg" not in answer.text


def test_the_doors_and_their_names_are_found() -> None:
    assert len(DOORS) >= 40 and ("post", "/errors/{error_id}/link") in DOORS
    assert {"since", "until", "match", "hold_days", "income_account_id", "numbers", "realmId"} <= set(NAMES)


@pytest.mark.parametrize("path", [path for method, path in DOORS if method == "get"])
def test_whatever_is_asked(known: Known, path: str) -> None:
    @nonsense(12)
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        answered(known.who.get(address(data, known, path), params=data.draw(fields(path), label="query")))

    ask()


@pytest.mark.parametrize("path", [path for method, path in DOORS if method == "post"])
def test_whatever_is_sent(known: Known, path: str) -> None:
    @nonsense(8)
    @given(st.data())
    def send(data: st.DataObject) -> None:
        to = address(data, known, path, strangers=path.endswith(ALWAYS_ACT))
        form = [*data.draw(fields(path), label="form"), ("csrf_token", known.csrf)]
        answered(known.who.session.post(known.who.page + to, data=form, timeout=60, allow_redirects=False))

    send()


@nonsense(40)
@given(body=st.binary(max_size=60), headers=HEADERS, cookie=HEADER)
@example(body=b"", headers={"Origin": "http://["}, cookie="")
def test_whatever_the_request_claims(known: Known, body: bytes, headers: dict[str, str], cookie: str) -> None:
    who = Visitor(known.who.base, None)
    held = f"_token={known.who.session.cookies['_token']}; quickbooks_page={cookie.replace(';', '')}"
    sent = {"Cookie": held, "Content-Type": "application/x-www-form-urlencoded", **headers}
    raw = {name: value.encode("latin-1") for name, value in sent.items()}
    answered(who.session.get(f"{who.page}/errors", headers=raw, timeout=60, allow_redirects=False))
    forged = who.session.post(f"{who.page}/errors", data=b"csrf_token=" + body, headers=raw, timeout=60)
    answered(forged)
    assert forged.status_code in (400, 401, 403, 413, 415)


REALMS = st.one_of(st.from_regex(r"[0-9]{1,40}", fullmatch=True), st.text(max_size=10), st.integers(), st.none())
EVENT = st.one_of(
    st.dictionaries(st.sampled_from(["intuitaccountid", "realmId", "type", "dataChangeEvent"]), REALMS, max_size=3),
    st.recursive(REALMS, lambda inner: st.lists(inner, max_size=3), max_leaves=5),
)
BODY = st.one_of(
    st.binary(max_size=80),
    st.lists(EVENT, max_size=4).map(lambda events: json.dumps(events).encode()),
    st.one_of(EVENT, st.lists(EVENT, max_size=4)).map(lambda it: json.dumps({"eventNotifications": it}).encode()),
    st.sampled_from([b"9" * 5000, b"[" * 20_000, b'{"eventNotifications":[NaN]}', b"\xff\xfe", b"\xef\xbb\xbf[]"]),
)


@nonsense(60)
@given(body=BODY)
def test_a_signed_webhook_is_taken_whatever_it_says(site: Site, body: bytes) -> None:
    right = signature(site.environment["SANDBOX_WEBHOOK_VERIFIER_TOKEN"], body)
    answer = requests.post(f"{site.page}/webhook", data=body, headers={"intuit-signature": right}, timeout=30)
    assert (answer.status_code, answer.content) == (200, b"")


@nonsense(40)
@given(body=BODY, claimed=HEADER, cut=st.integers(0, 43))
def test_any_other_signature_is_refused(site: Site, body: bytes, claimed: str, cut: int) -> None:
    right = signature(site.environment["SANDBOX_WEBHOOK_VERIFIER_TOKEN"], body)
    for said in (
        claimed,
        right[:cut],
        right[:cut] + right[cut].swapcase() + right[cut + 1 :] + "x",
        right.lower() + "=",
    ):
        sent = {"intuit-signature": said.encode("latin-1")}
        assert requests.post(f"{site.page}/webhook", data=body, headers=sent, timeout=30).status_code == 401
