"""Products, and the special items for tax and credits, as items."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg

from include.company.company import Company
from include.lms.product import read_products
from include.model.plain import Canonical, product_from_plain
from include.model.problem import Problem
from include.model.product import Product
from include.model.record import CREDIT_ITEM, TAX_ITEM, RecordKey
from include.qbo import product as qbo_product
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync import words
from include.sync.entity.holders import holders_of, read_back
from include.sync.entity.refused import note_refused
from include.sync.entity.rules import EntityRules, Json
from include.sync.intents import Intent
from include.sync.plan.action import Plan
from include.sync.plan.product import ProductSituation, plan_product
from include.sync.staging import StagedRecord


def read_special_items(connection: psycopg.Connection, ids: Sequence[str]) -> dict[str, Canonical]:
    """Special items stand in no table: their name is all there is (sync rules, section 3)."""
    return {name: Product(name=name) for name in ids if name in (TAX_ITEM.id, CREDIT_ITEM.id)}


def observe(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedRecord]
) -> None:
    """For new items: who holds the name."""
    new = [record for record in records if record.link is None and record.lms]
    if not new:
        return
    names = [record.lms["name"] for record in new if record.lms]
    refused: dict[str, Fault] = {}
    holders = holders_of(
        connection, client, names, ("Item",), ("product", "special_item"), refused, company.preferences
    )
    for record in new:
        name = (record.lms or {})["name"]
        record.qbo["holders"] = holders.get(name.casefold(), [])
        note_refused(record, name, refused)


def plan(record: StagedRecord, company: Company) -> Plan:
    """From the staged row to the planner and back."""
    return plan_product(
        ProductSituation(
            linked=record.link is not None,
            lms=product_from_plain(record.lms) if record.lms else None,
            holders=read_back(record.qbo.get("holders", [])),
        )
    )


def body(record: StagedRecord, ids: Mapping[RecordKey, str], company: Company) -> Json:
    """A create, earning into the account that the lab chose for this kind of item."""
    settings = company.of_lab(record.billing_lab_id)
    account = {
        TAX_ITEM: settings.tax_account_id or settings.income_account_id,
        CREDIT_ITEM: settings.credit_account_id or settings.income_account_id,
    }.get(record.key, settings.income_account_id)
    return qbo_product.create_body(product_from_plain(record.lms or {}), account)


def explain(fault: Fault, intent: Intent, client: QboClient) -> Problem:
    """The fault in words. Products share their names with products and services only, not with customers."""
    product = f"Product “{intent.base.get('name', '')}”"
    problem = words.explain(fault, product)
    if fault.code == "6240":
        message = f"{product} cannot be created in QuickBooks: another product or service already has this name."
        return replace(problem, message=message)
    return problem


def candidates(client: QboClient, bodies: Sequence[Json]) -> list[Json]:
    """Items of these names."""
    return client.find("Item", "Name", [body["Name"] for body in bodies])


def came_from(record: Json, body: Json) -> bool:
    """A name is unique in QuickBooks: the item of that name is the one."""
    return bool(record["Name"].casefold() == body["Name"].casefold())


def _rules(**own: Any) -> EntityRules:
    return EntityRules(
        resource=qbo_product.RESOURCE,
        same_family=("product", "special_item"),
        batch_size=1,
        parallel=1,
        observe=observe,
        plan=plan,
        references=lambda product: (),
        body=body,
        from_plain=product_from_plain,
        agreed=lambda lms, answer: lms,
        objection=lambda intent, answer: None,
        explain=explain,
        document_number=lambda lms: lms.get("name"),
        candidates=candidates,
        came_from=came_from,
        **own,
    )


PRODUCT = _rules(entity="product", read=read_products)
SPECIAL_ITEM = _rules(entity="special_item", read=read_special_items)
