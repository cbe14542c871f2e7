"""Runs an entity's Great Expectations suite over records, row by row.

A row that fails an expectation becomes a problem of that record; the others go on. Every expectation carries in its
`meta` the words for the bookkeeper: `message` and `resolution`, with the record's own fields in braces.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from include.expectations import customer, invoice, invoice_to_lms, payment, payment_to_lms, product
from include.expectations.errors import BrokenExpectation
from include.model.problem import Problem
from include.model.record import Entity, Side

#: (entity, side that is written) → (the record as a row, its expectations).
_SUITES: Mapping[tuple[Entity, Side], tuple[Callable[[Any], dict[str, Any]], Callable[[], list[Any]]]] = {
    ("billing_account", "qbo"): (customer.row, customer.expectations),
    ("doctor_office", "qbo"): (customer.row, customer.expectations),
    ("product", "qbo"): (product.row, product.expectations),
    ("special_item", "qbo"): (product.row, product.expectations),
    ("invoice", "qbo"): (invoice.row, invoice.expectations),
    ("payment", "qbo"): (payment.row, payment.expectations),
    ("credit", "qbo"): (payment.row, payment.expectations),
    ("credit_application", "qbo"): (payment.application_row, payment.application_expectations),
    ("invoice", "lms"): (invoice_to_lms.row, invoice_to_lms.expectations),
    ("payment", "lms"): (payment_to_lms.row, payment_to_lms.expectations),
}


#: What happens once the record is corrected, on either side.
_THEN = "The change is then picked up automatically."


def check(entity: Entity, side: Side, records: Mapping[str, Any]) -> dict[str, list[Problem]]:
    """The problems of each record that has any on its way to that side, by record id. Raises BrokenExpectation."""
    if not records:
        return {}
    to_row, _ = _SUITES[entity, side]
    rows = [{"record_id": record_id, **to_row(record)} for record_id, record in records.items()]
    problems: dict[str, list[Problem]] = defaultdict(list)
    by_id = {row["record_id"]: row for row in rows}
    for meta, failing in _failures(entity, side, pd.DataFrame(rows).astype(object)):
        for record_id in failing:
            problems[record_id].append(_problem(meta, by_id[record_id]))
    return problems


@cache
def rules(entity: Entity, side: Side) -> tuple[Mapping[str, str], ...]:
    """What a suite checks, in its order, for the report: {rule, expectation, fails_when}."""
    _, make_expectations = _SUITES[entity, side]
    return tuple(
        {
            "rule": one.meta["rule"],
            "expectation": _as_written(one),
            # The record's own words stand where a report of all records has none.
            "fails_when": re.sub(r"\{[^}]*\}", "…", one.meta["message"]),
        }
        for one in make_expectations()
    )


def _as_written(expectation: Any) -> str:
    """As in Great Expectations' gallery: `expect_column_values_to_be_between(column="amount", min_value=0)`."""
    configuration = expectation.configuration
    given = ", ".join(f"{name}={value!r}" for name, value in configuration.kwargs.items() if value is not None)
    return f"{configuration.type}({given})"


@cache
def _suite(entity: Entity, side: Side) -> tuple[BatchDefinition, gx.ExpectationSuite, Mapping[str, int]]:
    """Where the entity's rows go in, its suite, and the place of each rule in it. Made once for a process: it costs
    more than the checking."""
    _, make_expectations = _SUITES[entity, side]
    expectations = make_expectations()
    # Without Data Docs sites: each would leave a temporary folder behind, and nobody reads them.
    config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False))
    context = gx.get_context(mode="ephemeral", project_config=config)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = context.suites.add(gx.ExpectationSuite(name=f"{entity} to {side}", expectations=expectations))
    asset = context.data_sources.add_pandas("staged").add_dataframe_asset(f"{entity} to {side}")
    order = {expectation.meta["rule"]: position for position, expectation in enumerate(expectations)}
    return asset.add_batch_definition_whole_dataframe("all"), suite, order


def _failures(entity: Entity, side: Side, frame: pd.DataFrame) -> list[tuple[Mapping[str, str], list[str]]]:
    """For each expectation that some row fails: its meta and those rows' ids, in the suite's order."""
    batch_definition, suite, order = _suite(entity, side)
    batch = batch_definition.get_batch(batch_parameters={"dataframe": frame})
    # Mostly all is well, and to know that much costs half of asking for the rows.
    if batch.validate(suite, result_format={"result_format": "BOOLEAN_ONLY"}).success:
        return []
    report = batch.validate(
        suite,
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["record_id"],
            "partial_unexpected_count": 0,
        },
    )
    failures = []
    for result in report.results:
        meta = result.expectation_config.meta
        if result.success:
            continue
        failing = [row["record_id"] for row in (result.result or {}).get("unexpected_index_list") or []]
        if not failing:
            raise BrokenExpectation(f"{entity}, rule {meta['rule']}: {result.exception_info}")
        failures.append((meta, failing))
    return sorted(failures, key=lambda failure: order[failure[0]["rule"]])


def _problem(meta: Mapping[str, str], row: Mapping[str, Any]) -> Problem:
    words = {name: _shown(value, _IN_A_SENTENCE) for name, value in row.items()}
    return Problem(
        code="validation_failed",
        message=meta["message"].format(**words),
        resolution=f"{meta['resolution'].format(**words)} {_THEN}",
        detail={"rule": meta["rule"], "row": {name: _shown(value, _IN_DETAIL) for name, value in row.items()}},
    )


#: Characters of a text in a message for people, and in the detail, which is for support and no copy of the record.
_IN_A_SENTENCE, _IN_DETAIL = 80, 200


def _shown(value: Any, limit: int) -> Any:
    """A value fit for JSON, long text shortened."""
    if isinstance(value, Decimal) or value is None:
        return value
    text = str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
