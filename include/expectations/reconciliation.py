"""What must hold of a ledger proof itself: each record and customer once, nothing lost, every gap explained.

The results are kept with the proof as Great Expectations gives them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from include.model.reconciliation import Cause


def check_proof(
    customers: pd.DataFrame,
    differences: pd.DataFrame,
    own_balances: pd.DataFrame,
    expected: Mapping[str, int],
) -> dict[str, Any]:
    """Whether the proof adds up: {"success", "results": [{"table", "control", "expectation", "success", "observed"}]}.

    `customers`, `own_balances`: of include/reconciliation/compare.py, in cents. `expected`: control totals, read on
    another way: lms_balance and qbo_balance in cents, customers as a number of rows.
    """
    results = [
        *_run("customers", customers, _of_customers(customers, expected)),
        *_run("differences", differences, _of_differences()),
        *_run("own balances", own_balances, _of_own_balances()),
    ]
    return {"success": all(one["success"] for one in results), "results": results}


def _of_customers(customers: pd.DataFrame, expected: Mapping[str, int]) -> list[Any]:
    figures = [name.removeprefix("gap_") for name in customers.columns if name.startswith("gap_")]
    return [
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["billing_lab_id", "customer"], meta={"control": "each customer of a lab is listed once"}
        ),
        gxe.ExpectTableRowCountToEqual(value=expected["customers"], meta={"control": "no customer is lost"}),
        *(
            gxe.ExpectColumnSumToBeBetween(
                column=f"{side}_balance",
                min_value=expected[f"{side}_balance"],
                max_value=expected[f"{side}_balance"],
                meta={"control": f"the customers add up to the whole ledger: {side}"},
            )
            for side in ("lms", "qbo")
        ),
        *(
            gxe.ExpectColumnPairValuesToBeEqual(
                column_A=f"gap_{figure}",
                column_B=f"explained_{figure}",
                meta={"control": f"the records explain each customer's gap to the cent: {figure}"},
            )
            for figure in figures
        ),
    ]


def _of_differences() -> list[Any]:
    return [
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["entity", "lms_id", "qbo_id", "qbo_customer"], meta={"control": "each record is listed once"}
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="cause", value_set=[one.value for one in Cause], meta={"control": "each difference has a cause"}
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="what_to_do", meta={"control": "each difference says what to do"}),
    ]


def _of_own_balances() -> list[Any]:
    return [
        gxe.ExpectColumnValuesToBeUnique(
            column="customer", meta={"control": "each QuickBooks customer is listed once"}
        ),
        gxe.ExpectColumnPairValuesToBeEqual(
            column_A="qbo_balance",
            column_B="own_balance",
            meta={"control": "the records come to the balance that QuickBooks itself shows"},
        ),
    ]


@cache
def _context() -> Any:
    """Made once for a process: it costs more than the checking. Without Data Docs, which nobody reads."""
    config = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False))
    context = gx.get_context(mode="ephemeral", project_config=config)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context, context.data_sources.add_pandas("reconciliation")


@cache
def _definition(table: str) -> Any:
    _, source = _context()
    return source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("all")


def _run(table: str, frame: pd.DataFrame, expectations: list[Any]) -> list[dict[str, Any]]:
    batch = _definition(table).get_batch(batch_parameters={"dataframe": frame})
    report = batch.validate(gx.ExpectationSuite(name=table, expectations=expectations))
    return [
        {
            "table": table,
            "control": result.expectation_config.meta["control"],
            "expectation": result.expectation_config.type,
            "success": bool(result.success),
            "observed": _observed(result),
        }
        for result in report.results
    ]


def _observed(result: Any) -> Any:
    """A figure, or how many rows are not as they should be; what went wrong where nothing could be observed."""
    found = result.result or {}
    if "observed_value" in found:
        value = found["observed_value"]
        return int(value) if isinstance(value, int | float) else str(value)
    if "unexpected_count" in found:
        return {"unexpected": int(found["unexpected_count"]), "of": int(found.get("element_count") or 0)}
    return str(result.exception_info)[:500] if not result.success else None
