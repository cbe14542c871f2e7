"""What a change of settings will do, in words, before it is saved. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from include.company.accounts import SETTINGS
from include.model.settings import ConnectionSettings
from include.page import words
from include.page.words import ENTITY_PLURALS, SETTING_DIRECTIONS, several

_SWITCHES = {"sync_invoices": "invoice", "sync_credits": "credit", "sync_payments": "payment"}
_RUNS = {"both": {"lms_to_qbo", "qbo_to_lms"}, "lms_to_qbo": {"lms_to_qbo"}, "qbo_to_lms": {"qbo_to_lms"}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the words need to know."""

    lab: str
    #: Records in line by (direction, entity).
    waiting: Mapping[tuple[str, str], int] = field(default_factory=dict)
    open_errors: int = 0
    #: Invoices that the lab holds back now.
    held: int = 0
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
    found += [*_hold(old, new, facts)]
    found += [*_accounts(old, new, facts)]
    if facts.receiver != facts.new_receiver:
        found.append(
            Consequence(
                setting="Transactions created in QuickBooks go to",
                before=facts.receiver or "No lab",
                after=facts.new_receiver,
                kind="changes",
                effect=f"Invoices and payments created in QuickBooks from now on go to {facts.new_receiver}. Those that"
                " are already in Pilot stay where they are.",
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
            effects.append(f"Nothing syncs {way} anymore. Changes are kept and sync if you turn this on again.")
        if direction in will - was:
            held = sum(count for (way_, _), count in facts.waiting.items() if way_ == direction)
            effects.append(f"Changes sync {way} again.{_right_away(held)}")
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
            before="On" if before else "Off",
            after="On" if after else "Off",
            kind="starts" if after else "stops",
            effect=f"{plural} sync again.{_right_away(held)}"
            if after
            else f"{plural} no longer sync in either direction. Changes are kept and sync when you turn this on again."
            f" {plural} that are already in QuickBooks stay there.",
        )


def _start_date(old: ConnectionSettings, new: ConnectionSettings, facts: Facts) -> Iterator[Consequence]:
    before, after = old.sync_start_date, new.sync_start_date
    if before == after:
        return
    earlier = after is None or (before is not None and after < before)
    effect = "No unsent invoice is dated between the two dates, so no invoice is affected."
    if facts.between:
        unsent = f"{several(facts.between, 'invoice')} totaling ${facts.between_total:,.2f}"
        unsent += f" that {'has' if facts.between == 1 else 'have'} not been sent to QuickBooks yet"
        if earlier:
            effect = f"{unsent} will be sent. An invoice that QuickBooks already has is linked, not duplicated."
        else:
            effect = f"{unsent} will not be sent."
    if not earlier:
        effect += (
            " Older transactions that are already in QuickBooks stay there, but later changes to them do not sync."
        )
    yield Consequence(
        setting="Start date",
        before=_day(before),
        after=_day(after),
        kind="starts" if earlier else "stops",
        effect=effect,
    )


def _hold(old: ConnectionSettings, new: ConnectionSettings, facts: Facts) -> Iterator[Consequence]:
    before = words.hold(old.hold_invoices, old.hold_days)
    after = words.hold(new.hold_invoices, new.hold_days)
    if before == after:
        return
    if new.hold_invoices == "none":
        effect = f"New invoices go to QuickBooks right away.{_sent_now(facts.held)}"
    else:
        effect = (
            "New invoices wait before they go to QuickBooks, and so do payments and credits for them. You can release"
            " them on the lab’s page at any time. Invoices that are already in QuickBooks are not affected."
        )
        if facts.held:
            effect += f" {several(facts.held, 'invoice')} held now {'waits' if facts.held == 1 else 'wait'} by the"
            effect += " new setting instead. Those whose time has come are sent right away."
    yield Consequence(
        setting="Hold new invoices",
        before=before,
        after=after,
        kind="starts" if new.hold_invoices == "none" else "stops",
        effect=effect,
    )


def _sent_now(held: int) -> str:
    if not held:
        return ""
    return f" {several(held, 'held invoice')} {'is' if held == 1 else 'are'} sent now."


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
            effect="Applies to records created from now on. Products, invoices, and payments that are already in"
            " QuickBooks keep their account.",
        )


def _right_away(held: int) -> str:
    """What has changed while it was off, as a sentence of its own."""
    if not held:
        return ""
    return f" {several(held, 'record')} changed in the meantime {'syncs' if held == 1 else 'sync'} right away."


def _day(day: date | None) -> str:
    return words.day(day) if day else "None (all dates)"
