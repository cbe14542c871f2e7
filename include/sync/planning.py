"""One record's plan, under the settings of its lab."""

from typing import Any

from include.company.company import Company
from include.model.plan import Plan
from include.model.staged import StagedRecord
from include.sync.entity.base import EntitySync
from include.sync.lab import settings_for
from include.sync.plan.guards import guarded


def plan_one(
    sync: EntitySync[Any, Any, Any, Any], record: StagedRecord[Any, Any, Any, Any], company: Company
) -> Plan[Any]:
    """The entity's plan for a record, after all guards. Pure."""
    lab = settings_for(company, record, sync.lab_of(record))
    return guarded(sync.plan(record, lab), record, sync.subject(record), lab)
