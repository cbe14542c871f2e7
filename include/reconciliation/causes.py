"""Why each differing record differs. Pure: from what both sides say and what the sync knows of the record.

First the cause of its own: what the settings leave alone, an error, a change under way, an edit that does not flow.
Then what it has from the records around it: an invoice that a payment in error pays is open for more on one side. What
then has no cause is drift.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from include.company.company import Company
from include.model.money import ZERO, show
from include.model.reconciliation import Cause, Finding
from include.model.record import Direction
from include.model.settings import ConnectionSettings
from include.sync.plan.matrix import is_on
from include.sync.plan.problems import day

#: A row of reconciliation_record with what differing.sql adds.
Record = dict[str, Any]

_NOUNS = {"invoice": "invoice", "credit": "credit", "payment": "payment"}
_NOTHING_TO_DO = "Nothing. It syncs by itself, and the next comparison shows it."


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What holds for all records of a proof."""

    company: Company
    #: By the database's clock.
    started_at: datetime
    #: QuickBooks' id or LMS name of a customer → name.
    customer_names: Mapping[str, str]


def title(record: Record) -> str:
    """A record as a bookkeeper would name it at the beginning of a sentence."""
    if record["entity"] == "invoice" and record["number"]:
        return f"Invoice {record['number']}"
    amount = record["lms_amount"] if record["lms_amount"] is not None else record["qbo_amount"]
    dated = record["lms_dated"] or record["qbo_dated"]
    on = f" dated {day(dated)}" if dated else ""
    return f"{_NOUNS[record['entity']].capitalize()} of {show(amount if amount is not None else ZERO)}{on}"


def findings(records: Sequence[Record], proof: Proof) -> list[Finding]:
    """The finding of each record, in their order. Records that the two sides have without a link are joined first:
    see `paired`."""
    found: dict[int, Finding] = {}
    for place, record in enumerate(records):
        own = _own(record, proof)
        if own:
            found[place] = own
    uses = list(_uses(records))
    _money_from_invoices(records, uses, found)
    for place, record in enumerate(records):
        if place not in found and (record["entity"] != "invoice" or not _is_on_both(record)):
            found[place] = _without_cause(record, proof)
    _invoices_from_money(records, uses, found)
    return [found.get(place) or _without_cause(record, proof) for place, record in enumerate(records)]


def _is_on_both(record: Record) -> bool:
    return record["lms_amount"] is not None and record["qbo_amount"] is not None


# ------------------------------------------------------------------ causes of its own


def _own(record: Record, proof: Proof) -> Finding | None:
    for judge in (
        _start_date,
        _left_alone,
        _error,
        _not_started,
        _under_way,
        _off,
        _just_changed,
        _of_quickbooks_alone,
        _edited,
        _moved,
    ):
        finding = judge(record, proof)
        if finding:
            return finding
    return None


def _settings(record: Record, proof: Proof) -> ConnectionSettings | None:
    """The lab's; None: it is not connected to this company, or no lab receives what is entered in QuickBooks."""
    return proof.company.settings.get(record["billing_lab_id"])


def _start_date(record: Record, proof: Proof) -> Finding | None:
    settings, dated = _settings(record, proof), record["lms_dated"] or record["qbo_dated"]
    start: date | None = settings.sync_start_date if settings else None
    if start is None or dated is None or dated >= start:
        return None
    return Finding(
        cause=Cause.BEFORE_START_DATE,
        reason=f"It is dated {day(dated)}, before the lab’s start date ({day(start)}), so it does not sync.",
        what_to_do="Nothing, if earlier transactions are to stay apart. Otherwise choose an earlier start date in the "
        "lab’s settings: it then syncs.",
    )


def _left_alone(record: Record, proof: Proof) -> Finding | None:
    if record["left_alone"] is None:
        return None
    return Finding(
        cause=Cause.LEFT_ALONE,
        reason=f"It is left alone until someone asks for it. {record['left_alone']}",
        what_to_do="Nothing, if it should stay as it is on both sides. Otherwise choose Sync again on the lab’s page.",
    )


def _error(record: Record, proof: Proof) -> Finding | None:
    code = record["error_code"]
    if code is None:
        return None
    ignored = record["error_status"] == "ignored"
    if ignored and code == "customer_not_linked" and record["customer_ignored"]:
        return Finding(
            cause=Cause.QUICKBOOKS_ONLY,
            reason="It belongs to a customer that was ignored for good: its transactions stay in QuickBooks only.",
            what_to_do="Nothing. If it should sync after all, open the error and choose Reopen.",
            sync_error_id=record["error_id"],
        )
    return Finding(
        cause={"total_mismatch": Cause.EDITED, "customer_changed": Cause.OTHER_CUSTOMER}.get(code, Cause.ERROR),
        reason=record["error_message"] + (" Someone chose to ignore this error." if ignored else ""),
        what_to_do="If it should sync after all, open the error and choose Reopen."
        if ignored
        else record["error_resolution"],
        sync_error_id=record["error_id"],
    )


