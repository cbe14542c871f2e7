"""A lab's settings: the form, what a change will cause, and saving it."""

from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import psycopg
from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from include.company.accounts import SETTINGS, choices, read_accounts
from include.model.settings import ConnectionSettings
from include.page.access import Administrator, Form, Id, Posted, Viewer
from include.page.audit import note
from include.page.consequences import Consequence, Facts, consequences
from include.page.database import Database, Row
from include.page.lab_data import (
    account_names,
    fingerprint,
    held_count,
    open_errors,
    read_lab,
    read_settings,
    sharing_labs,
    unsent_invoices,
    waiting,
)
from include.page.render import go, page
from include.page.words import HOLDS, SETTING_DIRECTIONS

router = APIRouter()
_SWITCHES = ("sync_invoices", "sync_credits", "sync_payments")
_EARLIEST = date(2000, 1, 1)
_LONGEST_HOLD = 365


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """The form as somebody filled it in."""

    settings: ConnectionSettings
    receiver: int | None
    #: Field → what is wrong with it.
    faults: dict[str, str]


@router.get("/labs/{lab_id}/settings")
def show(request: Request, lab_id: Id, who: Viewer, connection: Database) -> Response:
    """The form as it is now."""
    lab = read_lab(connection, lab_id)
    settings = read_settings(connection, lab)
    return _form(request, connection, lab, Draft(settings=settings, receiver=_receiver(connection, lab), faults={}))


@router.post("/labs/{lab_id}/settings")
def preview_or_save(request: Request, lab_id: Id, who: Administrator, form: Posted, connection: Database) -> Response:
    """First the consequences; then, confirmed and unchanged meanwhile, saving."""
    lab = read_lab(connection, lab_id)
    old = read_settings(connection, lab)
    draft = _parse(connection, lab, old, form)
    if draft.faults or form["step"] == "edit":
        return _form(request, connection, lab, draft, status=422 if draft.faults else 200)
    version = form["version"]
    stale = version != fingerprint(old)
    found = _consequences(connection, lab, old, draft)
    if not found:
        return go(request, f"/labs/{lab_id}", done="settings-same")
    if form["step"] != "save" or stale:
        return page(
            request,
            "settings_preview.html",
            lab=lab,
            found=found,
            fields=[(name, value) for name, value in form.items() if name not in ("step", "version")],
            version=fingerprint(old),
            stale=stale,
            open_errors=open_errors(connection, lab_id),
        )
    _save(connection, lab, draft)
    note(
        connection,
        who,
        "settings",
        lab=lab_id,
        realm=lab["realm_id"],
        changes=[{"setting": one.setting, "before": one.before, "after": one.after} for one in found],
    )
    connection.commit()
    return go(request, f"/labs/{lab_id}", done="settings")


def _form(request: Request, connection: psycopg.Connection, lab: Row, draft: Draft, *, status: int = 200) -> Response:
    accounts = read_accounts(connection, lab["realm_id"])
    chosen = asdict(draft.settings)
    return page(
        request,
        "settings.html",
        status=status,
        lab=lab,
        settings=draft.settings,
        faults=draft.faults,
        receiver=draft.receiver,
        sharers=sharing_labs(connection, lab["realm_id"]),
        accounts=[(one, chosen[one.name], choices(one, accounts, chosen[one.name])) for one in SETTINGS],
        known=bool(accounts),
        version=fingerprint(read_settings(connection, lab)),
    )


def _parse(connection: psycopg.Connection, lab: Row, old: ConnectionSettings, form: Form) -> Draft:
    faults: dict[str, str] = {}
    changed: dict[str, Any] = {name: form[name] == "on" for name in _SWITCHES}
    changed["direction"] = form["direction"]
    if form["direction"] not in SETTING_DIRECTIONS:
        faults["direction"], changed["direction"] = "Choose a direction.", old.direction
    changed["sync_start_date"] = old.sync_start_date
    try:
        changed["sync_start_date"] = date.fromisoformat(form["sync_start_date"]) if form["sync_start_date"] else None
    except ValueError:
        faults["sync_start_date"] = "Enter a date as YYYY-MM-DD, for example 2026-01-31."
    if changed["sync_start_date"] and changed["sync_start_date"] < _EARLIEST:
        faults["sync_start_date"] = "Enter a date on or after 01/01/2000, or leave it blank."
    changed |= _parse_hold(old, form, faults)
    changed |= _parse_accounts(connection, lab, old, form, faults)
    receiver = form.number("receiver") or _receiver(connection, lab)
    if receiver is not None and receiver not in [one["id"] for one in sharing_labs(connection, lab["realm_id"])]:
        faults["receiver"] = "Choose one of the labs that are connected to this company."
    changed["receives_qbo_transactions"] = receiver == lab["id"]
    return Draft(settings=replace(old, **changed), receiver=receiver, faults=faults)


