"""After work, a refresh, a refusal and a fault on a running stack: no secret anywhere but where it belongs."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import psycopg

from include.stack.keys import Keys
from include.stack.stack import Stack
from tests.support.airflow import Airflow
from tests.support.waiting import eventually
from tests.support.world import CAPTURE, World

#: Where secrets are: the files for their owner only, and the state of the sandbox, which is Intuit here.
KEPT = ("secrets.json", "airflow/passwords.json")
NOT_OURS = ("postgres", "sandbox")
_TABLES = (
    "select format('%I.%I', schemaname, tablename) from pg_tables"
    " where schemaname not in ('pg_catalog', 'information_schema')"
)
_FOUND = (
    "select needle from unnest(%s::text[]) needle"
    " where exists (select 1 from {} t where position(needle in t::text) > 0)"
)


def tokens(live: World) -> set[str]:
    """The grant that is stored now."""
    kept = live.sql("select * from qbo_sync.company where realm_id = %s", live.qbo.realm)[0]
    return {
        live.runtime.vault.open(bytes(kept[column])) for column in ("access_token_encrypted", "refresh_token_encrypted")
    }


def in_tables(url: str, needles: list[str]) -> Iterator[tuple[str, str]]:
    """(table, needle) of a database; binary columns as they are printed, in hexadecimal digits."""
    spelled = {shown: one for one in needles for shown in (one, one.encode().hex())}
    with psycopg.connect(url) as connection:
        for (table,) in connection.execute(_TABLES).fetchall():
            for (shown,) in connection.execute(_FOUND.format(table).encode(), [list(spelled)]):
                yield table, spelled[shown]


def in_files(state_dir: Path, needles: list[str]) -> Iterator[tuple[str, str]]:
    """(file, needle) of all that the stack has written beside its databases."""
    for path in state_dir.rglob("*"):
        name = path.relative_to(state_dir)
        if path.is_file() and not path.is_symlink() and str(name) not in KEPT and name.parts[0] not in NOT_OURS:
            written = path.read_bytes()
            for one in needles:
                if one.encode() in written:
                    yield str(name), one


def test_no_secret_is_where_it_does_not_belong(live: World, airflow: Airflow, stack: Stack) -> None:
    secrets = {**asdict(Keys.of(stack.state_dir / "secrets.json"))}
    known = tokens(live)
    account = live.account()
    invoice = live.simple_invoice(account)
    eventually(lambda: live.link("invoice", invoice))
    # refreshed, within a task
    live.sql("update qbo_sync.company set access_token_expires_at = now() where realm_id = %s", live.qbo.realm)
    eventually(lambda: tokens(live) - known)
    known |= tokens(live)
    # refused by QuickBooks, with a fault that is shown to people
    live.qbo.create("Vendor", DisplayName="Taken Dental")
    live.simple_invoice(live.account("Taken Dental"))
    eventually(lambda: live.sql("select 1 from qbo_sync.sync_error where realm_id = %s", live.qbo.realm))
    # a task that fails for an answer that is none, and a grant that Intuit refuses
    live.qbo.control("POST", "faults", {"kind": "garbage", "operation": "cdc", "realm": live.qbo.realm, "times": 20})
    assert airflow.wait(CAPTURE, airflow.trigger(CAPTURE, realm_id=live.qbo.realm)) == "failed"
    live.qbo.control("DELETE", "faults")
    live.sql(
        "update qbo_sync.company set refresh_token_encrypted = %s, access_token_expires_at = now() where realm_id = %s",
        live.runtime.vault.seal("RT1-refused-and-secret"),
        live.qbo.realm,
    )
    airflow.wait(CAPTURE, airflow.trigger(CAPTURE, realm_id=live.qbo.realm))
    status = "select status from qbo_sync.company where realm_id = %s"
    assert live.value(status, live.qbo.realm) == "reconnect_required"

    needles = [*secrets.values(), *known, "RT1-refused-and-secret"]
    assert min(map(len, needles)) >= 16
    names = {value: name for name, value in secrets.items()}
    environment = stack.full_environment()
    metadata = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    # What is in all these places shows that it would be found.
    realm = live.qbo.realm
    places = {
        "the LMS database": list(in_tables(environment["LMS_DATABASE_URL"], [*needles, realm])),
        "Airflow's database": list(in_tables(metadata, [*needles, realm])),
        "the files": list(in_files(stack.state_dir, [*needles, realm])),
    }
    assert {"qbo_sync.sync_error", "qbo_sync.api_call"} <= {where for where, _ in places["the LMS database"]}
    assert {"public.xcom", "public.rendered_task_instance_fields"} <= {
        where for where, _ in places["Airflow's database"]
    }
    assert any(f"dag_id={CAPTURE}" in where for where, _ in places["the files"])
    leaks = [
        (place, where, names.get(what, "a token"))
        for place, found in places.items()
        for where, what in found
        if what != realm
    ]
    shown = " ".join(part for process in psutil.process_iter(["cmdline"]) for part in process.info["cmdline"] or [])
    assert str(stack.state_dir) in shown, "the list is not empty"
    leaks += [("the process list", "", names.get(one, "a token")) for one in needles if one in shown]
    assert leaks == []