def _under_way(record: Record, proof: Proof) -> Finding | None:
    if record["marked"] is None and not record["in_hand"]:
        return None
    settings = _settings(record, proof)
    if record["marked"] and (settings is None or not is_on(record["entity"], record["marked"], settings)):
        return _switched_off(record)
    if record["waits_for_entity"] == "mass_delete":
        return Finding(
            cause=Cause.HELD,
            reason="It is one of many records that were deleted at once, so it is held until someone decides.",
            what_to_do="Decide it under Errors: there is one error for all of them.",
        )
    if record["held_until"]:
        return Finding(
            cause=Cause.HELD,
            reason=f"This lab holds new invoices: it goes to QuickBooks on {day(record['held_until'].date())}.",
            what_to_do="Nothing. To send it now, choose Release on the lab’s page.",
        )
    waits = {
        None: "It changed and has not synced yet.",
        "billing_account": "It waits until its customer is in QuickBooks.",
        "doctor_office": "It waits until its sub-customer is in QuickBooks.",
        "product": "It waits until one of its products is in QuickBooks.",
        "special_item": "It waits until one of its items is in QuickBooks.",
        "invoice": "It waits until an invoice that it is applied to has synced.",
        "credit": "It waits until its credit has synced.",
    }
    reason = waits.get(record["waits_for_entity"], "It waits for another record.")
    return Finding(cause=Cause.WAITING, reason=reason, what_to_do=_NOTHING_TO_DO, fix="compare")


def _not_started(record: Record, proof: Proof) -> Finding | None:
    settings = _settings(record, proof)
    if _never_comes(record) or settings is None or settings.started:
        return None
    return Finding(
        cause=Cause.WAITING,
        reason="The lab is connected, but nobody has started its sync.",
        what_to_do="Look at the preview on the lab’s page, and select Start.",
    )


def _off(record: Record, proof: Proof) -> Finding | None:
    """What the settings keep from syncing at all. A linked record that they keep from following is marked."""
    if _never_comes(record):
        return None
    settings = _settings(record, proof)
    if settings is None:
        return _switched_off(record)
    direction: Direction = "qbo_to_lms" if record["lms_amount"] is None else "lms_to_qbo"
    return None if record["linked"] or is_on(record["entity"], direction, settings) else _switched_off(record)


def _switched_off(record: Record) -> Finding:
    noun = _NOUNS[record["entity"]]
    where = "from QuickBooks" if record["lms_amount"] is None else "with QuickBooks"
    return Finding(
        cause=Cause.SWITCHED_OFF,
        reason=f"The settings of the lab do not let this {noun} sync {where}.",
        what_to_do="Nothing, if that is intended. Otherwise change the direction, the synced record types, or the lab "
        "that receives QuickBooks’ transactions in the lab’s settings: it then syncs.",
    )


def _just_changed(record: Record, proof: Proof) -> Finding | None:
    if record["unseen"]:
        reason = "It changed in QuickBooks, which Pilot notices at its next check."
    elif record["relinked"] or any(at and at >= proof.started_at for at in (record["settled_at"], record["agreed_at"])):
        reason = "It changed while the books were being compared."
    else:
        return None
    return Finding(cause=Cause.WAITING, reason=reason, what_to_do=_NOTHING_TO_DO, fix="compare")


def _never_comes(record: Record) -> bool:
    """A credit memo that the bookkeeper entered (rule 1)."""
    return record["entity"] == "credit" and not record["linked"] and record["lms_amount"] is None


def _of_quickbooks_alone(record: Record, proof: Proof) -> Finding | None:
    if not _never_comes(record):
        return None
    return Finding(
        cause=Cause.QUICKBOOKS_ONLY,
        reason="It was entered in QuickBooks. Credits sync only from Pilot to QuickBooks.",
        what_to_do="Nothing, if it is to stay in QuickBooks only. To have it in Pilot too, enter it there and delete "
        "it in QuickBooks.",
    )


