"""Which entities each DAG moves, and in which order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from include.model.record import LISTS, Direction, Entity
from include.sync.entity import credit, customer, invoice, payment, product
from include.sync.entity.rules import EntityRules
from include.sync.staging import StagedRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Wave:
    """Records of one entity that the load writes together, before the next wave."""

    rules: EntityRules
    wants: Callable[[StagedRecord], bool] = lambda record: True


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """One DAG's entities; later ones may need earlier ones."""

    direction: Direction
    entities: tuple[EntityRules, ...]
    #: Where the order of the entities is not enough.
    order: tuple[Wave, ...] = ()
    #: What goes first (due.py).
    after: tuple[Entity, ...] = ()

    @property
    def waves(self) -> tuple[Wave, ...]:
        """In which order the load writes."""
        return self.order or tuple(Wave(rules=rules) for rules in self.entities)

    @property
    def names(self) -> list[Entity]:
        """The entities' names."""
        return [rules.entity for rules in self.entities]


FLOWS: Mapping[str, Flow] = {
    "billing_account_lms_to_qbo": Flow(
        direction="lms_to_qbo", entities=(customer.BILLING_ACCOUNT, customer.DOCTOR_OFFICE)
    ),
    "product_lms_to_qbo": Flow(direction="lms_to_qbo", entities=(product.PRODUCT, product.SPECIAL_ITEM)),
    "invoice_lms_to_qbo": Flow(direction="lms_to_qbo", entities=(invoice.INVOICE,), after=LISTS),
    "credit_lms_to_qbo": Flow(
        direction="lms_to_qbo",
        entities=(credit.CREDIT, credit.CREDIT_APPLICATION),
        after=(*LISTS, "invoice"),
        order=(
            Wave(rules=credit.CREDIT_APPLICATION, wants=credit.frees_money),
            Wave(rules=credit.CREDIT),
            Wave(rules=credit.CREDIT_APPLICATION, wants=lambda record: not credit.frees_money(record)),
        ),
    ),
    "payment_lms_to_qbo": Flow(
        direction="lms_to_qbo",
        entities=(payment.PAYMENT,),
        after=(*LISTS, "invoice"),
        order=(
            Wave(rules=payment.PAYMENT, wants=payment.frees_money),
            Wave(rules=payment.PAYMENT, wants=lambda record: not payment.frees_money(record)),
        ),
    ),
}