def _parse_hold(old: ConnectionSettings, form: Form, faults: dict[str, str]) -> dict[str, Any]:
    setting, days = form["hold_invoices"], form.number("hold_days")
    if setting not in HOLDS:
        faults["hold_invoices"] = "Choose how long invoices wait."
        return {}
    if setting != "days":
        return {"hold_invoices": setting, "hold_days": 0}
    if days is None or not 1 <= days <= _LONGEST_HOLD:
        faults["hold_days"] = f"Enter a number of days from 1 to {_LONGEST_HOLD}."
        return {"hold_invoices": setting, "hold_days": old.hold_days}
    return {"hold_invoices": setting, "hold_days": days}


def _parse_accounts(
    connection: psycopg.Connection, lab: Row, old: ConnectionSettings, form: Form, faults: dict[str, str]
) -> dict[str, str | None]:
    accounts = read_accounts(connection, lab["realm_id"])
    now, changed = asdict(old), {}
    for setting in SETTINGS:
        account_id = form[setting.name] or None
        allowed = {one.account_id for one in choices(setting, accounts, now[setting.name])} | {now[setting.name]}
        if account_id is None and setting.required:
            faults[setting.name] = "Choose an account."
        elif account_id is not None and account_id not in allowed:
            faults[setting.name] = "Choose an account from the list."
        changed[setting.name] = account_id if setting.name not in faults else now[setting.name]
    return changed


def _receiver(connection: psycopg.Connection, lab: Row) -> int | None:
    return next((one["id"] for one in sharing_labs(connection, lab["realm_id"]) if one["receives"]), None)


def _consequences(connection: psycopg.Connection, lab: Row, old: ConnectionSettings, draft: Draft) -> list[Consequence]:
    names = {one["id"]: one["name"] for one in sharing_labs(connection, lab["realm_id"])}
    first, last = _between(old.sync_start_date, draft.settings.sync_start_date)
    unsent = unsent_invoices(connection, lab, first, last)
    receiver = _receiver(connection, lab)
    return consequences(
        old,
        draft.settings,
        Facts(
            lab=lab["name"],
            waiting=waiting(connection, lab),
            open_errors=open_errors(connection, lab["id"]),
            held=held_count(connection, lab),
            between=unsent["invoices"],
            between_total=unsent["total"],
            accounts={one: account.name for one, account in account_names(connection, lab["realm_id"]).items()},
            receiver=names.get(receiver or 0, ""),
            new_receiver=names.get(draft.receiver or 0, ""),
        ),
    )


def _between(before: date | None, after: date | None) -> tuple[date | None, date | None]:
    """The days that a moved start date lets in or keeps out; None as the first: from the beginning."""
    if before is None or after is None:
        return None, before or after
    return min(before, after), max(before, after)


def _save(connection: psycopg.Connection, lab: Row, draft: Draft) -> None:
    values = asdict(draft.settings)
    names = [
        name for name in values if name not in ("billing_lab_id", "realm_id", "receives_qbo_transactions", "started")
    ]
    sets = ", ".join(f"{name} = %({name})s" for name in names)
    updated = connection.execute(
        f"update qbo_sync.connection set {sets}, updated_at = clock_timestamp()"  # noqa: S608 - our own column names
        " where billing_lab_id = %(billing_lab_id)s and realm_id = %(realm_id)s".encode(),
        values,
    )
    if updated.rowcount != 1:
        raise HTTPException(404)
    if draft.receiver is not None and draft.receiver != _receiver(connection, lab):
        # First none, then the one: two at once are impossible.
        where = {"realm": lab["realm_id"], "receiver": draft.receiver}
        connection.execute(
            "update qbo_sync.connection set receives_qbo_transactions = false"
            " where realm_id = %(realm)s and receives_qbo_transactions",
            where,
        )
        connection.execute(
            "update qbo_sync.connection set receives_qbo_transactions = true where billing_lab_id = %(receiver)s",
            where,
        )
