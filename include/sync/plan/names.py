"""Who bears a name in QuickBooks: adopted when it can be ours, a name conflict when it is another's (rule 2)."""

from collections.abc import Sequence
from typing import TypeVar

from include.model.plan import Cause, Match, Plan, fail
from include.model.staged import NamedRecord
from include.sync.plan import problems

T = TypeVar("T")


def create_or_adopt(
    target: T,
    name: str,
    noun: str,
    bearers: Sequence[NamedRecord],
    home_currency: str | None,
    parent_id: str | None = None,
) -> Plan[T]:
    """Adopt the one record of the name that can be this one; a name conflict if another bears it; else create."""
    free = [one for one in bearers if one.kind in ("Customer", "Item") and one.active and not one.linked and one.usable]
    # A sub-customer of another customer is another one; a product is the same in whatever category it is kept.
    ours = [one for one in free if one.parent_id == parent_id] or [one for one in free if one.kind == "Item"]
    if len(ours) == 1:
        [match] = ours
        if match.currency and home_currency and match.currency != home_currency:
            return fail(problems.foreign_name_match(noun, name, match.currency), "qbo", target)
        return Plan(
            step="adopt",
            cause=Cause.MATCH,
            side="qbo",
            target=target,
            match=Match(id=match.qbo_id, sync_token=match.sync_token),
        )
    if bearers:
        return fail(problems.name_taken(noun, name, bearers[0]), "qbo", target)
    return Plan(step="create", cause=Cause.NEW, side="qbo", target=target)
