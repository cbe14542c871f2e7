"""Links to a company's documents in QuickBooks' own web pages."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from include.qbo.oauth import OAuthApp

_APP = {"production": "https://app.qbo.intuit.com/app", "sandbox": "https://app.sandbox.qbo.intuit.com/app"}
_NAMES = {"production": "QuickBooks Online", "sandbox": "Intuit sandbox", "local": "Local sandbox"}
#: (page of QuickBooks' app, its parameter, kind in the local sandbox's pages)
_DOCUMENTS = {
    "invoice": ("invoice", "txnId", "Invoice"),
    "credit": ("creditmemo", "txnId", "CreditMemo"),
    "payment": ("recvpayment", "txnId", "Payment"),
    "billing_account": ("customerdetail", "nameId", None),
    "doctor_office": ("customerdetail", "nameId", None),
    "customer": ("customerdetail", "nameId", None),
    "product": ("items", None, None),
    "special_item": ("items", None, None),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class QuickBooksWeb:
    """Which QuickBooks it is: production, Intuit's sandbox, or the local stand-in."""

    environment: str
    local_url: str

    @property
    def name(self) -> str:
        """For people."""
        return _NAMES[self.environment]

    def document(self, realm_id: str, entity: str, qbo_id: str | None) -> str | None:
        """The page of a record, or None if there is none to show."""
        if not qbo_id or entity not in _DOCUMENTS:
            return None
        page, parameter, kind = _DOCUMENTS[entity]
        if self.environment == "local":
            company = f"{self.local_url}/companies/{quote(realm_id, safe='')}"
            return f"{company}/{kind}/{quote(qbo_id, safe='')}" if kind else company
        address = f"{_APP[self.environment]}/{page}"
        return f"{address}?{parameter}={quote(qbo_id, safe='')}" if parameter else address


def web_of(app: OAuthApp) -> QuickBooksWeb:
    """Judged by the API's host."""
    host = urlsplit(app.api_base_url).hostname or ""
    if host == "quickbooks.api.intuit.com":
        environment = "production"
    elif host.endswith(".intuit.com"):
        environment = "sandbox"
    else:
        environment = "local"
    return QuickBooksWeb(environment=environment, local_url=app.api_base_url)