def _edited(record: Record, proof: Proof) -> Finding | None:
    """A credit whose LMS side is what was agreed on: somebody has changed or deleted it in QuickBooks."""
    if record["entity"] != "credit" or not record["as_agreed"]:
        return None
    if record["qbo_amount"] is None:
        return Finding(
            cause=Cause.EDITED,
            reason="It was deleted in QuickBooks. Credits sync only from Pilot to QuickBooks.",
            what_to_do="If QuickBooks is right, delete the credit in Pilot too. If Pilot is right, delete it in Pilot "
            "and enter it there again: the new one then syncs.",
        )
    if record["lms_customer"] != record["qbo_customer"]:
        return None
    return Finding(
        cause=Cause.EDITED,
        reason=f"It was changed or applied in QuickBooks ({_what_differs(record)}). Credits sync only from Pilot to "
        "QuickBooks.",
        what_to_do="If QuickBooks is right, change the credit in Pilot to match. If Pilot is right, change the credit "
        "memo back in QuickBooks.",
    )


def _moved(record: Record, proof: Proof) -> Finding | None:
    ours, theirs = record["lms_customer"], record["qbo_customer"]
    if ours is None or theirs is None or ours == theirs:
        return None
    names = [proof.customer_names.get(one, "another customer") for one in (ours, theirs)]
    return Finding(
        cause=Cause.OTHER_CUSTOMER,
        reason=f"It is for “{names[0]}” in Pilot and for “{names[1]}” in QuickBooks.",
        what_to_do="Choose Compare again. If the difference stays, give it the right customer on either side.",
        fix="compare",
    )


# ------------------------------------------------------------------ causes of the records around it


@dataclass(frozen=True, slots=True)
class _Use:
    """How much more of a payment or credit the LMS applies to an invoice than QuickBooks does."""

    money: int
    invoice: int | None
    more: Decimal
    #: The LMS has the payment or credit too.
    in_lms: bool


def _money_from_invoices(records: Sequence[Record], uses: Sequence[_Use], found: dict[int, Finding]) -> None:
    """A payment or credit that QuickBooks has with less applied, because the invoice is not there."""
    for place in sorted({use.money for use in uses} - found.keys()):
        own = [use for use in uses if use.money == place]
        cause = own[0].invoice
        if _is_on_both(records[place]) and cause is not None and all(use.invoice in found for use in own):
            found[place] = _because(records[cause], found[cause], "Part of it is applied to")


def _invoices_from_money(records: Sequence[Record], uses: Sequence[_Use], found: dict[int, Finding]) -> None:
    """An invoice of which just so much more is open on one side as is applied less to it there.

    The LMS takes the balance from QuickBooks (rule 5), so it may count already what only QuickBooks has.
    """
    for place, record in enumerate(records):
        same = record["lms_amount"] == record["qbo_amount"]
        if place in found or record["entity"] != "invoice" or not _is_on_both(record) or not same:
            continue
        into = [use for use in uses if use.invoice == place]
        for those in (into, [use for use in into if use.in_lms]):
            if those and record["qbo_open"] - record["lms_open"] == sum((use.more for use in those), ZERO):
                cause = those[0].money
                found[place] = _because(records[cause], found[cause], "What settles it differs because of")
                break


def _uses(records: Sequence[Record]) -> Iterator[_Use]:
    places: dict[str, int] = {}
    for place, record in enumerate(records):
        if record["entity"] == "invoice":
            for name in (record["qbo_id"], f"lms:{record['lms_id']}" if record["lms_id"] else None):
                if name:
                    places[name] = place
    for place, record in enumerate(records):
        if record["entity"] == "invoice":
            continue
        ours, theirs = record["lms_applied"] or {}, record["qbo_applied"] or {}
        for name in sorted(ours.keys() | theirs.keys()):
            more = Decimal(ours.get(name, 0)) - Decimal(theirs.get(name, 0))
            if more:
                yield _Use(place, places.get(name), more, record["lms_amount"] is not None)


def _because(other: Record, finding: Finding, how: str) -> Finding:
    name = title(other)
    name = name[0].lower() + name[1:]
    return Finding(
        cause=finding.cause,
        reason=f"{how} {name}: {finding.reason[0].lower()}{finding.reason[1:]}",
        what_to_do=f"See {name}. This difference ends with that one.",
        sync_error_id=finding.sync_error_id,
    )


# ------------------------------------------------------------------ no cause


_ENTER_AGAIN = "If it belongs in this company too, enter it in QuickBooks. "
_ADOPTED = "With the same number, customer, date, and amount, Pilot treats the two as one."
_DELETE_THE_OLDER = "It then comes to Pilot once more: delete the one that was there before."


