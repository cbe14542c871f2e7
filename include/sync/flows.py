"""Which entities each DAG moves, and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass

from include.model.record import Direction, Entity
from include.sync.entity import customer, invoice, product
from include.sync.entity.rules import EntityRules


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """One DAG's entities; later ones may need earlier ones."""

    direction: Direction
    entities: tuple[EntityRules, ...]

    @property
    def names(self) -> list[Entity]:
        """The entities' names."""
        return [rules.entity for rules in self.entities]


FLOWS: Mapping[str, Flow] = {
    "billing_account_lms_to_qbo": Flow(
        direction="lms_to_qbo", entities=(customer.BILLING_ACCOUNT, customer.DOCTOR_OFFICE)
    ),
    "product_lms_to_qbo": Flow(direction="lms_to_qbo", entities=(product.PRODUCT, product.SPECIAL_ITEM)),
    "invoice_lms_to_qbo": Flow(direction="lms_to_qbo", entities=(invoice.INVOICE,)),
}
