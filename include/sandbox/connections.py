"""Connections that can be cut: an injected fault may drop the line in the middle of a request."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, findable by the client's address."""

    open_lines: ClassVar[dict[tuple[str, int], Any]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is not None:
            self.open_lines[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client is not None:
            self.open_lines.pop(self.client, None)
        super().connection_lost(exc)


def cut(client: tuple[str, int] | None) -> None:
    """Drop the line without an answer."""
    transport = CuttableProtocol.open_lines.get(client) if client is not None else None
    if transport is not None:
        transport.abort()
