"""Where QuickBooks reports that something has changed (docs/decisions/0015).

The one route without a login: Intuit has none. It accepts only what is signed with the app's verifier token, and uses
only which companies have changed; the change capture is woken and reads QuickBooks itself.

Airflow's api-server serves it with the page. `python -m include.webhook` serves nothing else (docs/decisions/0038).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from airflow.exceptions import AirflowNotFoundException
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from include.orchestration.quickbooks_hook import QuickBooksHook
from include.orchestration.runtime import PAGE_CONNECTION_ID, open_lms
from include.qbo.webhook import SIGNATURE_HEADER, changed_companies, is_genuine

log = logging.getLogger(__name__)

#: The same below either address.
PATH = "/quickbooks/webhook"
#: Bytes. An event has ids only, some hundred bytes each.
LARGEST = 1_000_000
#: Seconds from one transaction that keeps notifications to the next: what comes meanwhile is kept together by that one.
APART = 0.1
#: Seconds for which a verifier token that was read holds: a storm does not read Airflow's connection for each delivery.
TOKEN_HOLDS = 2.0


class Verifier:
    """The app's verifier token, as the Airflow connection had it at most TOKEN_HOLDS seconds ago."""

    def __init__(self) -> None:
        self._token = ""
        self._good_until = 0.0
        self._one_reads = asyncio.Lock()

    async def token(self) -> str:
        """Empty if there is none."""
        async with self._one_reads:
            if time.monotonic() >= self._good_until:
                self._token = await run_in_threadpool(QuickBooksHook().webhook_verifier_token)
                self._good_until = time.monotonic() + TOKEN_HOLDS
            return self._token


class _Kept:
    """The first notification is kept at once; those of a storm together, by a few transactions a second."""

    def __init__(self) -> None:
        self._companies: set[str] = set()
        self._not_before = 0.0
        self._next: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def keep(self, realm_ids: set[str]) -> None:
        """Returns once it is committed that these companies have changed; raises what went wrong."""
        self._companies |= realm_ids
        if self._next is None:
            self._next = asyncio.create_task(self._commit())
        # Whoever hangs up does not take the others' notifications along.
        await asyncio.shield(self._next)

    async def _commit(self) -> None:
        async with self._one_at_a_time:
            await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
            self._not_before = time.monotonic() + APART
            companies, self._companies, self._next = self._companies, set(), None
            await run_in_threadpool(_record, sorted(companies))


_kept = _Kept()
verifier = Verifier()


async def receive(request: Request) -> Response:
    """200 once it is kept that these companies have changed; Intuit waits three seconds for it, else it comes again.

    401 for what is not signed, 413 above LARGEST, 503 while it cannot be kept.
    """
    signature = request.headers.get(SIGNATURE_HEADER, "")
    if not signature:
        return Response(status_code=401)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return Response(status_code=413)
    if not _is_believed(body, signature, await verifier.token()):
        return Response(status_code=401)
    try:
        realm_ids = changed_companies(body)
    except ValueError as unreadable:
        # Intuit would send the same again and again. The capture by the clock finds whatever it was.
        log.warning("a signed webhook cannot be read: %s", unreadable)
        return Response(status_code=200)
    try:
        await _kept.keep(realm_ids)
    except (psycopg.OperationalError, AirflowNotFoundException) as failed:
        log.warning("a webhook cannot be kept, Intuit sends it again: %s", type(failed).__name__)
        return Response(status_code=503)
    return Response(status_code=200)


def make_app() -> Starlette:
    """The receiver alone: its route, and /health for whoever watches the process."""
    return Starlette(routes=[Route(PATH, receive, methods=["POST"]), Route("/health", _health)], lifespan=_ready)


@asynccontextmanager
async def _ready(app: Starlette) -> AsyncIterator[None]:
    """The first reading of the token imports Airflow's secrets backends, which takes a second: before anybody waits."""
    await verifier.token()
    yield


async def _health(request: Request) -> Response:
    """Asks nobody: it is open to the internet, too."""
    return Response("ok")


def _is_believed(body: bytes, signature: str, verifier_token: str) -> bool:
    if not verifier_token:
        log.warning("a webhook was refused: the connection quickbooks has no webhook_verifier_token")
        return False
    if not is_genuine(body, signature, verifier_token):
        log.warning("a webhook was refused: it is not signed with the app's verifier token")
        return False
    return True


def _record(realm_ids: list[str]) -> None:
    with open_lms(PAGE_CONNECTION_ID)() as connection:
        # To be quicker than Intuit's patience; what fails is delivered again.
        connection.execute("set local statement_timeout = '2s'")
        connection.execute("select qbo_sync.record_webhook_event(%s)", [realm_ids])
