"""What a task leaves for people: a last line in its log, and where to look at what it did."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import conf, get_current_context

#: XCom keys of the links beside a load task; the plugin shows what is there.
LABS_PAGE, QUICKBOOKS_DOCUMENT = "labs_page", "quickbooks_document"

log = logging.getLogger(__name__)
Counts = Mapping[str, int]

_SYNCED = ("created", "updated", "deleted", "adopted")
_LOADED = {*_SYNCED, "unchanged", "waiting", "failed"}
#: A load counts also what its run had read.
_OF_A_LOAD = {*_LOADED, "extracted"}


def tell(company: str, counts: Counts) -> None:
    """What was done for a company, on one line."""
    log.info("%s: %s", company, summary(counts))


def tell_each(shard: Mapping[str, Any], counted: Mapping[str, Counts]) -> None:
    """What was done for each company of a shard. One that is not counted has said before why not."""
    for company in shard["companies"]:
        if company["realm_id"] in counted:
            tell(company["name"], counted[company["realm_id"]])


def summary(counts: Counts) -> str:
    """The outcomes of a load as `12 synced, 1 error, 0 waiting`; other counts by their names."""
    if not counts.keys() & _LOADED or not counts.keys() <= _OF_A_LOAD:
        told = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
        return ", ".join(told) or "nothing to do"
    failed = counts.get("failed", 0)
    parts = [
        f"{sum(counts.get(name, 0) for name in _SYNCED)} synced",
        f"{failed} {'error' if failed == 1 else 'errors'}",
        f"{counts.get('waiting', 0)} waiting",
    ]
    if unchanged := counts.get("unchanged", 0):
        parts.append(f"{unchanged} already the same")
    return ", ".join(parts)


def leave_links(runtime: Any, realm_ids: Sequence[str]) -> None:
    """Beside this task in Airflow: the lab's page, and the document in QuickBooks if the run wrote exactly one."""
    from include.qbo.web import web_of

    with runtime.connect() as connection:
        labs = connection.execute(
            "select billing_lab_id from qbo_sync.connection where realm_id = any(%s)", [list(realm_ids)]
        ).fetchall()
        written = connection.execute(
            "select distinct realm_id, entity, qbo_id from qbo_sync.audit_entry"
            " where dag_id = %s and run_id = %s and realm_id = any(%s) and qbo_id is not null and operation <> 'delete'"
            " limit 2",
            [runtime.run.dag_id, runtime.run.run_id, list(realm_ids)],
        ).fetchall()
    page = f"{str(conf.get('api', 'base_url', fallback='')).rstrip('/')}/quickbooks/"
    links = {LABS_PAGE: f"{page}labs/{labs[0][0]}" if len(labs) == 1 else page}
    if len(written) == 1 and (document := web_of(runtime.app).document(*written[0])):
        links[QUICKBOOKS_DOCUMENT] = document
    for key, address in links.items():
        get_current_context()["ti"].xcom_push(key, address)
