"""Both sides' sums, customer by customer, and whether the records explain each gap. In cents (int64), so that no sum
passes through a float."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

#: The figures of a customer on one side. What is open: an invoice's balance; what of the others is not applied.
FIGURES = ("invoices", "invoices_open", "credits", "credits_open", "payments", "payments_open")
_SIDES = ("lms", "qbo")
_KEY = ["billing_lab_id", "customer"]
#: Of no lab: what is entered in QuickBooks while no lab receives it. (pandas cannot join what is missing.)
_NO_LAB = 0


def cents(amount: Decimal | None) -> int:
    """Dollars as cents."""
    return int(amount * 100) if amount is not None else 0


def customers(sums: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per lab and customer with each figure of both sides, in cents.

    `sums`: of the records. `others`: {billing_lab_id, customer, qbo_other}, what of QuickBooks' own balance no record
    explains.
    """
    columns = [f"{side}_{figure}" for side in _SIDES for figure in FIGURES]
    frame = _frame(sums, columns).merge(_frame(others, ["qbo_other"]), on=_KEY, how="outer")
    return _whole(frame).sort_values(_KEY).reset_index(drop=True)


def explain(frame: pd.DataFrame, differences: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The customers with both balances, each figure's gap (QuickBooks less LMS) and what the differences explain of it.

    `differences`: with amounts in dollars.
    """
    figures = [*_KEY, *(f"{side}_{figure}" for side in _SIDES for figure in FIGURES), "qbo_other"]
    found = _whole(frame[figures].merge(_explained(differences), on=_KEY, how="outer"))
    for figure in FIGURES:
        found[f"gap_{figure}"] = found[f"qbo_{figure}"] - found[f"lms_{figure}"]
    for side in _SIDES:
        invoices, credits, payments = (found[f"{side}_{entity}_open"] for entity in ("invoices", "credits", "payments"))
        found[f"{side}_balance"] = invoices - credits - payments
    found["qbo_balance"] += found["qbo_other"]
    found["gap_balance"] = found["qbo_balance"] - found["lms_balance"]
    return found.sort_values(_KEY).reset_index(drop=True)


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    """What an outer join left open is 0; all figures are whole cents."""
    numbers = [name for name in frame.columns if name not in _KEY]
    frame[numbers] = frame[numbers].fillna(0).astype("int64")
    return frame


def _frame(rows: Sequence[Mapping[str, Any]], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame([{name: row[name] for name in (*_KEY, *columns)} for row in rows], columns=[*_KEY, *columns])
    frame["billing_lab_id"] = pd.Series([row["billing_lab_id"] or _NO_LAB for row in rows], dtype="int64")
    frame["customer"] = frame["customer"].astype(object)
    frame[columns] = frame[columns].astype("int64")
    return frame


def _explained(differences: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What the differences come to per customer: QuickBooks' part counts for the customer there, the LMS's part against
    the customer here, which are two where somebody moved the record."""
    parts: list[dict[str, Any]] = []
    for one in differences:
        for side, sign in (("qbo", 1), ("lms", -1)):
            if one[f"{side}_customer"] is not None:
                parts.append(_part(one, side, sign))
    names = [*(f"explained_{figure}" for figure in FIGURES), "explained_balance", "differences", "unexplained"]
    frame = pd.DataFrame(parts, columns=[*_KEY, "record", *names])
    if frame.empty:
        return frame[[*_KEY, *names]].astype({"billing_lab_id": "int64", **dict.fromkeys(names, "int64")})
    # A record whose customer is the same on both sides is one.
    counted = frame.drop_duplicates([*_KEY, "record"]).groupby(_KEY)[["differences", "unexplained"]].sum()
    sums = frame.groupby(_KEY)[names[:-2]].sum()
    return sums.join(counted).reset_index()


def _part(one: Mapping[str, Any], side: str, sign: int) -> dict[str, Any]:
    part: dict[str, Any] = dict.fromkeys([f"explained_{figure}" for figure in FIGURES], 0)
    amount, open_amount = sign * cents(one[f"{side}_amount"]), sign * cents(one[f"{side}_open"])
    if one["entity"] != "other":
        part[f"explained_{one['entity']}s"] = amount
        part[f"explained_{one['entity']}s_open"] = open_amount
    return {
        **part,
        "explained_balance": open_amount if one["entity"] in ("invoice", "other") else -open_amount,
        "billing_lab_id": one["billing_lab_id"] or _NO_LAB,
        "customer": one[f"{side}_customer"],
        "record": f"{one['entity']}/{one['lms_id']}/{one['qbo_id']}",
        "differences": 1,
        "unexplained": 0 if one["explained"] else 1,
    }


def own_balances(explained: pd.DataFrame, balances: Mapping[str, int]) -> pd.DataFrame:
    """The balance that QuickBooks itself shows of each of its customers, beside what the proof has of it over all labs.

    `explained`: of `explain`; `balances`: customer → cents.
    """
    own = pd.DataFrame({"customer": list(balances), "own_balance": list(balances.values())})
    own["customer"] = own["customer"].astype(object)
    found = explained.groupby("customer", as_index=False)["qbo_balance"].sum()
    joined = own.merge(found, on="customer", how="left")
    joined[["own_balance", "qbo_balance"]] = joined[["own_balance", "qbo_balance"]].fillna(0).astype("int64")
    return joined
