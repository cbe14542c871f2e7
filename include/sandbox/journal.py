"""The state file: an append-only journal, one line per request.

Everything that a request changed is one line and one `write`, made before the answer goes out: a killed server
loses nothing that it acknowledged, and a line cut short by the kill was acknowledged by nobody. Cost per write
is flat. At start the file is replayed and written anew, compact.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .money import dumps, loads_plain

if TYPE_CHECKING:
    from .store import Record


class Journal:
    """Collects what a request changes; `flush` writes it."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._file: int | None = None
        self._pending: list[bytes] = []

    def open(self) -> None:
        """Start appending."""
        if self.path is not None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, *operation: Any) -> None:
        """Any small operation: `["grant", {…}]`."""
        if self._file is not None:
            self._pending.append(dumps(operation))

    def put(self, realm: str, kind: str, record: Record) -> None:
        """A record's new version; its JSON goes in as it is."""
        if self._file is not None:
            self._pending.append(
                b'["put","%b","%b",%d,%d,%b]'
                % (realm.encode(), kind.encode(), record.created, record.updated, record.body)
            )

    def deleted(self, realm: str, kind: str, record_id: str, epoch: int) -> None:
        """A deletion."""
        self.note("del", realm, kind, record_id, epoch)

    def counter(self, realm: str, name: str, value: int) -> None:
        """A counter that no record shows."""
        self.note("counter", realm, name, value)

    def flush(self) -> None:
        """One line for all of it."""
        if self._pending and self._file is not None:
            line = b"[" + b",".join(self._pending) + b"]\n"
            self._pending.clear()
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])

    def replay(self) -> Iterator[list[Any]]:
        """Every operation of the file, in order; a last line cut short is left out.

        Records of a compact file are lines of their own and come as bytes: their JSON need not be made again.
        """
        if self.path is None or not self.path.exists():
            return
        with self.path.open("rb") as lines:
            for line in lines:
                if line.startswith(b"[") and line.endswith(b"]\n"):
                    yield from loads_plain(line)
                elif line.endswith(b"}\n"):
                    realm, kind, created, updated, body = line[:-1].split(b" ", 4)
                    yield ["put", realm.decode(), kind.decode(), int(created), int(updated), body]

    def rewrite(self, operations: Iterator[bytes], records: Iterator[tuple[str, str, Record]]) -> None:
        """Replace the file by a compact one, atomically."""
        if self.path is None:
            return
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("wb") as out:
            os.fchmod(out.fileno(), 0o600)  # it holds tokens
            for operation in operations:
                out.write(b"[" + operation + b"]\n")
            for realm, kind, record in records:
                head = f"{realm} {kind} {record.created} {record.updated} ".encode()
                out.write(head + record.body + b"\n")
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self.path)
