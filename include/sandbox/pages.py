"""The web page: a company's books as a bookkeeper sees them, to be looked at and changed by hand (issue 3).

Forms go through the same operations as the API; whatever QuickBooks would refuse is refused here in its words.
"""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from . import faults
from .entities import KINDS
from .layout import amount, link, page, table
from .operations import operation_of, perform
from .page_forms import PAGE_KINDS, form_for, request_from
from .schema import Body
from .store import Company, Record, id_order
from .work import Work

if TYPE_CHECKING:
    from .server import Server

SHOWN = 200


class Pages:
    """Routes of the web page."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/companies", self.add_company, methods=["POST"]),
            Route("/companies/{realm}", self.company, methods=["GET"]),
            Route("/companies/{realm}/Customer", self.add_customer, methods=["POST"]),
            Route("/companies/{realm}/{kind}/new", self.form, methods=["GET"]),
            Route("/companies/{realm}/{kind}/{id}", self.form, methods=["GET"]),
            Route("/companies/{realm}/{kind}", self.write, methods=["POST"]),
        ]

    async def home(self, request: Request) -> Response:
        """All companies."""
        rows = [
            [
                link(f"/companies/{c.realm}", c.name),
                escape(c.realm),
                *(str(len(c.table(kind).records)) for kind in ("Customer", "Invoice", "Payment")),
            ]
            for c in self.server.companies.values()
        ]
        body = table(["Company", "Realm id", "Customers", "Invoices", "Payments"], rows, {2, 3, 4})
        body += (
            '<form method="post" action="/companies" class="line"><input name="name" placeholder="Name" required>'
            "<button>New company</button></form>"
        )
        return HTMLResponse(page("QuickBooks sandbox", body))

    async def add_company(self, request: Request) -> Response:
        """A new one by hand."""
        form = await _form(request)
        company = self.server.add_company(form.get("name") or "Sandbox Company")
        self.server.journal.flush()
        return RedirectResponse(f"/companies/{company.realm}", 303)

    async def company(self, request: Request) -> Response:
        """Customers, invoices, credit memos and payments of one company."""
        company = self.server.companies.get(request.path_params["realm"])
        if company is None:
            return HTMLResponse(page("Not found", "<p>There is no such company.</p>"), 404)
        search = request.query_params.get("q", "").casefold()
        base = f"/companies/{company.realm}"
        notice = request.query_params.get("said", "")
        body = f'<p class="said">{escape(notice)}</p>' if notice else ""
        body += (
            f'<form class="line"><input name="q" value="{escape(search)}" placeholder="Name or number">'
            f"<button>Search</button></form><p>{link('/', 'All companies')} · {escape(company.realm)}</p>"
        )
        body += self._customers(company, search)
        for kind in PAGE_KINDS:
            body += self._transactions(company, kind, search, base)
        return HTMLResponse(page(company.name, body))

    def _customers(self, company: Company, search: str) -> str:
        held = company.table("Customer")
        found = [r for r in held.records.values() if search in str(held.value(r, "FullyQualifiedName")).casefold()]
        found.sort(key=lambda record: str(held.value(record, "FullyQualifiedName")).casefold())
        rows = [
            [
                escape(str(held.value(r, "FullyQualifiedName")).replace(":", " › ")),
                "" if held.value(r, "Active") is not False else "inactive",
                amount(company.balance(r.id)),
                amount(company.family_balance(r.id)),
            ]
            for r in found[:SHOWN]
        ]
        add = (
            f'<form method="post" action="/companies/{company.realm}/Customer" class="line">'
            '<input name="DisplayName" placeholder="Name" required><button>New customer</button></form>'
        )
        heads = ["Customer", "", "Balance", "With sub-customers"]
        return _section("Customers", len(found), "") + add + table(heads, rows, {2, 3})

    def _transactions(self, company: Company, kind: str, search: str, base: str) -> str:
        bodies = [record.load() for record in self._newest(company, kind, search)]
        total = len(company.table(kind).records)
        number = "PaymentRefNum" if kind == "Payment" else "DocNumber"
        open_name = "UnappliedAmt" if kind == "Payment" else "Balance"
        rows = [
            [
                link(f"{base}/{kind}/{body['Id']}", body.get(number) or f"#{body['Id']}"),
                escape(body["TxnDate"]),
                escape(body.get("CustomerRef", {}).get("name", "")),
                escape(_status(kind, body)),
                amount(body["TotalAmt"]),
                amount(body.get(open_name, Decimal(0))),
            ]
            for body in bodies
        ]
        heads = ["Number", "Date", "Customer", "Status", "Total", "Unapplied" if kind == "Payment" else "Open"]
        title = {"Invoice": "Invoices", "CreditMemo": "Credit memos", "Payment": "Payments"}[kind]
        return _section(title, total, link(f"{base}/{kind}/new", "New")) + table(heads, rows, {4, 5})

    def _newest(self, company: Company, kind: str, search: str) -> list[Record]:
        held = company.table(kind)
        number = "PaymentRefNum" if kind == "Payment" else "DocNumber"
        names = {
            record.id
            for record in company.table("Customer").records.values()
            if search in str(company.table("Customer").value(record, "FullyQualifiedName")).casefold()
        }
        found: list[Record] = []
        for record in sorted(held.records.values(), key=id_order, reverse=True):
            if len(found) >= SHOWN:
                break
            text = str(held.value(record, number) or record.id).casefold()
            if not search or search in text or held.value(record, "CustomerRef") in names:
                found.append(record)
        return found

    async def add_customer(self, request: Request) -> Response:
        """A new customer by hand."""
        company = self.server.companies.get(request.path_params["realm"])
        if company is None:
            return HTMLResponse(page("Not found", "<p>There is no such company.</p>"), 404)
        name = (await _form(request)).get("DisplayName", "")
        try:
            perform(Work(self.server, company), KINDS["Customer"], "create", {"DisplayName": name}, {})
            said = f"Customer {name} created."
        except faults.Fault as problem:
            said = f"{problem.code}: {problem.detail}"
        self.server.journal.flush()
        return RedirectResponse(f"/companies/{company.realm}?said={quote(said)}", 303)

    async def form(self, request: Request) -> Response:
        """The form of one transaction, new or to be edited."""
        company = self.server.companies.get(request.path_params["realm"])
        kind = request.path_params["kind"]
        record_id = request.path_params.get("id")
        if company is None or kind not in PAGE_KINDS:
            return HTMLResponse(page("Not found", "<p>There is no such page.</p>"), 404)
        body: Body = {}
        if record_id is not None:
            record = company.table(kind).records.get(record_id)
            if record is None:
                return HTMLResponse(page("Not found", f"<p>{kind} {escape(record_id)} does not exist.</p>"), 404)
            body = record.load()
        return self._show_form(company, kind, body, "")

    def _show_form(self, company: Company, kind: str, body: Body, problem: str, status: int = 200) -> Response:
        base = f"/companies/{company.realm}"
        content = f'<p class="bad">{escape(problem)}</p>' if problem else ""
        content += form_for(company, kind, body, f"{base}/{kind}")
        title = f"{kind} {body.get('DocNumber') or body.get('Id') or '(new)'}"
        back = f"<p>{link(base, company.name)}</p>"
        return HTMLResponse(page(title, back + content), status)

    async def write(self, request: Request) -> Response:
        """Create, save, void or delete by hand."""
        company = self.server.companies.get(request.path_params["realm"])
        kind_name = request.path_params["kind"]
        if company is None or kind_name not in PAGE_KINDS:
            return HTMLResponse(page("Not found", "<p>There is no such page.</p>"), 404)
        form = await _form(request)
        kind, action = KINDS[kind_name], form.get("action", "save")
        body: Body = {}
        try:
            body = request_from(company, kind_name, form)
            chosen = {"operation": action} if action in ("delete", "void") else {}
            operation = operation_of(kind, body, chosen)
            perform(Work(self.server, company), kind, operation, body, {"include": "allowduplicatedocnum"})
        except faults.Fault as problem:
            shown: Any = company.peek(kind_name, str(body.get("Id", ""))) or {}
            return self._show_form(company, kind_name, dict(shown) | body, f"{problem.code}: {problem.detail}", 400)
        self.server.journal.flush()
        said = {"delete": "deleted", "void": "voided", "update": "saved", "create": "created"}[operation]
        return RedirectResponse(f"/companies/{company.realm}?said={quote(f'{kind_name} {said}.')}", 303)


def _section(title: str, count: int, extra: str) -> str:
    return f"<h2>{title} <small>{count}</small> {extra}</h2>"


def _status(kind: str, body: Body) -> str:
    if str(body.get("PrivateNote", "")).startswith("Voided"):
        return "voided"
    if kind == "Payment":
        return "deposited" if any(link["TxnType"] == "Deposit" for link in body.get("LinkedTxn", [])) else ""
    return "paid" if not body["Balance"] else ""


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
