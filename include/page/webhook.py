"""Where QuickBooks reports that something has changed (docs/decisions/0015).

The one route without a login: Intuit has none. It accepts only what is signed with the app's verifier token, and uses
only which companies have changed; the change capture is woken and reads QuickBooks itself.
"""

import logging

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from include.orchestration.quickbooks_hook import QuickBooksHook
from include.page.address import WEBHOOK
from include.page.database import page_runtime
from include.page.security import add_headers
from include.qbo.webhook import SIGNATURE_HEADER, changed_companies, is_genuine

router = APIRouter()
log = logging.getLogger(__name__)

#: Bytes. An event has ids only, some hundred bytes each.
LARGEST = 1_000_000


@router.post(WEBHOOK)
async def receive(request: Request) -> Response:
    """200 once it is kept that these companies have changed; Intuit waits three seconds for it, else it comes again."""
    signature = request.headers.get(SIGNATURE_HEADER, "")
    if not signature:
        return _answer(401)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return _answer(413)
    return await run_in_threadpool(_take, body, signature)


def _take(body: bytes, signature: str) -> Response:
    verifier_token = QuickBooksHook().webhook_verifier_token()
    if not verifier_token:
        log.warning("a webhook was refused: the connection quickbooks has no webhook_verifier_token")
        return _answer(401)
    if not is_genuine(body, signature, verifier_token):
        log.warning("a webhook was refused: it is not signed with the app's verifier token")
        return _answer(401)
    try:
        realm_ids = changed_companies(body)
    except ValueError as unreadable:
        # Intuit would send the same again and again. The capture by the clock finds whatever it was.
        log.warning("a signed webhook cannot be read: %s", unreadable)
        return _answer(200)
    with page_runtime().connect() as connection:
        # To be quicker than Intuit's patience; what fails is delivered again.
        connection.execute("set local statement_timeout = '2s'")
        connection.execute("select qbo_sync.record_webhook_event(%s)", [sorted(realm_ids)])
    return _answer(200)


def _answer(status: int) -> Response:
    answer = Response(status_code=status)
    add_headers(answer)
    return answer
