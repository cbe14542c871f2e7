"""What docs/reference/quickbooks.md marks as recalled (R) or unsure (?) is a switch: name, default, values and why.

`GET /sandbox/switches` lists them, `POST /sandbox/switches` sets them for the server,
`POST /sandbox/companies/{realm}/switches` for one company.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Switch:
    """One doubtful behaviour. `values` are the allowed ones, or empty for a number."""

    name: str
    default: Any
    values: tuple[Any, ...]
    why: str


SWITCHES = {
    switch.name: switch
    for switch in (
        Switch("rotation_hours", 24, (), "1.4: a refresh token's value changes about every 24 h"),
        Switch("refresh_overlap_seconds", 0, (), "1.5: how long a rotated value still works; no source says so"),
        Switch("reuse_kills_grant", False, (True, False), "1.4: a rotated value used again may kill the grant"),
        Switch("revoked_token", 403, (401, 403), "1.6: a revoked grant's access token; 8.2 knows a 401 too (R)"),
        Switch("requestid_retention_hours", 24, (), "2.4: hours, not days; undocumented"),
        Switch("requestid_other_body", "replay", ("replay", "refuse"), "2.4: same id, other body: replay (R) or 600"),
        Switch("requestid_keeps_faults", False, (True, False), "2.4: faults are not kept for replay (R)"),
        Switch("throttle_envelope", "lower", ("lower", "upper"), "3.2: casing of the 429 body (R)"),
        Switch("retry_after", False, (True, False), "2.2: whether 429 carries Retry-After; undocumented"),
        Switch("max_results_over_1000", "refuse", ("refuse", "cap"), "4.1: MAXRESULTS 1001: 4001 or capped (R)"),
        Switch("default_order", "id", ("id", "newest_first"), "4.3: order of transactions without ORDERBY (R)"),
        Switch("bare_numbers", "accept", ("accept", "refuse"), "12: one report of 4000 on Balance > 0"),
        Switch("total_count", "sometimes", ("sometimes", "always", "never"), "4.3: present in many samples only"),
        Switch("cdc_inclusive", True, (True, False), "5: whether changedSince includes its own second (?)"),
        Switch("cdc_lag_seconds", 0, (), "5.1: propagation delay, usually seconds (R)"),
        Switch("cdc_per_entity_cap", False, (True, False), "5: false: 1000 in all; true: 1000 for each entity"),
        Switch("paid_invoice_delete", "unapply", ("unapply", "refuse"), "9.4: deleting a paid invoice (?)"),
        Switch("lower_paid_invoice", "unapply", ("unapply", "refuse"), "9.4: total below the applied amount (?)"),
        Switch("paid_invoice_customer", "refuse", ("refuse", "unapply"), "9.4: CustomerRef of a paid invoice (R)"),
        Switch("cross_customer_payment", "family", ("family", "exact"), "9.6: a parent's payment on sub-customers"),
        Switch("empty_application", "keep", ("keep", "delete"), "9.6: zero payment left without lines"),
        Switch("move_touches_descendants", False, (True, False), "9.1: SyncTokens of children on re-parenting (?)"),
        Switch("parent_deactivation", "refuse", ("refuse", "cascade", "allow"), "9.1: with active children (?)"),
        Switch("deactivation_with_balance", "refuse", ("refuse", "credit"), "9.1: 6220 (C3) or a credit memo (UI)"),
        Switch("suffix_on_reactivation", "keep", ("keep", "strip"), "9.1: ' (deleted)' when no name is sent (R)"),
        Switch("balance_touches_customer", False, (True, False), "5.1: balance changes and SyncToken (R: no)"),
        Switch("inactive_reference", 2500, (2500, 610), "8.4, trap 40: both codes are on record"),
        Switch("name_clash_text", "plain", ("plain", "template"), "8.4: 6240 with $$customer$$ unresolved"),
        Switch("discount_off", "refuse", ("refuse", "drop"), "9.4: a discount line with AllowDiscount off (?)"),
        Switch("shipping_off", "refuse", ("refuse", "drop"), "9.4: a shipping line with AllowShipping off (?)"),
        Switch("duplicate_number_warning", True, (True, False), "9.4: the company setting that no API shows"),
        Switch("automated_tax_percent", 0, (), "9.7: rate of the tax engine where PartnerTaxEnabled is on"),
        Switch("zero_tax_refused", True, (True, False), "9.7, trap 29: TotalTax 0 under automated sales tax"),
        Switch("closed_period", "refuse", ("refuse", "ignore"), "9.6, trap 19: 6210, or 200 and nothing done"),
        Switch("closed_invoice_payment", "allow", ("allow", "refuse"), "9.6: an open payment on a closed invoice (?)"),
        Switch("fault_type", "ValidationFault", ("ValidationFault", "Validation"), "8.1, trap 46: older type string"),
        Switch("last_modifier", "API API", (), "8.4: the name that 5010 prints"),
        Switch("query_lines_vanish", False, (True, False), "trap 50: queries that show the SubTotal line only"),
        Switch("query_stale_tokens", False, (True, False), "trap 8: queries that show an older SyncToken"),
        Switch("undelete_names", True, (True, False), "9.1: ' (deleted)' frees the name of an inactive customer"),
        Switch("batch_sees_itself", False, (True, False), "6: items of one batch are blind to each other"),
        Switch("batch_order", "in_order", ("in_order", "reverse"), "6: the order of work must not be assumed"),
    )
}


class UnknownSwitch(ValueError):
    """No such switch, or a value that it does not take."""


def check(name: str, value: Any) -> Any:
    """The value, if the switch exists and takes it."""
    switch = SWITCHES.get(name)
    if switch is None:
        raise UnknownSwitch(f"there is no switch {name!r}")
    if switch.values and value not in switch.values:
        raise UnknownSwitch(f"{name} takes {list(switch.values)}, not {value!r}")
    number = isinstance(switch.default, int) and not isinstance(switch.default, bool)
    if number and (isinstance(value, bool) or (not isinstance(value, (int, float)) and not hasattr(value, "quantize"))):
        raise UnknownSwitch(f"{name} takes a number, not {value!r}")
    return value


class Switchboard:
    """The server's settings; a company's own come first."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, name: str, own: dict[str, Any]) -> Any:
        """The setting in force for a company whose own settings are `own`."""
        if name in own:
            return own[name]
        if name in self.values:
            return self.values[name]
        return SWITCHES[name].default

    def set(self, changes: dict[str, Any], own: dict[str, Any] | None = None) -> None:
        """Change some; null puts one back to its default. Nothing changes if one of them is wrong."""
        target = self.values if own is None else own
        for name, value in changes.items():
            if value is not None or name not in SWITCHES:
                check(name, value)
        for name, value in changes.items():
            if value is None:
                target.pop(name, None)
            else:
                target[name] = value