def _without_cause(record: Record, proof: Proof) -> Finding:
    if _is_on_both(record) and not record["linked"]:
        return Finding(
            cause=Cause.MISSING,
            reason="Both Pilot and QuickBooks have it, but Pilot does not know that the two are the same.",
            what_to_do="Choose Link: Pilot treats them as one from then on, and nothing is entered twice.",
            fix="link",
        )
    if record["other_company"]:
        adopted = record["entity"] == "invoice" and proof.company.preferences.custom_transaction_numbers
        return Finding(
            cause=Cause.MISSING,
            reason=f"It was entered in “{record['other_company']}”, another QuickBooks company. What came from "
            "QuickBooks is never sent to another company.",
            what_to_do=_ENTER_AGAIN + (_ADOPTED if adopted else _DELETE_THE_OLDER),
        )
    if record["qbo_amount"] is None:
        gone = "It was synced, but it is no longer in QuickBooks" if record["linked"] else "It is only in Pilot"
        return Finding(
            cause=Cause.MISSING,
            reason=f"{gone}, and no change is waiting to sync.",
            what_to_do="Choose Compare again: Pilot then decides anew and syncs it.",
            fix="compare",
        )
    if record["lms_amount"] is None:
        gone = "It was synced, but it is no longer in Pilot" if record["linked"] else "It is only in QuickBooks"
        return Finding(
            cause=Cause.MISSING,
            reason=f"{gone}, and no change is waiting to sync.",
            what_to_do="Choose Compare again: Pilot then decides anew and syncs it.",
            fix="compare",
        )
    return Finding(
        cause=Cause.DRIFT,
        reason=f"The two sides differ ({_what_differs(record)}), and nothing that Pilot knows of explains it.",
        what_to_do="Choose Compare again. If the difference stays, correct the side that is wrong.",
        fix="compare",
    )


def _what_differs(record: Record) -> str:
    said = []
    for field, words in (("amount", "amount"), ("open", "open" if record["entity"] == "invoice" else "not applied")):
        ours, theirs = record[f"lms_{field}"], record[f"qbo_{field}"]
        if ours != theirs:
            said.append(f"{words}: {show(ours)} in Pilot, {show(theirs)} in QuickBooks")
    if not said:
        said.append("it is applied to other invoices")
    return "; ".join(said)


# ------------------------------------------------------------------ both sides, no link


def paired(records: Sequence[Record]) -> list[Record]:
    """The records, those that both sides have without a link joined in one: same kind, customer, date, amount, and
    number for an invoice. Nothing that is being synced or has an error is joined."""
    frame = pd.DataFrame({"place": range(len(records))})
    for name in ("entity", "lms_customer", "qbo_customer", "lms_dated", "qbo_dated", "lms_amount", "qbo_amount"):
        frame[name] = pd.Series([record[name] for record in records], dtype=object)
    frame["number"] = [record["number"] if record["entity"] == "invoice" else None for record in records]
    loose = pd.Series([not _is_tracked(record) for record in records], dtype=bool)
    ours, theirs = (
        _numbered(frame[loose & frame[f"{other}_amount"].isna()], side)
        for side, other in (("lms", "qbo"), ("qbo", "lms"))
    )
    joined: dict[int, int] = {
        int(row["place_lms"]): int(row["place_qbo"])
        for row in ours.merge(theirs, on=_SAME, suffixes=("_lms", "_qbo")).to_dict("records")
    }
    taken = set(joined.values())
    return [
        _join(record, records[joined[place]]) if place in joined else record
        for place, record in enumerate(records)
        if place not in taken
    ]


_SAME = ["entity", "customer", "dated", "amount", "number", "nth"]


def _numbered(frame: pd.DataFrame, side: str) -> pd.DataFrame:
    """One side's records under common names; equal ones are numbered, so that each has one partner at most."""
    names = {f"{side}_{name}": name for name in ("customer", "dated", "amount")}
    found = frame[["place", "entity", "number", *names]].rename(columns=names)
    found["number"] = found["number"].astype(object).where(found["number"].notna(), "")
    found["nth"] = found.groupby(["entity", "customer", "dated", "amount", "number"], dropna=False).cumcount()
    return found


def _is_tracked(record: Record) -> bool:
    return bool(record["linked"] or record["error_code"] or record["marked"] or record["in_hand"])


def _join(ours: Record, theirs: Record) -> Record:
    of_theirs = ("qbo_id", "qbo_customer", "qbo_dated", "qbo_due", "qbo_amount", "qbo_open", "qbo_applied")
    later = ("sync_token", "qbo_updated_at", "unseen")
    return {**ours, **{name: theirs[name] for name in (*of_theirs, *later)}}
