"""The route of QuickBooks' webhooks, as the page serves it with the api-server."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from include.page.address import WEBHOOK
from include.page.security import add_headers
from include.webhook.receiver import receive

router = APIRouter()


@router.post(WEBHOOK)
async def notified(request: Request) -> Response:
    """What the receiver answers, with the page's headers."""
    answer = await receive(request)
    add_headers(answer)
    return answer
