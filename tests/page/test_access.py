"""Who gets in and what gets through: logins, roles, CSRF tokens, headers, secrets."""

import hashlib
import hmac
import re
from pathlib import Path

import pytest
import requests

from tests.support.page.site import Site
from tests.support.page.visitor import Visitor, begin, consent, path_of
from tests.support.quickbooks import QuickBooks
from tests.support.world import World

PAGE = Path(__file__).resolve().parents[2] / "include" / "page"
_ROUTE = re.compile(r'@router\.(get|post)\(\s*(?:"([^"]+)"|(CALLBACK|WEBHOOK))')
#: Changes that need the right to set up; the other POSTs need the right to fix.
SETTING_UP = ("/connect", "/settings", "/disconnect", "/check")
#: GETs for those who may set up only.
ADMINISTRATORS_GETS = ("/labs/1/disconnect", "/oauth/callback")


def routes() -> list[tuple[str, str]]:
    """Every route of the page as its source says, with ids put in."""
    found = []
    for source in sorted(PAGE.glob("*.py")):
        for method, path, name in _ROUTE.findall(source.read_text()):
            address = path or {"CALLBACK": "/oauth/callback", "WEBHOOK": "/webhook"}[name]
            for name, value in (("lab_id", "1"), ("error_id", "1"), ("preview_id", "1"), ("name", "page.css")):
                address = address.replace(f"{{{name}}}", value)
            found.append((method, address))
    return found


ROUTES = routes()
#: The one route without a login, which defends itself (test_webhook.py).
OPEN = ("post", "/webhook")
POSTS = [path for method, path in ROUTES if method == "post" and (method, path) != OPEN]
GETS = [path for method, path in ROUTES if method == "get"]


def call(who: Visitor, method: str, path: str) -> requests.Response:
    """One request."""
    return who.get(path) if method == "get" else who.post(path)


def csrf_of(site: Site, name: str, who: Visitor) -> str:
    """The right CSRF token of a person who is shown no form, made with the server's own secret."""
    who.get("/")
    message = "\0".join(["pilot quickbooks page", "csrf", name, who.session.cookies["quickbooks_page"]])
    key = site.environment["AIRFLOW__API__SECRET_KEY"]
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()


def test_the_list_of_routes_is_complete() -> None:
    assert len(ROUTES) >= 25 and ("post", "/labs/1/connect") in ROUTES and ("get", "/oauth/callback") in ROUTES
    assert OPEN in ROUTES


@pytest.mark.parametrize(
    ("method", "path"), [*ROUTES, ("get", "/docs"), ("get", "/openapi.json"), ("get", "/nowhere"), ("get", "/webhook")]
)
def test_nobody_gets_in_without_a_login(site: Site, method: str, path: str) -> None:
    answer = call(site.visitor(None), method, path)
    assert answer.status_code == 401
    assert "csrf_token" not in answer.text and len(answer.text) < 1500


def test_a_user_in_the_query_is_no_login(site: Site) -> None:
    assert site.visitor(None).get("/?user=ada").status_code == 401


