"""A QuickBooks whose answers cannot be: an HTTP proxy before the sandbox that spoils records and whole answers by seed.

What the sandbox refuses to hold (fields that are missing, of another type, NaN), it puts in on the way back. The
sandbox itself stays sound: the bookkeeper of the tests asks it directly, and so knows what is true.
"""

import copy
import http.client
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import simplejson

from tests.support.quickbooks import Json
from tests.support.world import World

Spoil = Callable[[Json], Any]

_WRONG: tuple[Any, ...] = (7, "abc", [], {}, True, [None], {"value": 5}, "<html><body>502</body></html>", "")


def _without(name: str) -> Spoil:
    return lambda record: {key: value for key, value in record.items() if key != name}


def _with(name: str, value: Any) -> Spoil:
    return lambda record: {**record, name: value}


def _many_lines(record: Json) -> Json:
    """10,000 lines whose sum is not the total."""
    return {**record, "Line": [line for line in record.get("Line", []) for _ in range(10_000)][:10_000]}


def _mystery_lines(record: Json) -> Json:
    lines = [
        {**line, "DetailType": "Mystery", "LinkedTxn": [{"TxnId": "9", "TxnType": "Mystery"}]}
        for line in record.get("Line", [])
    ]
    return {**record, "Line": lines}


def _enormous_lines(record: Json) -> Json:
    """Lines of which no product of quantity and price can be rounded to the cent."""
    lines = [
        {**line, "SalesItemLineDetail": {**line.get("SalesItemLineDetail", {}), "Qty": 10**13, "UnitPrice": 10**14}}
        for line in record.get("Line", [])
    ]
    return {**record, "Line": lines}


#: What is wrong with a record, whatever it is. (Lines that are missing are QuickBooks' own trap 50.)
SPOILS: Mapping[str, Spoil] = {
    **{f"no {name}": _without(name) for name in ("SyncToken", "TxnDate", "CustomerRef", "MetaData", "TotalAmt")},
    **{
        f"{name} is {value!r}": _with(name, value)
        for name in ("SyncToken", "TxnDate", "CustomerRef", "MetaData", "TotalAmt", "Line")
        for value in _WRONG
        if not (name == "Line" and value in ([], "")) and not (name == "TotalAmt" and value == 7)
    },
    **{
        f"TotalAmt is {value}": _with("TotalAmt", value)
        for value in (float("nan"), float("inf"), 10**400, 10**20, -(10**14), 9 * 10**14)
    },
    "5,000 digits": _with("TotalAmt", Decimal("9" * 5000)),
    "a day that is none": _with("TxnDate", "2026-02-31"),
    "the customer is null": _with("CustomerRef", {"value": None}),
    "an unknown currency": _with("CurrencyRef", {"value": "XXX"}),
    "10,000 lines": _many_lines,
    "unknown kinds of lines": _mystery_lines,
    "enormous lines": _enormous_lines,
    "null": lambda record: None,
    "a word": lambda record: "Invoice",
    "a list": lambda record: [record],
    "no Id": _without("Id"),
    "an Id that is none": _with("Id", "12; DROP"),
}

#: Those of them that could be true.
PLAUSIBLE = {
    f"TotalAmt is {9 * 10**14}",
    f"TotalAmt is {-(10**14)}",
    "an unknown currency",
    "10,000 lines",
    "unknown kinds of lines",
}

#: Whole answers that are none.
BODIES: tuple[bytes, ...] = (
    b"", b"null", b"[]", b"7", b'"ok"', b"<html>Bad Gateway</html>", b"{", b"\xff\xfe", b"{}" + b"x" * 9,
    b"[" * 100_000,
)  # fmt: skip


@dataclass
class Hostility:
    """What the proxy spoils. Records by (resource, id): always in the same way, until nothing is spoiled any more."""

    seed: int
    records: dict[tuple[str, str], str] = field(default_factory=dict)
    #: So many answers to come are replaced as a whole.
    bodies: int = 0
    #: So many records in answers to writes to come are spoiled.
    writes: int = 0
    #: The way in which every record is spoiled that a write makes from now on, in all answers.
    made: str | None = None
    #: Lists of records get one that is there twice, and one that nobody asked for.
    crowded: bool = False
    spoiled: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def any_spoil(self) -> str:
        """One of the ways to spoil a record."""
        return self._random.choice(sorted(SPOILS))

    def answer(self, content: bytes, *, write: bool) -> bytes:
        """An answer of the sandbox, spoiled."""
        with self._lock:
            if self.bodies:
                self.bodies -= 1
                self.spoiled += 1
                return self._random.choice(BODIES)
            try:
                body = simplejson.loads(content, use_decimal=True)
            except ValueError:
                return content
            spoiled = self._in(body, write=write)
            return simplejson.dumps(spoiled, use_decimal=True, allow_nan=True).encode()

    def _in(self, value: Any, *, write: bool) -> Any:
        if isinstance(value, list):
            return [self._in(one, write=write) for one in value]
        if not isinstance(value, dict):
            return value
        return {name: self._member(name, inner, write=write) for name, inner in value.items()}

    def _member(self, name: str, inner: Any, *, write: bool) -> Any:
        if name in ("Invoice", "Payment", "CreditMemo") and isinstance(inner, list):
            found = [self._record(name, one) for one in inner]
            if self.crowded and found:
                stranger = {**copy.deepcopy(inner[0]), "Id": "987654321"}
                found = [found[-1], *found, stranger]
            return found
        if name in ("Invoice", "Payment", "CreditMemo") and isinstance(inner, dict):
            if write and self.writes:
                self.writes -= 1
                self.spoiled += 1
                return SPOILS[self._random.choice(sorted(set(SPOILS) - PLAUSIBLE))](inner)
            if write and self.made and "Id" in inner:
                self.records[name, inner["Id"]] = self.made
            return self._record(name, inner)
        return self._in(inner, write=write)

    def _record(self, resource: str, record: Json) -> Any:
        how = self.records.get((resource, record.get("Id", "")))
        if how is None:
            return record
        self.spoiled += 1
        return SPOILS[how](record)


@contextmanager
def before(world: World, hostility: Hostility) -> Iterator[None]:
    """The sync asks QuickBooks through the proxy; the bookkeeper goes on asking the sandbox itself."""
    target = urlsplit(world.qbo.url).netloc

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length) if length else None
            headers = {name: value for name, value in self.headers.items() if name not in ("Host", "Accept-Encoding")}
            sandbox = http.client.HTTPConnection(target, timeout=60)
            sandbox.request(self.command, self.path, content, headers)
            answer = sandbox.getresponse()
            body = answer.read()
            sandbox.close()
            if answer.status == 200:
                body = hostility.answer(body, write="requestid=" in self.path)
            self.send_response(answer.status)
            for name in ("Content-Type", "intuit_tid"):
                if answer.getheader(name):
                    self.send_header(name, str(answer.getheader(name)))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _pass_on

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    own = world.runtime
    world.runtime = replace(own, app=replace(own.app, api_base_url=f"http://127.0.0.1:{server.server_address[1]}"))
    try:
        yield
    finally:
        world.runtime = own
        server.shutdown()
        server.server_close()
        thread.join()
