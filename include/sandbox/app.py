"""The application: every route of the sandbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import answers
from .api import Api
from .consent import Consent
from .control import Control
from .pages import Pages
from .server import Server


def build(server: Server) -> Starlette:
    """The ASGI application of one sandbox."""
    api = Api(server)

    async def accounting(request: Request) -> Response:
        return await api(request)

    async def wrong_path(request: Request, problem: Exception) -> Response:
        status = problem.status_code if isinstance(problem, HTTPException) else 404
        return answers.html(status, "Not Found").response(server.random, server.clock)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        deliveries = asyncio.create_task(server.webhooks.run())
        try:
            yield
        finally:
            deliveries.cancel()

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/v3/company/{realm}/{rest:path}", accounting, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            *Consent(server).routes(),
            *Control(server).routes(),
            *Pages(server).routes(),
        ],
        exception_handlers={404: wrong_path, 405: wrong_path},
    )
