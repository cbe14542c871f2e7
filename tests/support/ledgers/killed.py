"""A worker that is killed after any one of its effects: what it has not committed by then is lost, and it does nothing
more, not even tidy up.

An effect is what others can see of it: a commit, a statement that commits by itself, and a request that QuickBooks has
carried out. Between two effects a death leaves the same behind wherever it comes, so that deaths after each of them are
all the deaths that there are. PostgreSQL and HTTP are real; only the process is not, so that its death costs nothing.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from psycopg.pq import PipelineStatus, TransactionStatus

from tests.support.connections import Connections, reset

IDLE = TransactionStatus.IDLE

#: Where the server waits for the client to go on.
_AT_REST = {IDLE, TransactionStatus.INTRANS, TransactionStatus.INERROR}


class Killed(BaseException):
    """The process is gone. No `except Exception` stops it."""


class Worker:
    """A process of the pipeline: its connections to the database, and its effects in their order."""

    def __init__(self, connections: Connections["WatchedConnection"], dies_after: int | None = None) -> None:
        """`dies_after`: so many effects; None: it lives, and leaves its connections to the next one."""
        self.effects: list[str] = []
        self._connections, self._dies_after = connections, dies_after
        self._dead = False
        self._lock = threading.Lock()
        self._opened: list[WatchedConnection] = []
        self._idle: list[WatchedConnection] = []

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """As a Runtime opens them."""
        connection = self._idle.pop() if self._idle else self._open()
        try:
            yield connection
            connection.commit()
        except Exception:
            connection.rollback()
            raise
        finally:
            # Whoever is dead tidies nothing up.
            if not self._dead:
                connection.autocommit = False
                self._idle.append(connection)

    def _open(self) -> "WatchedConnection":
        self.must_live()
        connection = self._connections.take()
        connection.worker = self
        self._opened.append(connection)
        return connection

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """What QuickBooks is sent in here is sent by this worker; in the end it is gone with its connections."""
        send = requests.Session.send

        def watched(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            self.must_live()
            answer = send(session, request, **options)
            self.effect(f"{request.method} {urlsplit(request.url or '').path.rpartition('/')[2]}")
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(requests.Session, "send", watched)
            try:
                yield
            finally:
                for connection in self._opened:
                    connection.worker = None
                    self._end(connection)

    def _end(self, connection: "WatchedConnection") -> None:
        """Nothing is left of the session. The server does the same when it finds that the client of one is gone, but
        only when it finds it, and whoever comes next has everything to plan anew: a fifth of a history's time."""
        if (
            connection.pgconn.pipeline_status != PipelineStatus.OFF
            or connection.info.transaction_status not in _AT_REST
        ):
            connection.close()
            return
        reset(connection)
        self._connections.give_back(connection)

    def must_live(self) -> None:
        """Raises Killed if it is dead."""
        if self._dead:
            raise Killed

    def effect(self, what: str) -> None:
        """It has happened, and nothing can undo it. Raises Killed if it was the last one."""
        with self._lock:
            self.must_live()
            self.effects.append(what)
            self._dead = len(self.effects) == self._dies_after
        self.must_live()


class WatchedConnection(psycopg.Connection[Any]):
    """Tells its worker what it commits."""

    worker: Worker | None = None
    _rolls_back = False

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """Every round trip to the server goes through here."""
        if self.worker is None:
            return super().wait(*arguments, **options)
        self.worker.must_live()
        result = super().wait(*arguments, **options)
        if self.pgconn.transaction_status == IDLE and not self._rolls_back:
            self.worker.effect("statement" if self.autocommit else "commit")
        return result

    def rollback(self) -> None:
        """Leaves nothing behind."""
        self._rolls_back = True
        try:
            super().rollback()
        finally:
            self._rolls_back = False
