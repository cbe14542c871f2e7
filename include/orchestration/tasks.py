"""The tasks that every DAG of the sync is made of. Each calls one step; XCom carries keys and counts only."""

import logging
import os
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from include.orchestration.disconnected import skipped_when_disconnected
from include.orchestration.this_run import BY_SHARD, asked_by, this_run
from include.orchestration.told import leave_links, tell_each

#: As in include/sync/shards.py, which the DAG processor does not import.
Shard = dict[str, Any]
Counts = dict[str, int]

log = logging.getLogger(__name__)

#: How many QuickBooks companies share a row of tasks, at most.
COMPANIES = int(os.environ.get("PILOT_COMPANIES_PER_TASK", "16"))


def _work(
    step: str, shard: Shard, *, runtime: Any = None, waits: bool = False, hurried: bool = False, **options: Any
) -> dict[str, Counts]:
    """One step of the flow that the DAG's id names, as this run, for each company of the shard."""
    from include.sync import shards, steps
    from include.sync.flows import FLOWS

    runtime = runtime or this_run()
    flow = FLOWS[runtime.run.dag_id]

    def one(own: Any, realm_id: str) -> Counts:
        counts: Counts = getattr(steps, step)(own, flow, realm_id, **options)
        return counts

    with skipped_when_disconnected():
        counted = shards.work(runtime, shard, one, waits=waits, hurried=hurried)
    tell_each(shard, counted)
    return counted


@task(task_display_name="Companies with work")
def companies() -> list[Shard]:
    """The QuickBooks companies that have something to do, in shards: some companies for each row of tasks."""
    from include.sync import shards, steps, trouble
    from include.sync.flows import FLOWS
    from include.sync.selection import selection_of

    context = get_current_context()
    params, run = context["params"], context["dag_run"]
    # An answer is for what was held when it was given: a run that is cleared gives it to nothing that came since.
    answers = params["dry_run"] or not run.clear_number
    if not answers and (params.get("release_held") or params.get("refuse_held")):
        log.warning("a run that was cleared releases and refuses nothing: answer what is held now in a run of its own")
    options = {
        "woken": run.run_type == "asset_triggered",
        "release_held": bool(params.get("release_held")) and answers,
        "refused_by": asked_by() if params.get("refuse_held") and answers else None,
        "selected": selection_of(params),
        "dry_run": params["dry_run"],
    }
    runtime = this_run()
    found = steps.companies(runtime, FLOWS[run.dag_id], params["realm_id"], params["resync"], **options)
    log.info("%d QuickBooks companies have something to do", len(found))
    if params["dry_run"] or params.get("release_held"):
        # What a person wants to see is left to no other run.
        return shards.in_shards(found, 1)
    with runtime.connect() as connection:
        trouble.is_listed(connection, runtime.run, [one["realm_id"] for one in found if one.get("alone")])
    return shards.in_shards(found, COMPANIES)


def _chosen() -> dict[str, Any]:
    """Whether the run is to write nothing, and what of the held deletes it then plans as if they were released."""
    params = get_current_context()["params"]
    return {
        "release_held": params["dry_run"] and bool(params.get("release_held")),
        "release_lab": params.get("billing_lab_id"),
        "dry_run": params["dry_run"],
    }


@task(task_display_name="Extract: read both sides", map_index_template=BY_SHARD, multiple_outputs=False)
def extract(shard: Shard) -> Shard:
    """Read the changed records on both sides. Nothing there (another run was quicker): the rest is skipped."""
    from include.sync.selection import selection_of
    from include.sync.shards import going_on

    params = get_current_context()["params"]
    compare = selection_of(params) if params["resync"] and params["dry_run"] else None
    extracted = _work("extract", shard, waits=True, hurried=True, **_chosen(), compare=compare)
    due = {realm_id: counts for realm_id, counts in extracted.items() if any(counts.values())}
    if not due:
        raise AirflowSkipException("another run has taken everything that was due")
    return going_on(shard, due)


@task(task_display_name="Transform: decide", map_index_template=BY_SHARD, multiple_outputs=False)
def transform(shard: Shard) -> Shard:
    """Decide what to do with each."""
    from include.sync.shards import going_on

    return going_on(shard, _work("transform", shard, **_chosen()))


@task(task_display_name="Validate: check", map_index_template=BY_SHARD, multiple_outputs=False)
def validate(shard: Shard) -> Shard:
    """Check each against its expectations; set aside what fails."""
    from include.sync import shards, steps
    from include.sync.flows import FLOWS

    runtime = this_run()
    realm_ids = [one["realm_id"] for one in shard["companies"]]
    try:
        checked = steps.validate_together(runtime, FLOWS[runtime.run.dag_id], realm_ids)
    except Exception:
        # Whatever it is, it may be the fault of one company's records: the others are checked all the same.
        if len(realm_ids) == 1:
            raise
        log.exception("these companies could not be checked together; each is checked by itself now")
        checked = _work("validate", shard)
    else:
        tell_each(shard, checked)
    return shards.going_on(shard, checked)


@task(task_display_name="Load: write", map_index_template=BY_SHARD, multiple_outputs=False)
def load(shard: Shard) -> Shard:
    """Carry it out, and record what became of each; in a dry run keep it as a preview."""
    from include.sync import shards, trouble

    runtime = this_run()
    loaded = _work("load", shard, runtime=runtime, waits=True, dry_run=get_current_context()["params"]["dry_run"])
    with runtime.connect() as connection:
        trouble.is_over(connection, loaded)
    leave_links(runtime, [*loaded])
    return shards.going_on(shard, loaded)
