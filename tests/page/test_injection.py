"""Names, memos, messages and everything else that people or QuickBooks write: shown as text, wherever it appears."""

from datetime import date
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from include.lms.database import jsonb
from include.model.document import Applied, Document, DocumentLine, as_detail
from include.model.invoice import Invoice, InvoiceLine
from include.model.money import ZERO
from include.model.record import RecordKey
from tests.support.page.site import Site
from tests.support.pipeline import as_pipeline
from tests.support.world import World

#: Out of text, out of either kind of attribute, out of a comment, a title, a script; a template's; right to left.
EVIL = """x--></title></script>"'><probe onprobe=1 href="javascript:probe()">{{7*7}}${7*7} \u202ecba &lt;b&gt; 😀"""
#: As it is shown: nothing may turn the direction of the words around it.
SHOWN = EVIL.replace("\u202e", "")
REALM = '4"><probe>'


class Reader(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.faults = "", []  # type: ignore[var-annotated]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what only the injected text can have made."""
        for name, value in attrs:
            if name.startswith("on") or name == "style" or (value or "").strip().lower().startswith("javascript:"):
                self.faults.append(f"<{tag} {name}={value!r}>")
            self.text += f" {value or ''}"
        if tag in ("probe", "iframe", "object", "embed", "base"):
            self.faults.append(f"<{tag}>")
        if tag == "script" and not dict(attrs).get("src", ""):
            self.faults.append("<script> of its own")

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data


def insert(connection: psycopg.Connection, table: str, **values: Any) -> int:
    """A row; its id, if it has one."""
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    row = connection.execute(
        f"insert into {table} as t ({columns}) values ({marks}) returning to_jsonb(t) ->> 'id'".encode(),
        list(values.values()),
    ).fetchone()
    return int(row[0] or 0) if row else 0


@pytest.fixture(scope="module")
def evil(lms: World) -> dict[str, Any]:
    """Every column that the page shows, filled with it; of a company that nothing is synced of."""
    with psycopg.connect(lms.database_url) as db:
        as_pipeline(db)
        lab, off = (insert(db, "lms.billing_lab", name=f"{EVIL} {name}") for name in ("on", "off"))
        account = insert(
            db, "lms.billing_account", name=EVIL, accounting_structure="detailed", email=EVIL, phone=EVIL, active=True
        )
        pair = insert(
            db,
            "lms.doctor_office",
            billing_account_id=account,
            doctor_name=EVIL,
            office_name=EVIL,
            child_subaccount_name=EVIL,
        )
        ids = {
            "billing_account": account,
            "doctor_office": pair,
            "product": insert(db, "lms.product", name=EVIL, description=EVIL),
            "invoice": insert(
                db, "lms.invoice", billing_lab_id=lab, billing_account_id=account, doctor_office_id=pair,
                invoice_number=EVIL, invoice_date="2026-11-18", memo=EVIL, subtotal=1, discount_amount=0,
                shipping_amount=0, tax_amount=0, total_amount=1, balance=1, origin="lms",
            ),
            "credit": insert(
                db, "lms.credit", billing_lab_id=lab, billing_account_id=account, amount=1, reference=EVIL, note=EVIL
            ),
            "payment": insert(
                db, "lms.payment", billing_lab_id=lab, billing_account_id=account, amount=1, method=EVIL, reference=EVIL
            ),
        }  # fmt: skip
        insert(db, "qbo_sync.company", realm_id=REALM, name=EVIL, status="reconnect_required")
        insert(
            db, "qbo_sync.connection", billing_lab_id=lab, realm_id=REALM, income_account_id="1",
            deposit_account_id=EVIL, discount_account_id="1",
        )  # fmt: skip
        insert(db, "qbo_sync.former_connection", billing_lab_id=off, realm_id=REALM, settings=jsonb({}))
        insert(
            db, "qbo_sync.company_account", realm_id=REALM, account_id="1", name=EVIL, type="Income", subtype=EVIL,
            active=True,
        )  # fmt: skip
        insert(db, "qbo_sync.company_check", realm_id=REALM, checked_at="2026-11-01", plan=EVIL)
        insert(
            db, "qbo_sync.company_finding", realm_id=REALM, code="c", severity="problem", message=EVIL, effect=EVIL,
            resolution=EVIL,
        )  # fmt: skip
        errors = []
        for entity, lms_id in ids.items():
            for status in ("open", "ignored"):
                errors.append(_error(db, lab, entity, lms_id, status))
        for action in ("ignore", "link", "settings", EVIL):
            changes = [{"setting": EVIL, "before": EVIL, "after": EVIL}]
            detail = {"reason": EVIL, "customer": EVIL, "to": EVIL, "changes": changes}
            insert(
                db, "qbo_sync.page_change", user_name=EVIL, action=action, billing_lab_id=lab, realm_id=REALM,
                sync_error_id=errors[1], detail=jsonb(detail),
            )  # fmt: skip
        insert(
            db, "qbo_sync.sync_outcome", realm_id=REALM, direction="lms_to_qbo", entity=EVIL, record_id="1",
            outcome="created", dag_id=EVIL, run_id=EVIL, billing_lab_id=lab,
        )  # fmt: skip
        for operation in ("create", "update"):
            entry = insert(
                db, "qbo_sync.audit_entry", side="qbo", realm_id=REALM, entity="invoice", lms_id=ids["invoice"],
                qbo_id=EVIL, document_number=EVIL, customer=EVIL, amount=1, operation=operation, billing_lab_id=lab,
                before=jsonb({EVIL: EVIL}), after=jsonb(_invoice(pair)), run_id=EVIL, request_id=EVIL, intuit_tid=EVIL,
                dag_id="invoice_lms_to_qbo" if operation == "create" else EVIL,
            )  # fmt: skip
            undo = insert(
                db, "qbo_sync.undo", realm_id=REALM, dag_id="invoice_lms_to_qbo", run_id=EVIL, by_run=operation,
                asked_by=EVIL, confirmed=operation == "update", finished_at="2026-11-22T08:00:00+00:00",
            )  # fmt: skip
            insert(db, "qbo_sync.undo_record", undo_id=undo, entry_id=entry, action="leave", reason=EVIL)
        preview = insert(
            db, "qbo_sync.preview", realm_id=REALM, billing_lab_id=lab, dag_id=EVIL, run_id=EVIL, calls=1, unchanged=1
        )
        for position, step in enumerate(("create", "wait", "fail"), 1):
            insert(
                db,
                "qbo_sync.preview_record",
                preview_id=preview,
                position=position,
                billing_lab_id=lab,
                entity=EVIL,
                side="qbo",
                step=step,
                cause=EVIL,
                lms_id=EVIL,
                qbo_id=EVIL,
                number=EVIL,
                customer=EVIL,
                amount=1,
                waits_for=EVIL,
                error_code="ambiguous_match" if step == "wait" else EVIL,
                message=EVIL,
                resolution=EVIL,
            )
        insert(db, "qbo_sync.sync_run", dag_id=EVIL, run_id=EVIL, realm_id=REALM, extracted=1, created=1)
        rules = [{"rule": EVIL, "expectation": EVIL, "fails_when": EVIL}]
        db.execute(
            "insert into qbo_sync.validation_suite (id, entity, side, rules) values (%s, 'invoice', 'qbo', %s)",
            [EVIL, jsonb(rules)],
        )
        insert(
            db, "qbo_sync.validation_result", dag_id="invoice_lms_to_qbo", run_id=EVIL, realm_id=REALM,
            entity="invoice", suite_id=EVIL, checked=2, set_aside=2,
            failed_rules=jsonb({EVIL: {"failed": 3, "records": [EVIL, f"open{ids['invoice']}"]}}),
        )  # fmt: skip
        proof = _proof(db, lab)
    return {"lab": lab, "off": off, "errors": errors, "preview": preview, "proof": proof, "invoice": ids["invoice"]}


def _proof(db: psycopg.Connection, lab: int) -> int:
    """A comparison of the books."""
    proof = insert(
        db, "qbo_sync.reconciliation", realm_id=REALM, dag_id=EVIL, run_id=EVIL, state="differs", read_reason=EVIL,
        finished_at="2026-11-26",
    )  # fmt: skip
    figures = ("invoices", "invoices_open", "credits", "credits_open", "payments", "payments_open")
    amounts = {f"{side}_{figure}": 1 for side in ("lms", "qbo") for figure in figures}
    insert(
        db, "qbo_sync.reconciliation_customer", reconciliation_id=proof, billing_lab_id=lab, customer=EVIL, name=EVIL,
        parent=EVIL, qbo_other=1, differences=1, unexplained=1, **amounts,
    )  # fmt: skip
    insert(
        db, "qbo_sync.reconciliation_difference", reconciliation_id=proof, billing_lab_id=lab, entity="invoice",
        lms_id=1, qbo_id=EVIL, number=EVIL, lms_customer=EVIL, qbo_customer=EVIL, lms_amount=1, lms_open=1,
        qbo_amount=1, qbo_open=1, cause="drift", explained=False, reason=EVIL, what_to_do=EVIL, fix="compare",
    )  # fmt: skip
    return proof


def _invoice(pair: int) -> Invoice:
    """What the audit keeps of an invoice."""
    line = InvoiceLine(product=None, description=EVIL, quantity=ZERO, unit_price=ZERO, amount=ZERO)
    customer = RecordKey("doctor_office", str(pair))
    day = date(2026, 11, 18)
    return Invoice(number=EVIL, date=day, customer=customer, lines=(line,), total=ZERO, memo=EVIL)


def _error(db: psycopg.Connection, lab: int, entity: str, lms_id: int, status: str) -> int:
    inward = status == "ignored"
    sides = {"sides": _sides()} if inward else {}
    error = insert(
        db, "qbo_sync.sync_error", billing_lab_id=lab, realm_id=REALM, entity=entity,
        direction="qbo_to_lms" if inward else "lms_to_qbo", operation="create", lms_id=lms_id, qbo_id=EVIL,
        document_number=EVIL, error_code="customer_not_linked" if entity == "invoice" else EVIL, message=EVIL,
        resolution=EVIL, status=status, dag_id=EVIL, run_id=EVIL, task_id=EVIL, record_entity=entity,
        record_id=f"{status}{lms_id}",
        detail=jsonb({"customer_id": EVIL, "customer_name": EVIL, EVIL: EVIL, **sides}),
    )  # fmt: skip
    if not inward:
        insert(db, "qbo_sync.error_retry", sync_error_id=error, user_name=EVIL, dag_id=EVIL, run_id=EVIL)
    return error


def _sides() -> dict[str, Any]:
    """Both sides of a record, with it in every text."""
    document = Document(
        kind="invoice", number=EVIL, customer=EVIL, method=EVIL, memo=EVIL, name=EVIL, parent=EVIL, structure=EVIL,
        email=EVIL, phone=EVIL, description=EVIL, date=date(2026, 11, 18),
        lines=(DocumentLine(product=EVIL, description=EVIL, quantity=ZERO, unit_price=ZERO, amount=ZERO),),
        applied=(Applied(document=EVIL, amount=ZERO),),
    )  # fmt: skip
    shown = as_detail(document)
    other = {**shown, "number": EVIL * 2, "lines": [], "applied": []}
    return {
        "lms": shown, "qbo": other, "differs": ["number", "lines", EVIL], "absent": {"lms": EVIL, "qbo": EVIL},
        "qbo_id": EVIL, "qbo_version": EVIL, "as_of": "2026-11-22T08:00:00+00:00",
    }  # fmt: skip


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


def test_what_people_write_is_text_wherever_it_appears(site: Site, evil: dict[str, Any]) -> None:
    ada = site.visitor("ada")
    lab, off, errors = evil["lab"], evil["off"], evil["errors"]
    shown = [
        "/", "/connect", f"/labs/{lab}", f"/labs/{off}", f"/labs/{lab}/connect", f"/labs/{off}/connect",
        f"/labs/{lab}/settings", f"/labs/{lab}/disconnect",
        f"/labs/{lab}/sync-again?{urlencode(dict.fromkeys(('kind', 'numbers', 'lms_ids', 'qbo_ids'), EVIL))}",
        f"/errors?lab={lab}", f"/errors?lab={lab}&status=ignored",
        f"/history?lab={lab}", f"/history?{urlencode({'q': EVIL})}",
        f"/history/record?{urlencode({'realm': REALM, 'entity': 'invoice', 'lms': evil['invoice']})}",
        f"/activity?lab={lab}", "/activity?window=week", "/changes",
        "/previews", f"/previews/{evil['preview']}", f"/labs/{lab}/preview",
        f"/undo?{urlencode({'dag_id': 'invoice_lms_to_qbo', 'run_id': EVIL, 'realm': REALM})}",
        f"/validation?{urlencode({'dag_id': 'invoice_lms_to_qbo', 'run_id': EVIL})}",
        "/books", f"/labs/{lab}/books", *(f"/errors/{error}" for error in errors),
    ]  # fmt: skip
    for path in shown:
        answer = ada.get(path)
        page = read(answer.text)
        assert answer.status_code == 200 and not page.faults, (path, answer.status_code, page.faults)
        assert SHOWN in page.text, f"{path} does not show it as it is"
        assert "<probe" not in answer.text and "$49" not in answer.text and "\u202e" not in answer.text, path
    assert ada.get(f"/labs/{lab}/books/{evil['proof']}.pdf").content.startswith(b"%PDF-")


def test_what_visitors_ask_for_is_text_too(site: Site, evil: dict[str, Any]) -> None:
    ada = site.visitor("ada")
    invoice = evil["errors"][6]
    for path in (
        "/errors",
        f"/errors/{invoice}",
        "/activity",
        "/history",
        "/history/record",
        "/oauth/callback",
        "/nowhere",
        "/",
    ):
        names = (
            "amount",
            "since",
            "until",
            "realm",
            "entity",
            "lms",
            "qbo",
            "q",
            "match",
            "lab",
            "status",
            "entity",
            "window",
            "done",
            "n",
            "state",
            "code",
            "realmId",
            "error",
        )
        answer = ada.get(path, params=dict.fromkeys(names, EVIL))
        assert not read(answer.text).faults and "<probe" not in answer.text, path


def test_forms_give_back_what_was_filled_in_as_text(site: Site, evil: dict[str, Any]) -> None:
    ada = site.visitor("ada")
    lab, errors = evil["lab"], evil["errors"]
    csrf = ada.csrf(f"/labs/{lab}/settings")
    fields = dict.fromkeys(("direction", "income_account_id", "sync_start_date", "receiver", "version", EVIL), EVIL)
    sent: list[tuple[str, dict[str, Any]]] = [
        (f"/labs/{lab}/settings", fields),
        (f"/labs/{lab}/settings", {"direction": "lms_to_qbo", "income_account_id": "1", "deposit_account_id": EVIL}),
        (
            f"/labs/{lab}/sync-again",
            dict.fromkeys(("kind", "from_date", "to_date", "numbers", "lms_ids", "qbo_ids"), EVIL),
        ),
        (f"/labs/{lab}/sync-again", {"kind": "invoice_lms_to_qbo", "numbers": EVIL}),
        (f"/labs/{lab}/sync-again", {"kind": "payment_lms_to_qbo", "lms_ids": EVIL}),
        (f"/labs/{lab}/sync-again", {"kind": "payment_qbo_to_lms", "qbo_ids": EVIL}),
        ("/errors", {"action": "ignore", "error": str(errors[0]), "q": EVIL}),
        (f"/errors/{errors[6]}/link", {"match": f"billing_account:{2**62}"}),
        (f"/errors/{errors[6]}/link", {"match": EVIL}),
        (f"/labs/{lab}/check", {}),
    ]
    for path, filled in sent:
        answer = ada.post(path, filled, csrf=csrf)
        assert answer.status_code < 500, (path, answer.status_code)
        assert not read(answer.text).faults and "<probe" not in answer.text, path


def test_no_address_and_no_header_carries_it(site: Site, evil: dict[str, Any]) -> None:
    """Locations are made of our own paths; a line break in a value makes no header."""
    ada = site.visitor("ada")
    log = ada.get(f"/errors/{evil['errors'][0]}/log")
    assert (
        log.status_code == 303 and log.headers["location"].startswith("/dags/") and "<" not in log.headers["location"]
    )
    csrf = ada.csrf("/errors")
    broken = "x\r\nSet-Cookie: stolen=1\r\n\r\n<probe>"
    answer = ada.post("/errors", {"action": "retry", "q": broken, "status": "//evil.example"}, csrf=csrf)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/quickbooks/errors?")
    assert "stolen" not in str(answer.cookies) and "stolen" not in answer.headers.get("set-cookie", "")
    for path in ("//evil.example", "/%2f%2fevil.example", "/errors/https:%2f%2fevil.example/log", "/\\evil.example"):
        strange = ada.get(path)
        assert strange.status_code == 404 and "location" not in strange.headers, path


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_do_nothing(site: Site, method: str) -> None:
    for who in (site.visitor(None), site.visitor("ada")):
        for path in ("/", "/errors", "/labs/1/connect", "/webhook"):
            answer = who.session.request(method, f"{site.page}{path}", timeout=30)
            assert answer.status_code in (401, 404, 405), (method, path, answer.status_code)
            assert "access-control-allow-origin" not in answer.headers
