"""The ledger proof as a table for a spreadsheet: a row per customer and figure, then a row per record that differs."""

import csv
import io
from typing import Any

from include.page.reconciliation_data import CAUSES, FIGURES, LabProof
from include.page.spreadsheet import plain


def as_csv(found: LabProof) -> str:
    """The text of the file, with amounts as plain numbers. Names that look like formulas get an apostrophe."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(
        ["Row", "Customer", "Sub-customer", "Record", "Number", "Date", "What", "Pilot", "QuickBooks", "Difference",
         "Cause", "Reason", "What to do"]
    )  # fmt: skip
    for one in found.customers:
        names = _names(one)
        for figure, words in FIGURES:
            lms, qbo = one[f"lms_{figure}"], one[f"qbo_{figure}"]
            writer.writerow(["Customer", *names, "", "", "", words, lms, qbo, qbo - lms, "", "", ""])
        for record in one["records"]:
            for field, words in (("amount", "Amount"), ("open", "Open")):
                lms = record[f"lms_{field}"] if record["lms_customer"] == one["customer"] else 0
                qbo = record[f"qbo_{field}"] if record["qbo_customer"] == one["customer"] else 0
                said = [CAUSES[record["cause"]], plain(record["reason"]), plain(record["what_to_do"])]
                what = [record["entity"].capitalize(), plain(record["number"]), record["dated"] or ""]
                writer.writerow(["Difference", *names, *what, words, lms, qbo, qbo - lms, *said])
    return stream.getvalue()


def _names(customer: dict[str, Any]) -> list[str]:
    if customer["parent"]:
        return [plain(customer["parent"]), plain(customer["name"])]
    return [plain(customer["name"]), ""]
