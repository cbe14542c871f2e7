"""Change data capture (dossier 5)."""

from __future__ import annotations

from .work import Work


def run(work: Work, entities: str, since: str) -> bytes:
    """The `CDCResponse` member."""
    return b'"CDCResponse":[]'
