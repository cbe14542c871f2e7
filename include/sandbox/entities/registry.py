"""The kinds of entities by name. Imports none of them: `entities/__init__` registers each once, when it is loaded."""

from __future__ import annotations

from ..store import Column
from .kind import Kind

KINDS: dict[str, Kind] = {}
_BY_PATH: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    """Add entities; whatever lists all of them keeps this order."""
    for kind in kinds:
        KINDS[kind.name] = _BY_PATH[kind.name.lower()] = kind


def find(name: str) -> Kind | None:
    """The entity of this name, in any letter case (fact 2.1)."""
    return _BY_PATH.get(name.lower())


def columns_of(name: str) -> tuple[Column, ...]:
    """What queries may name of an entity."""
    return KINDS[name].columns
