"""What a change of settings will cause, in words, before it is saved. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from include.company.accounts import SETTINGS
from include.model.settings import ConnectionSettings
from include.page import words
from include.page.words import ENTITY_PLURALS, SETTING_DIRECTIONS, number, several

_SWITCHES = {"sync_invoices": "invoice", "sync_credits": "credit", "sync_payments": "payment"}
_RUNS = {"both": {"lms_to_qbo", "qbo_to_lms"}, "lms_to_qbo": {"lms_to_qbo"}, "qbo_to_lms": {"qbo_to_lms"}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the words need to know."""

    lab: str
    #: Records in line by (direction, entity).
    waiting: Mapping[tuple[str, str], int] = field(default_factory=dict)
    open_errors: int = 0
    #: Invoices not in QuickBooks dated between the two start dates: how many, and their total.
    between: int = 0
    between_total: Decimal = Decimal(0)
    accounts: Mapping[str, str] = field(default_factory=dict)
    #: The lab that receives QuickBooks' transactions now, and the one that shall.
    receiver: str = ""
    new_receiver: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Consequence:
    """One changed setting."""

    setting: str
    before: str
    after: str
    #: starts, stops or changes
    kind: str
    effect: str


def consequences(old: ConnectionSettings, new: ConnectionSettings, facts: Facts) -> list[Consequence]:
    """One for each setting that changes."""
    found = [*_direction(old, new, facts), *_switches(old, new, facts), *_start_date(old, new, facts)]
    found += [*_accounts(old, new, facts)]
    if facts.receiver != facts.new_receiver:
        found.append(
            Consequence(
                setting="Transactions created in QuickBooks go to",
                before=facts.receiver or "nobody",
                after=facts.new_receiver,
                kind="changes",
                effect=f"What is created in QuickBooks from now on appears in {facts.new_receiver}. What has arrived"
                " already stays where it is.",
            )
        )
    return found


def _direction(old: ConnectionSettings, new: ConnectionSettings, facts: Facts) -> Iterator[Consequence]:
    if old.direction == new.direction:
        return
    was, will = _RUNS[old.direction], _RUNS[new.direction]
    effects = []
    for direction, way in (("lms_to_qbo", "from Pilot to QuickBooks"), ("qbo_to_lms", "from QuickBooks to Pilot")):
        if direction in was - will:
            effects.append(f"Nothing flows {way} any more; changes are remembered and sync when this is undone.")
        if direction in will - was:
            held = sum(count for (way_, _), count in facts.waiting.items() if way_ == direction)
            effects.append(f"Changes flow {way} again{_at_once(held)}.")
    yield Consequence(
        setting="Direction",
        before=SETTING_DIRECTIONS[old.direction],
        after=SETTING_DIRECTIONS[new.direction],
        kind="stops" if was - will else "starts",
        effect=" ".join(effects),
    )


def _switches(old: ConnectionSettings, new: ConnectionSettings, facts: Facts) -> Iterator[Consequence]:
    for name, entity in _SWITCHES.items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        plural = ENTITY_PLURALS[entity]
        held = sum(count for (_, of), count in facts.waiting.items() if of == entity)
        yield Consequence(
            setting=plural,
            before="synced" if before else "not synced",
            after="synced" if after else "not synced",
            kind="starts" if after else "stops",
            effect=f"{plural} sync again{_at_once(held)}."
            if after
            else f"{plural} are left alone on both sides. What changes meanwhile is remembered and syncs when this is"
            " switched on again; what is in QuickBooks stays there.",
        )


def _start_date(old: ConnectionSettings, new: ConnectionSettings, facts: Facts) -> Iterator[Consequence]:
    before, after = old.sync_start_date, new.sync_start_date
    if before == after:
        return
    earlier = after is None or (before is not None and after < before)
    effect = "No invoice lies between the two days, so nothing is sent because of it."
    if facts.between:
        money = f"{several(facts.between, 'invoice')} over ${facts.between_total:,.2f} in all"
        if earlier:
            effect = f"{money} that are not in QuickBooks yet will be created there, if they are not there already."
        else:
            effect = f"{money} that are not in QuickBooks yet will not be sent."
    if not earlier:
        effect += " Older transactions that are in QuickBooks stay there, but later changes to them are not synced."
    yield Consequence(
        setting="Start date",
        before=_day(before),
        after=_day(after),
        kind="starts" if earlier else "stops",
        effect=effect,
    )


def _accounts(old: ConnectionSettings, new: ConnectionSettings, facts: Facts) -> Iterator[Consequence]:
    for setting in SETTINGS:
        before, after = getattr(old, setting.name), getattr(new, setting.name)
        if before == after:
            continue
        yield Consequence(
            setting=setting.label,
            before=facts.accounts.get(before, before) if before else setting.otherwise,
            after=facts.accounts.get(after, after) if after else setting.otherwise,
            kind="changes",
            effect="Used for what is created from now on. Products, invoices and payments that are in QuickBooks"
            " keep their account.",
        )


def _at_once(held: int) -> str:
    return f"; {number(held)} changed meanwhile {'is' if held == 1 else 'are'} synced at once" if held else ""


def _day(day: date | None) -> str:
    return words.day(day) if day else "from the beginning"
