"""`requestid`: the same id gets the first answer again, byte for byte (fact 2.4).

The answer is replayed even after the record that it speaks of was deleted. Answers are kept compressed.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import OrderedDict
from dataclasses import dataclass

from . import faults

_ID = re.compile(r"^[A-Za-z0-9._:\-]{1,50}$")


@dataclass(slots=True)
class Kept:
    """One remembered answer."""

    status: int
    media_type: str
    packed: bytes
    epoch: float
    digest: bytes

    @property
    def answer(self) -> bytes:
        """The answer's bytes."""
        return zlib.decompress(self.packed)


class Replays:
    """The answers of one company, by request id, oldest first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def find(self, request_id: str, digest: bytes, now: float, hours: float, other_body: str) -> Kept | None:
        """The first answer, if it is still remembered; 2130 for an id of the wrong form."""
        if not _ID.match(request_id):
            raise faults.bad_request_id()
        self._forget(now - hours * 3600)
        kept = self._kept.get(request_id)
        if kept is not None and kept.digest != digest and other_body == "refuse":
            raise faults.named("600", "Duplicate Request ID", "This request id was used for another request.")
        return kept

    def keep(self, request_id: str, kept: Kept) -> None:
        """Remember an answer."""
        self._kept.setdefault(request_id, kept)

    def items(self) -> list[tuple[str, Kept]]:
        """All of them, for the state file."""
        return list(self._kept.items())

    def _forget(self, before: float) -> None:
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest].epoch >= before:
                return
            del self._kept[oldest]


def pack(status: int, media_type: str, answer: bytes, epoch: float, digest: bytes) -> Kept:
    """An answer, ready to be kept."""
    return Kept(status, media_type, zlib.compress(answer, 1), epoch, digest)


def digest_of(path: str, body: bytes) -> bytes:
    """Tells one request from another under the same id."""
    return hashlib.blake2b(path.encode() + b"\0" + body, digest_size=8).digest()
