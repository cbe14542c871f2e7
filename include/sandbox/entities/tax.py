"""The tax block of a sales form (fact 9.7)."""

from __future__ import annotations

from decimal import Decimal

from .. import faults
from ..money import ZERO, cents, decimal_of, money, plain
from ..schema import Body
from ..work import Work
from .sales_lines import Lines


def compute(work: Work, new: Body, lines: Lines) -> Decimal:
    """Set `TxnTaxDetail` and return its total."""
    prefs = work.preferences.get("TaxPrefs", {})
    sent: Body = new.get("TxnTaxDetail") or {}
    if not prefs.get("UsingSalesTax"):
        # not stored where sales tax is off
        new["TxnTaxDetail"] = {"TotalTax": ZERO}
        return ZERO
    explicit = decimal_of(sent.get("TotalTax"))
    if prefs.get("PartnerTaxEnabled"):
        return _automated(work, new, lines, explicit)
    taxable = _taxable(new, lines)
    code = (sent.get("TxnTaxCodeRef") or {}).get("value")
    rate = _rate(work, code) if code else None
    if explicit is not None and (explicit or rate is None):
        total, taxed = cents(explicit), taxable
    elif rate is not None:
        total, taxed = cents(taxable * rate[1] / 100), taxable
    else:
        new["TxnTaxDetail"] = {"TotalTax": ZERO}
        return ZERO
    detail: Body = {"TotalTax": money(total)}
    if code and rate is not None:
        detail["TxnTaxCodeRef"] = {"value": code}
        detail["TaxLine"] = [_tax_line(rate[0], rate[1], total, taxed)]
    new["TxnTaxDetail"] = detail
    return total


def _automated(work: Work, new: Body, lines: Lines, explicit: Decimal | None) -> Decimal:
    percent = Decimal(str(work.switch("automated_tax_percent")))
    taxable = _taxable(new, lines)
    if explicit is not None and not explicit and work.switch("zero_tax_refused"):
        # trap 29
        raise faults.business("The sales tax was miscalculated. Leave the total tax out to have it computed.")
    total = cents(explicit) if explicit is not None else cents(taxable * percent / 100)
    detail: Body = {"TotalTax": money(total)}
    if total:
        detail["TxnTaxCodeRef"] = {"value": "2"}
        detail["TaxLine"] = [_tax_line("1", percent, total, taxable)]
    new["TxnTaxDetail"] = detail
    return total


def _taxable(new: Body, lines: Lines) -> Decimal:
    """False or absent ApplyTaxAfterDiscount: tax first; true: the discount lowers the base."""
    if not new.get("ApplyTaxAfterDiscount") or not lines.subtotal:
        return lines.taxable
    return cents(lines.taxable - lines.discount * lines.taxable / lines.subtotal)


def _rate(work: Work, code: str) -> tuple[str, Decimal] | None:
    if code.upper() in ("TAX", "NON"):
        return None
    found = work.look("TaxCode", code)
    if found is None:
        raise faults.named("6160", "Invalid TaxCodeRef (CustomSalesTax)", f"Supplied value:{code}", "TxnTaxCodeRef")
    details = found.get("SalesTaxRateList", {}).get("TaxRateDetail", [])
    if not details:
        return None
    rate_id = details[0]["TaxRateRef"]["value"]
    rate = work.look("TaxRate", rate_id)
    return (rate_id, Decimal(str(rate["RateValue"]))) if rate is not None else None


def _tax_line(rate_id: str, percent: Decimal, total: Decimal, taxable: Decimal) -> Body:
    return {
        "Amount": money(total),
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": rate_id},
            "PercentBased": True,
            "TaxPercent": plain(percent),
            "NetAmountTaxable": money(taxable),
        },
    }
