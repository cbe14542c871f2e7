"""Which entities each DAG syncs, in which order, and who goes first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from include.model.record import LISTS, Direction, Entity
from include.model.staged import StagedRecord
from include.sync.entity.base import EntitySync
from include.sync.entity.credit import CREDIT, CREDIT_APPLICATION
from include.sync.entity.customer import BILLING_ACCOUNT, DOCTOR_OFFICE
from include.sync.entity.invoice import INVOICE
from include.sync.entity.payment import PAYMENT
from include.sync.entity.product import PRODUCT, SPECIAL_ITEM
from include.sync.plan import credit, payment


@dataclass(frozen=True, kw_only=True, slots=True)
class Wave:
    """Records of one entity that the load writes together, before the next wave."""

    sync: EntitySync[Any, Any, Any, Any]
    includes: Callable[[StagedRecord[Any, Any, Any, Any]], bool] = lambda record: True


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """One DAG's entities; later ones may need earlier ones."""

    direction: Direction
    entities: tuple[EntitySync[Any, Any, Any, Any], ...]
    #: Where the order of the entities is not enough.
    order: tuple[Wave, ...] = ()
    #: What goes first (due.py).
    after: tuple[Entity, ...] = ()

    @property
    def waves(self) -> tuple[Wave, ...]:
        """In which order the load writes."""
        return self.order or tuple(Wave(sync=sync) for sync in self.entities)

    @property
    def names(self) -> list[Entity]:
        """The entities' names."""
        return [sync.entity for sync in self.entities]


FLOWS: Mapping[str, Flow] = {
    "billing_account_lms_to_qbo": Flow(direction="lms_to_qbo", entities=(BILLING_ACCOUNT, DOCTOR_OFFICE)),
    "product_lms_to_qbo": Flow(direction="lms_to_qbo", entities=(PRODUCT, SPECIAL_ITEM)),
    "invoice_lms_to_qbo": Flow(direction="lms_to_qbo", entities=(INVOICE,), after=LISTS),
    "credit_lms_to_qbo": Flow(
        direction="lms_to_qbo",
        entities=(CREDIT, CREDIT_APPLICATION),
        after=(*LISTS, "invoice"),
        order=(
            Wave(sync=CREDIT_APPLICATION, includes=credit.releases_money),
            Wave(sync=CREDIT),
            Wave(sync=CREDIT_APPLICATION, includes=lambda record: not credit.releases_money(record)),
        ),
    ),
    "payment_lms_to_qbo": Flow(
        direction="lms_to_qbo",
        entities=(PAYMENT,),
        after=(*LISTS, "invoice"),
        order=(
            Wave(sync=PAYMENT, includes=payment.releases_money),
            Wave(sync=PAYMENT, includes=lambda record: not payment.releases_money(record)),
        ),
    ),
    "invoice_qbo_to_lms": Flow(direction="qbo_to_lms", entities=(INVOICE,)),
    "payment_qbo_to_lms": Flow(direction="qbo_to_lms", entities=(PAYMENT,), after=("invoice",)),
}
