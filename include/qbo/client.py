"""The HTTP client of one QuickBooks company.

It adds to a plain session what QuickBooks asks for: a token that is refreshed once after a 401, short jittered
retries under the same requestid, the shared budget, both fault envelopes, Decimal numbers, and one log line and
one audit row per request with its intuit_tid.
"""

import logging
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal

import requests
import simplejson

from include.qbo.errors import (
    OutcomeUnknown,
    ReconnectRequired,
    RequestRefused,
    ThrottleExceeded,
    Unavailable,
)
from include.qbo.faults import (
    MALFORMED,
    Fault,
    Remedy,
    fault_of_status,
    malformed,
    may_hide_a_write,
    parse_fault,
    sent,
)
from include.qbo.ports import ApiCall, CallLog, Throttle, TokenSource
from include.qbo.query import PAGE_SIZE, where_in
from include.qbo.query import chunks as in_chunks
from include.qbo.shape import flaw, is_id
from include.qbo.text import keepable, without_nulls

log = logging.getLogger(__name__)

MINOR_VERSION = "75"
#: Items of one batch (fact 6).
BATCH_SIZE = 30
#: Seconds: to connect, to answer. Intuit's gateway cuts a request at 120 s.
TIMEOUT = (10, 125)
ATTEMPTS = 4
THROTTLE_ATTEMPTS = 5

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long a client waits for QuickBooks: attempts at a request, waits after a 429, and (None: without end) the
    seconds that all its answers together may take. Only they count: time that our own machine is busy is not
    QuickBooks' slowness."""

    attempts: int
    throttle_attempts: int
    seconds: float | None = None

    @classmethod
    def hurried(cls, seconds: float) -> "Patience":
        """Others wait: one attempt, and answers that take no longer than this in all."""
        return cls(attempts=1, throttle_attempts=0, seconds=seconds)

    def timeout(self, waited: float) -> tuple[float, float]:
        """Seconds for the next request, to connect and to answer, after answers that have taken `waited` seconds.
        Raises Unavailable if there is no time left."""
        if self.seconds is None:
            return TIMEOUT
        left = self.seconds - waited
        if left <= 0:
            raise Unavailable("it answers too slowly to share a task with other companies")
        return min(left, TIMEOUT[0]), min(left, TIMEOUT[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """One record to create, update or delete: QuickBooks' name of the entity and the bare body."""

    operation: Literal["create", "update", "delete"]
    resource: str
    body: Json


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A malformed record in an answer."""

    #: None: not even that can be read.
    qbo_id: str | None
    wrong: str


def new_session() -> requests.Session:
    """Connections to QuickBooks. One thread may use them for one company after the other: no cookie is kept."""
    session = requests.Session()
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


class QboClient:
    """Requests to one company. Not for use by several threads at once: give each its own."""

    def __init__(
        self,
        *,
        api_base_url: str,
        realm_id: str,
        tokens: TokenSource,
        throttle: Throttle,
        calls: CallLog,
        patience: Patience | None = None,
        session: requests.Session | None = None,
    ) -> None:
        """Store what is needed; nothing is sent yet. `session`: a `new_session` that its thread has opened already."""
        self.realm_id = realm_id
        self._root = f"{api_base_url}/v3/company/{realm_id}"
        self._tokens = tokens
        self._throttle = throttle
        self._calls = calls
        self._patience = patience or Patience(attempts=ATTEMPTS, throttle_attempts=THROTTLE_ATTEMPTS)
        #: Seconds that QuickBooks has taken for its answers so far.
        self._waited = 0.0
        self._session = session or new_session()
        self._left_out: list[LeftOut] = []

    # ------------------------------------------------------------------ reading

    def query(self, statement: str) -> list[Json]:
        """One page of a query; [] when nothing is found. Raises RequestRefused for a bad statement.

        What is malformed is left out, here and in all that finds records: as if QuickBooks did not show it.
        """
        return self._sound(*self.page(statement))

    def page(self, statement: str) -> tuple[str, list[Any]]:
        """As `query`, as it came: the resource ("": nothing was found) and whatever stands in the place of records."""
        return _entities(self._send("query", None, path="query", text=statement))

    def find(
        self,
        resource: str,
        field: str,
        values: Sequence[str],
        *,
        also: str = "",
        refused: dict[str, Fault] | None = None,
    ) -> list[Json]:
        """All records of a resource whose field has one of the values, in as few calls as possible.

        Several IN lists travel as one batch of queries, which counts as one call of the quota (fact 3.3).
        `refused`: where QuickBooks refuses the question for the sake of some values, those go in here with the fault,
        and the others are asked for all the same. Without it, RequestRefused is raised.
        """
        statements = [where_in(resource, field, part, also=also) for part in in_chunks(values)]
        try:
            return [record for page in self.queries(statements) for record in page]
        except RequestRefused as refusal:
            if refused is None:
                raise
            distinct = sorted(set(values))
            if len(distinct) == 1:
                refused[distinct[0]] = refusal.fault
                return []
            halves = distinct[: len(distinct) // 2], distinct[len(distinct) // 2 :]
            return [
                record for half in halves for record in self.find(resource, field, half, also=also, refused=refused)
            ]

    @contextmanager
    def noting_what_is_left_out(self) -> Iterator[Sequence["LeftOut"]]:
        """The malformed records that all questions within the `with` leave out: nobody can tell what they are."""
        self._left_out = []
        yield self._left_out

    def _sound(self, resource: str, records: list[Any]) -> list[Json]:
        sound = []
        for one in records:
            wrong = flaw(resource, one)
            if wrong:
                log.warning("a %s in an answer of QuickBooks is malformed: %s", resource, wrong)
                qbo_id = one.get("Id") if isinstance(one, dict) else None
                self._left_out.append(LeftOut(qbo_id=qbo_id if is_id(qbo_id) else None, wrong=wrong))
            else:
                sound.append(one)
        return sound

    def find_all(self, resource: str, field: str, values: Sequence[str]) -> list[Json]:
        """As `find`, for a field that many records share (a day): page by page."""
        found: list[Json] = []
        for part in in_chunks(values):
            statement, start = where_in(resource, field, part), 1
            while True:
                page = self.page(statement.replace(" MAXRESULTS ", f" STARTPOSITION {start} MAXRESULTS "))
                found += self._sound(*page)
                start += PAGE_SIZE
                if len(page[1]) < PAGE_SIZE:
                    break
        return found

    def queries(self, statements: Sequence[str]) -> list[list[Json]]:
        """Several queries in one request, answers in their order. Each must fit one page."""
        return [self._sound(*page) for page in self._pages(statements)]

    def shown(self, resource: str, ids: Sequence[str]) -> list[Any]:
        """The records of these ids as queries show them, malformed ones too."""
        return [
            one for _, page in self._pages([where_in(resource, "Id", part) for part in in_chunks(ids)]) for one in page
        ]

    def _pages(self, statements: Sequence[str]) -> list[tuple[str, list[Any]]]:
        if not statements:
            return []
        if len(statements) == 1:
            return [self.page(statements[0])]
        pages: list[tuple[str, list[Any]]] = []
        # A whole batch answers at most 1000 objects (fact 6), so only few IN lists go together.
        for start in range(0, len(statements), PAGE_SIZE // 200):
            part = statements[start : start + PAGE_SIZE // 200]
            items = [{"bId": str(position), "Query": text} for position, text in enumerate(part)]
            answer = self._send("batch", None, path="batch", body={"BatchItemRequest": items}, items=len(part))
            by_id = _items(answer)
            for position in range(len(part)):
                if str(position) not in by_id:
                    raise Unavailable(f"QuickBooks company {self.realm_id} left a query of a batch unanswered")
                item = by_id[str(position)]
                fault = parse_fault(item, status=400)
                if fault:
                    raise RequestRefused(fault)
                pages.append(_entities(item))
        return pages

    def read(self, resource: str, record_id: str) -> Json | Fault:
        """One record by its id, or the fault (610: it is gone; or that the answer is no such record)."""
        answer = self._send("read", resource, path=f"{resource.lower()}/{record_id}", raise_fault=False)
        if isinstance(answer, Fault):
            return answer
        found = answer.get(resource)
        wrong = flaw(resource, found) or ("it is another record" if found["Id"] != record_id else None)
        return malformed(wrong) if wrong else dict(found)

    def read_alone(self, resource: str, record_id: str) -> Json | Fault:
        """As `read`; where QuickBooks keeps breaking at this record and answers otherwise, that is a fault, too:
        it must not stop the others. Raises Unavailable if it does not answer at all."""
        try:
            return self.read(resource, record_id)
        except Unavailable:
            self.company_info()
            return fault_of_status(502)

    def preferences(self) -> Json:
        """The company's preferences (fact 9.8)."""
        return dict(self._send("read", "Preferences", path="preferences")["Preferences"])

    def company_info(self) -> Json:
        """Name and address of the company."""
        return dict(self._send("read", "CompanyInfo", path=f"companyinfo/{self.realm_id}")["CompanyInfo"])

    def cdc(self, resources: Sequence[str], changed_since: str) -> Json:
        """What changed in these resources since a moment, as it came (fact 5; include/qbo/cdc.py reads it)."""
        parameters = {"entities": ",".join(resources), "changedSince": changed_since}
        return dict(self._send("cdc", None, path="cdc", parameters=parameters, items=len(resources)))

    def server_time(self) -> str:
        """The moment by QuickBooks' own clock."""
        return str(self._send("read", "CompanyInfo", path=f"companyinfo/{self.realm_id}")["time"])

    # ------------------------------------------------------------------ writing

    def write(self, writes: Sequence[Write], *, request_id: str, again: bool = False) -> list[Json | Fault]:
        """Send the writes as one request under one requestid; one result for each, in their order.

        `again`: they were sent before, and the answer was lost; when, whoever kept them knows.

        A single write uses the entity's own call, several a batch (at most BATCH_SIZE). Raises OutcomeUnknown when
        the answer is lost: the same writes may be sent again under the same id. Raises RequestRefused when a batch was
        refused as a whole and nothing was done; a fault that may hide creates is the result of each of them, for sent
        under another id they might be there twice (trap 6). After a lost answer the refusal of a batch says nothing of
        any record: each create is then as good as unanswered.
        """
        started = time.monotonic()
        if len(writes) == 1:
            write = writes[0]
            parameters = {"operation": "delete"} if write.operation == "delete" else {}
            answer = self._send(
                write.operation,
                write.resource,
                path=write.resource.lower(),
                body=write.body,
                parameters=parameters,
                request_id=request_id,
                again=again,
                raise_fault=False,
            )
            seconds = None if again else time.monotonic() - started
            return [sent(answer, seconds) if isinstance(answer, Fault) else _written(write, answer, seconds)]
        items = [
            {"bId": str(position), "operation": write.operation, write.resource: write.body}
            for position, write in enumerate(writes)
        ]
        answer = self._send(
            "batch",
            None,
            path="batch",
            body={"BatchItemRequest": items},
            request_id=request_id,
            again=again,
            items=len(items),
            raise_fault=False,
        )
        seconds = None if again else time.monotonic() - started
        if isinstance(answer, Fault):
            if may_hide_a_write(answer) and all(write.operation == "create" for write in writes):
                lost = replace(fault_of_status(502), answered_at=answer.answered_at)
                return [sent(lost if answer.after_lost_answer else answer, seconds)] * len(writes)
            raise RequestRefused(answer)
        # Also after a lost answer the faults of items are the first ones, under the same requestid (fact 2.4).
        by_id, tid = _items(answer), str(answer.get("intuit_tid", ""))
        results: list[Json | Fault] = []
        for position, write in enumerate(writes):
            item = by_id.get(str(position), {})
            fault = parse_fault(item, status=400, intuit_tid=tid)
            at = str(answer.get("time") or "")
            results.append(sent(fault, seconds, at) if fault else _written(write, item, seconds, at))
        return results

    # ------------------------------------------------------------------ one request

    def _send(
        self,
        operation: str,
        resource: str | None,
        *,
        path: str,
        body: Json | None = None,
        text: str | None = None,
        parameters: Mapping[str, str] | None = None,
        request_id: str | None = None,
        again: bool = False,
        items: int = 1,
        raise_fault: bool = True,
    ) -> Any:
        """Send until there is an answer that means something. Returns the parsed body, or the fault if asked to."""
        url = f"{self._root}/{path}"
        query = {"minorversion": MINOR_VERSION, **(parameters or {})}
        if request_id:
            query["requestid"] = request_id
        # Sorted: a request that is read back and sent again has the very same bytes.
        content = simplejson.dumps(body, use_decimal=True, sort_keys=True) if body is not None else text
        headers = {"Content-Type": "application/json" if body is not None else "application/text"}
        writes = request_id is not None
        metered = not writes
        call = _Call(operation, resource, items, metered, request_id)
        patience = self._patience
        attempts_left, throttles_left, refreshed = patience.attempts, patience.throttle_attempts, False
        lost = again
        while True:
            token = self._tokens.current()
            result = self._attempt(call, url, query, content, {**headers, "Authorization": f"Bearer {token}"})
            if not isinstance(result, (Fault, requests.RequestException)):
                return result
            remedy = result.remedy if isinstance(result, Fault) else Remedy.RETRY
            if remedy is Remedy.REFRESH and not refreshed:
                self._tokens.replace(token)
                refreshed = True
            elif remedy is Remedy.WAIT and throttles_left:
                throttles_left -= 1
                seconds = self._throttle.pause(patience.throttle_attempts - throttles_left)
                log.warning("QuickBooks company %s is throttled; pausing %.0f s", self.realm_id, seconds)
            elif remedy is Remedy.RETRY and attempts_left > 1:
                attempts_left -= 1
                lost = lost or not (isinstance(result, Fault) and result.status < 500)
                time.sleep((patience.attempts - attempts_left) ** 2 * random.uniform(0.3, 0.7))
            else:
                if isinstance(result, Fault):
                    result = replace(result, after_lost_answer=lost)
                return self._give_up(result, remedy, writes=writes, raise_fault=raise_fault)

    def _give_up(
        self, result: Fault | requests.RequestException, remedy: Remedy, *, writes: bool, raise_fault: bool
    ) -> Fault:
        if isinstance(result, requests.RequestException) or remedy is Remedy.RETRY:
            what = result.message if isinstance(result, Fault) else type(result).__name__
            # A 10000 or a gateway error may hide a write that was done (trap 6).
            kind = OutcomeUnknown if writes else Unavailable
            raise kind(f"QuickBooks company {self.realm_id} kept failing: {what}") from None
        if remedy is Remedy.WAIT:
            raise ThrottleExceeded(f"QuickBooks company {self.realm_id} answers 429 although we waited")
        if remedy in (Remedy.RECONNECT, Remedy.REFRESH):
            raise ReconnectRequired(f"QuickBooks company {self.realm_id} refuses our grant: {result.message}")
        if raise_fault:
            raise RequestRefused(result)
        return result

    def _attempt(
        self,
        call: "_Call",
        url: str,
        query: Mapping[str, str],
        content: str | None,
        headers: Mapping[str, str],
    ) -> Any:
        """One HTTP request: its parsed body, a Fault, or the exception that stood in for an answer."""
        method = "GET" if content is None else "POST"
        with self._throttle.slot("batch" if call.operation == "batch" else "request"):
            timeout = self._patience.timeout(self._waited)
            started = time.monotonic()
            result: Any
            try:
                answer = self._session.request(
                    method,
                    url,
                    params=query,
                    data=content.encode() if content is not None else None,
                    headers=dict(headers),
                    timeout=timeout,
                )
                status, tid = answer.status_code, answer.headers.get("intuit_tid", "")
                result = _parse(answer, tid)
            except requests.RequestException as error:
                status, tid, result = None, "", error
            seconds = time.monotonic() - started
            self._waited += seconds
            duration_ms = round(seconds * 1000)
        self._record(call, result, status, tid, duration_ms)
        return result

    def _record(self, call: "_Call", result: Any, status: int | None, tid: str, duration_ms: int) -> None:
        fault_code = result.code if isinstance(result, Fault) else None
        if isinstance(result, dict) and call.request_id and call.resource:
            fault_code = MALFORMED if flaw(call.resource, result.get(call.resource)) else None
        log.info(
            "QuickBooks %s %s (%d): %s%s in %d ms, intuit_tid %s",
            call.operation,
            call.resource or "",
            call.items,
            status or type(result).__name__,
            f" fault {fault_code}" if fault_code else "",
            duration_ms,
            tid or "none",
        )
        self._calls.record(
            ApiCall(
                operation=call.operation,
                resource=call.resource,
                items=call.items,
                metered=call.metered,
                status=status,
                fault_code=fault_code,
                intuit_tid=tid or None,
                request_id=call.request_id,
                duration_ms=duration_ms,
            )
        )


@dataclass(frozen=True, slots=True)
class _Call:
    operation: str
    resource: str | None
    items: int
    metered: bool
    request_id: str | None


def _parse(answer: requests.Response, tid: str) -> Any:
    """The body as Python values, or the fault it holds. An answer that is no JSON is a fault of its status."""
    try:
        body = simplejson.loads(answer.content, use_decimal=True, parse_int=_integer, parse_constant=str)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        # Garbage with a 200 tells nothing about the outcome: as good as a lost answer.
        return fault_of_status(answer.status_code if answer.status_code >= 400 else 502, intuit_tid=tid)
    if b"\\u" in answer.content:  # in JSON such characters come escaped only; to look at all costs more than to parse
        body = keepable(body)
    if b"null" in answer.content:
        body = without_nulls(body)
    fault = parse_fault(body, status=answer.status_code, intuit_tid=tid)
    if fault:
        return fault
    if answer.status_code >= 400:
        return fault_of_status(answer.status_code, intuit_tid=tid)
    if "BatchItemResponse" in body:
        body["intuit_tid"] = tid
    return body


def _integer(text: str) -> int | Decimal:
    """Python makes no int of thousands of digits. (What JSON does not know either, NaN and Infinity, stays a word.)"""
    return int(text) if len(text) < 30 else Decimal(text)


def _entities(answer: Json) -> tuple[str, list[Any]]:
    """The records of a QueryResponse: its one member that is a list (absent when nothing was found)."""
    response = answer.get("QueryResponse")
    members = response.items() if isinstance(response, dict) else ()
    return next(((name, value) for name, value in members if isinstance(value, list)), ("", []))


def _items(answer: Json) -> dict[str, Json]:
    """The items of a batch's answer, by their ids."""
    items = answer.get("BatchItemResponse")
    found = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return {str(item.get("bId")): item for item in found}


def _written(write: Write, answer: Json, seconds_ago: float | None, answered_at: str = "") -> Json | Fault:
    """The record in the answer to a write. Without one nobody can tell what was done: that is as good as a failure
    inside QuickBooks."""
    found = answer.get(write.resource)
    wrong = flaw(write.resource, found)
    if wrong or found is None:
        log.warning("the answer to a %s of a %s is malformed: %s", write.operation, write.resource, wrong)
        at = answered_at or str(answer.get("time") or "")
        return sent(fault_of_status(502), seconds_ago, at)
    return dict(found)
