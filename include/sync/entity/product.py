"""Products, and the special items for tax and credits, as items."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import psycopg

from include.company.company import Company
from include.lms.product import read_products
from include.model.plan import Plan
from include.model.problem import Problem
from include.model.product import Product
from include.model.record import CREDIT_ITEM, TAX_ITEM, Entity, RecordKey
from include.model.settings import LabSettings
from include.model.staged import Version
from include.qbo import product as qbo_product
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync import fault_words
from include.sync.entity.base import Json, SendBeside, ToQuickBooks
from include.sync.entity.names import find_bearers, find_free_names, shows_in_quickbooks
from include.sync.intents import Intent
from include.sync.plan.guards import Subject
from include.sync.plan.product import ProductContext, StagedProduct, name_proposals, plan_product

_ENTITIES: tuple[Entity, ...] = ("product", "special_item")


class ItemSync(ToQuickBooks[Product, Product, Version, ProductContext]):
    """Both kinds of items: they differ only in where they come from."""

    resource: ClassVar[str] = qbo_product.RESOURCE
    row = StagedProduct
    same_resource = _ENTITIES

    def read(
        self, connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedProduct]
    ) -> None:
        """Of new items, who bears the name."""
        found = self._in_lms(connection, [record.record_id for record in records])
        for record in records:
            record.lms, record.context = found.get(record.record_id), ProductContext()
        new = [record for record in records if record.link is None and record.lms]
        find_bearers(connection, client, new, (self.resource,), _ENTITIES)
        self.propose_names(client, new)

    def propose_names(self, client: QboClient, records: Sequence[StagedProduct]) -> None:
        """Fill `free_name` of new items whose name is another's."""
        proposals = {record.record_id: name_proposals(record) for record in records}
        find_free_names(client, (self.resource,), records, proposals)

    def _in_lms(self, connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Product]:
        return read_products(connection, ids)

    def plan(self, record: StagedProduct, lab: LabSettings) -> Plan[Product]:
        """By the items' planner."""
        return plan_product(record, lab)

    def subject(self, record: StagedProduct) -> Subject:
        """An item has no date."""
        return Subject(noun=self.noun(record.lms))

    def document_number(self, record: StagedProduct) -> str | None:
        """Its name."""
        return self.number(record.lms)

    def references(self, target: Product) -> tuple[RecordKey, ...]:
        """None."""
        return ()

    def body(self, record: StagedProduct, plan: Plan[Product], ids: Mapping[RecordKey, str], company: Company) -> Json:
        """A create, earning into the account that the lab chose for this kind of item."""
        if plan.target is None:
            raise RuntimeError("an item that is written has a name")
        settings = company.of_lab(record.billing_lab_id)
        account = {
            TAX_ITEM: settings.tax_account_id or settings.income_account_id,
            CREDIT_ITEM: settings.credit_account_id or settings.income_account_id,
        }.get(record.key, settings.income_account_id)
        return qbo_product.create_body(plan.target, account)

    def noun(self, base: Product | None) -> str:
        """“Product …”."""
        return f"Product “{base.name if base else ''}”"

    def number(self, base: Product | None) -> str | None:
        """Its name stands where transactions have a number."""
        return base.name if base else None

    def explain(self, fault: Fault, intent: Intent, client: QboClient) -> Problem:
        """The fault in words. Products share their names with products and services only, not with customers."""
        noun = self.noun(intent.base if isinstance(intent.base, Product) else None)
        problem = fault_words.explain(fault, noun)
        return fault_words.item_name_in_use(problem, noun) if fault.code == "6240" else problem

    def find_candidates(self, client: QboClient, bodies: Sequence[Json]) -> list[Json]:
        """Items of these names."""
        return qbo_product.find_candidates(client, bodies)

    def is_made_from(self, candidate: Json, body: Json) -> bool:
        """By the name."""
        return qbo_product.is_made_from(candidate, body)

    def remove_cause(self, client: QboClient, intent: Intent, fault: Fault, send_beside: SendBeside) -> bool:
        """A name that was taken since it was looked up is told with its holder by the next plan."""
        name = self.number(intent.base if isinstance(intent.base, Product) else None)
        return bool(name) and shows_in_quickbooks(client, (self.resource,), intent, fault, str(name))


class ProductSync(ItemSync):
    """The LMS's products."""

    entity = "product"


class SpecialItemSync(ItemSync):
    """`Tax` and `Lab Credit` stand in no table: their name is all there is (rule 3)."""

    entity = "special_item"

    def _in_lms(self, connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Product]:
        return {name: Product(name=name) for name in ids if name in (TAX_ITEM.id, CREDIT_ITEM.id)}


PRODUCT = ProductSync()
SPECIAL_ITEM = SpecialItemSync()
