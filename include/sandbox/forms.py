"""PDF, e-mail and attachments, where common clients call them (dossier 2.1, 9.10)."""

from __future__ import annotations

from typing import Any

from . import faults
from .entities.kind import Kind
from .work import Work


def pdf(work: Work, kind: Kind, record_id: str) -> bytes:
    """A one-page PDF of a form."""
    raise faults.unsupported("pdf")


def send(work: Work, kind: Kind, record_id: str, address: str | None) -> bytes:
    """Mark a form as e-mailed."""
    raise faults.unsupported("send")


def upload(work: Work, form: Any) -> bytes:
    """Attachments."""
    raise faults.unsupported("upload")
