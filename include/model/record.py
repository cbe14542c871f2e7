"""Names of records: which entity, which one."""

from typing import Literal, NamedTuple

Entity = Literal[
    "billing_account", "doctor_office", "product", "special_item", "invoice", "credit", "credit_application", "payment"
]
Direction = Literal["lms_to_qbo", "qbo_to_lms"]
Side = Literal["lms", "qbo"]
Operation = Literal["create", "update", "delete"]
Outcome = Literal["created", "updated", "deleted", "adopted", "unchanged", "waiting", "failed"]

#: Customers and items: one for all labs of a QuickBooks company.
LISTS: tuple[Entity, ...] = ("billing_account", "doctor_office", "product", "special_item")


class RecordKey(NamedTuple):
    """A record as the LMS names it: its entity and its id (a special item's name) as text."""

    entity: Entity
    id: str


class Owner(NamedTuple):
    """Whom a transaction of the LMS names: the billing account, and the doctor–office pair if it names one."""

    billing_account_id: str
    doctor_office_id: str | None = None


TAX_ITEM = RecordKey("special_item", "Tax")
CREDIT_ITEM = RecordKey("special_item", "Lab Credit")
