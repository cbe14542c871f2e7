"""Which customer a transaction of the LMS is for: its account's, or its pair's (rule 2)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class _Rule:
    joins: str
    condition: str


#: For a transaction `r`. A pair that has moved to a combined account has no sub-customer to go to.
CUSTOMER_IS_PAIR = _Rule(
    joins="join lms.billing_account a on a.id = r.billing_account_id"
    " left join lms.doctor_office o on o.id = r.doctor_office_id"
    " left join lms.billing_account here on here.id = o.billing_account_id",
    condition="coalesce(a.accounting_structure = 'detailed' and here.accounting_structure = 'detailed', false)",
)