@pytest.mark.parametrize(
    "forge",
    [
        lambda good: "nonsense",
        lambda good: good[:-6] + "AAAAAA",
        lambda good: ".".join([good.split(".")[0], good.split(".")[1], ""]),
        lambda good: ".".join(["eyJhbGciOiJub25lIn0", good.split(".")[1], ""]),
    ],
    ids=["nonsense", "other signature", "no signature", "alg none"],
)
def test_a_forged_login_is_refused(site: Site, forge: object) -> None:
    token = forge(site.tokens["ada"])  # type: ignore[operator]
    for method, path in ROUTES:
        who = Visitor(site.base, token)
        assert call(who, method, path).status_code in (401, 403), (method, path)
        bearer = requests.request(
            method, f"{site.page}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        assert bearer.status_code in (401, 403), (method, path)


def test_a_viewer_sees_everything_and_changes_nothing(site: Site, lab: int) -> None:
    who = site.visitor("vera")
    for path in GETS:
        status = who.get(path.replace("/labs/1", f"/labs/{lab}")).status_code
        expected = (403,) if path in ADMINISTRATORS_GETS else (200, 303, 404)
        assert status in expected, (path, status)
    token = csrf_of(site, "vera", who)
    for path in POSTS:
        assert who.post(path.replace("/labs/1", f"/labs/{lab}"), csrf=token).status_code == 403, path
    shown = who.get(f"/labs/{lab}").text + who.get(f"/labs/{lab}/connect").text + who.get("/errors").text
    assert "<button" not in shown.replace("<button>Filter</button>", "")


def test_a_user_fixes_errors_but_sets_nothing_up(site: Site, lab: int) -> None:
    who = site.visitor("uma")
    token = csrf_of(site, "uma", who)
    for path in POSTS:
        status = who.post(path.replace("/labs/1", f"/labs/{lab}").replace("/errors/1", "/errors/999999"), csrf=token)
        if path.endswith(SETTING_UP):
            assert status.status_code == 403, path
        else:
            assert status.status_code in (303, 400, 404), (path, status.status_code)
    assert who.get(f"/labs/{lab}/disconnect").status_code == 403
    assert who.get("/oauth/callback?state=x&code=y&realmId=1").status_code == 403


@pytest.mark.parametrize("name", ["olga", "ada"])
def test_op_and_admin_set_up(site: Site, lab: int, name: str) -> None:
    who = site.visitor(name)
    answer = who.post(f"/labs/{lab}/connect", csrf=who.csrf(f"/labs/{lab}/connect"))
    assert answer.status_code == 303 and "/connect/oauth2?" in answer.headers["location"]


def test_a_change_needs_its_own_forms_token(site: Site, lab: int) -> None:
    who, other = site.visitor("ada"), site.visitor("ada")
    olga = site.visitor("olga")
    path = f"/labs/{lab}/connect"
    token = who.csrf(path)
    foreign = {
        "none": {},
        "empty": {"csrf": ""},
        "another person's": {"csrf": olga.csrf(path)},
        "another browser's": {"csrf": other.csrf(path)},
        "another site": {"csrf": token, "headers": {"Origin": "https://evil.example"}},
        "no origin said": {"csrf": token, "headers": {"Origin": "null"}},
        "cross-site": {"csrf": token, "headers": {"Sec-Fetch-Site": "cross-site"}},
        "same site, other origin": {"csrf": token, "headers": {"Sec-Fetch-Site": "same-site"}},
    }
    for case, options in foreign.items():
        assert who.post(path, **options).status_code == 403, case  # type: ignore[arg-type]
    for posted in POSTS:
        assert who.post(posted).status_code == 403, posted
    who.session.cookies.pop("quickbooks_page")
    assert who.post(path, csrf=token).status_code == 403, "without the browser's cookie"


def test_only_forms_change_anything(site: Site, lab: int) -> None:
    who = site.visitor("ada")
    path = f"/labs/{lab}/connect"
    token = who.csrf(path)
    as_json = who.session.post(f"{who.page}{path}", json={"csrf_token": token}, timeout=30)
    assert as_json.status_code == 415
    assert who.post(path, {"filler": "x" * 300_000}, csrf=token).status_code == 413
    for post in POSTS:
        if post not in GETS:
            assert who.get(post).status_code in (404, 405), f"GET {post} does something"


# ---------------------------------------------------------------- what leaves the server


def test_every_answer_is_guarded_and_holds_no_secret(site: Site, lms: World, company: QuickBooks, lab: int) -> None:
    ada = site.visitor("ada")
    ada.get(path_of(consent(begin(ada, lab), company.realm)))
    vault = lms.runtime.vault
    kept = lms.sql("select * from qbo_sync.company where realm_id = %s", company.realm)[0]
    secrets = [
        vault.open(bytes(kept["access_token_encrypted"])),
        vault.open(bytes(kept["refresh_token_encrypted"])),
        site.environment["QBO_CLIENT_SECRET"],
        site.environment["PILOT_TOKEN_KEY"],
        site.environment["SANDBOX_WEBHOOK_VERIFIER_TOKEN"],
        site.environment["AIRFLOW__API__SECRET_KEY"],
        bytes(kept["refresh_token_encrypted"]).decode(),
    ]
    for path in GETS:
        answer = ada.get(path.replace("/labs/1", f"/labs/{lab}"))
        assert answer.status_code in (200, 303, 400, 404), path
        headers = answer.headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "frame-ancestors 'self'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
        assert "no-store" in headers["cache-control"] or path.startswith("/static"), path
        assert not any(secret in answer.text or secret in str(headers) for secret in secrets), path
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=|javascript:", answer.text), path
            assert not re.search(r'(?:src|href|action)="https?://(?!127\.0\.0\.1)', answer.text), path


def test_errors_give_nothing_away(site: Site) -> None:
    ada = site.visitor("ada")
    strange = (
        "/labs/0",
        "/labs/-1",
        "/labs/99999999999999999999999",
        "/labs/1'--",
        "/errors/abc",
        "/static/..%2f..%2fapp.py",
        "/errors?page=-1&lab=x&status=<script>&entity='&direction=%00&q=%00%25_\\",
        "/errors?page=99999999999999999999",
        "/activity?lab=9223372036854775808",
        "/errors/1?match=%00'",
        "/labs/1/books?proof='",
        "/labs/1/books/1.exe",
        "/labs/1/books/99999999999999999999999.pdf",
        "/?done=<script>",
    )
    for path in strange:
        answer = ada.get(path)
        assert answer.status_code in (200, 404), (path, answer.status_code)
        for word in ("Traceback", "psycopg", "/work/", "include/page", "qbo_sync.", "<script>"):
            assert word not in answer.text, (path, word)
