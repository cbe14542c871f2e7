"""Which settings hold for a record: its lab's, its company's."""

from typing import Any

from include.company.company import Company
from include.model.record import LISTS, Direction, Entity
from include.model.settings import LabSettings
from include.model.staged import StagedRecord
from include.sync.plan.matrix import is_on


def is_on_for(company: Company, direction: Direction, entity: Entity, billing_lab_id: int | None) -> bool:
    """Whether a record's lab is connected and lets it flow; for one that names no lab, whether some lab does."""
    labs = company.settings.values() if billing_lab_id is None else [company.settings.get(billing_lab_id)]
    return any(lab is not None and is_on(entity, direction, lab) for lab in labs)


def is_still_on(company: Company, record: StagedRecord[Any, Any, Any, Any]) -> bool:
    """Not what the lab's settings have stopped since it was extracted: its mark stays. Customers and items are shared
    by all labs of the company: one lab that lets them flow is enough. What QuickBooks created goes by the lab that
    receives it."""
    lab = None if record.entity in LISTS else record.billing_lab_id
    receiver = company.receiving_lab
    if lab is None and receiver and record.entity not in LISTS and record.direction == "qbo_to_lms":
        lab = receiver.billing_lab_id
    return is_on_for(company, record.direction, record.entity, lab)


def has_taker(company: Company, record: StagedRecord[Any, Any, Any, Any]) -> bool:
    """Not what QuickBooks created and no lab has while none receives such transactions: it waits for one that does."""
    new_from_quickbooks = record.direction == "qbo_to_lms" and record.entity not in LISTS and record.link is None
    return not new_from_quickbooks or company.receiving_lab is not None


def settings_for(company: Company, record: StagedRecord[Any, Any, Any, Any], lab_id: int | None) -> LabSettings:
    """The settings that a plan for the record depends on.

    `lab_id`: whose record it is. What belongs to no lab yet is the receiving lab's. Customers and items are shared by
    all labs of the company: those of a lab that lets them flow.
    """
    connection = company.of_lab(lab_id)
    if record.entity in LISTS and not is_on(record.entity, record.direction, connection):
        others = [one for one in company.settings.values() if is_on(record.entity, record.direction, one)]
        connection = others[0] if others else connection
    elif record.direction == "qbo_to_lms" and lab_id is None:
        connection = company.receiving_lab or connection
    receiver = company.receiving_lab
    return LabSettings(
        connection=connection,
        preferences=company.preferences,
        receiving_lab=receiver.billing_lab_id if receiver else None,
    )
