"""`python -m tests.compose [default|celery]`: docker-compose.yaml from nothing to work, through failures, to nothing.

It builds the image, starts everything, syncs the demo's data both ways while a container is killed, and compares both
ledgers; kills PostgreSQL; upgrades in place; compares again; stops. Where the public images cannot be fetched it makes
stand-ins (tests/compose/bases.py). Without a Docker engine it starts one, or says why it cannot.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from include.stack.postgres import PROJECT
from tests.compose import bases, checks
from tests.compose.engine import Engine, NoEngine, say
from tests.compose.stack import MORE_SECRETS, Stack, wait

CACHE = PROJECT / ".local" / "compose-test"
PROFILES = ("default", "celery")
#: Of the demo's 1,000 invoices, so many are in QuickBooks when a container is killed.
IN_THE_MIDDLE = 200
#: It plays the LMS and the bookkeeper, so it needs the database's owner, whom no service but airflow-init has.
DEMO_SECRETS = ("pilot_database_password", "airflow_admin_password")
DEMO = f"""
export LMS_DATABASE_URL="postgresql://pilot:$(cat {MORE_SECRETS}/pilot_database_password)@postgres/lms"
export AIRFLOW_API_URL=http://api-server:8080 AIRFLOW_USERNAME=admin QBO_BASE_URL=http://sandbox:8083
export AIRFLOW_PASSWORD="$(cat {MORE_SECRETS}/airflow_admin_password)"
exec python -m include.demo
"""


def demo(stack: Stack, log: Path, kill: str | None = None) -> None:
    """Load, sync, change, sync, compare both ledgers; meanwhile that service is killed."""
    begun = time.monotonic()
    with log.open("wb") as output:
        running = stack.start_in("api-server", DEMO, DEMO_SECRETS, output)
        try:
            if kill:
                wait(f"{IN_THE_MIDDLE} invoices are in QuickBooks", lambda: running.poll() is not None
                     or invoices_in_quickbooks(stack) >= IN_THE_MIDDLE, 900)  # fmt: skip
                assert running.poll() is None, f"the demo ended before: {log.read_text(errors='replace')[-3000:]}"
                say(f"The first sync has sent {invoices_in_quickbooks(stack)} invoices: {kill} is killed")
                stack.kill(kill)
            code = running.wait(1800)
        finally:
            running.kill()
    text = log.read_text(errors="replace")
    assert code == 0, f"the demo ended with {code}: {text[-3000:]}"
    ledgers = text[text.index("Both ledgers") :].split("\n\n")[0] if "Both ledgers" in text else ""
    say(f"The demo's two syncs and its checks of both ledgers: nothing wrong, in {time.monotonic() - begun:.0f} s")
    say("\n".join(f"  {line}" for line in ledgers.splitlines()))
    say("  " + "\n  ".join(text.strip().splitlines()[-4:-2]))


def invoices_in_quickbooks(stack: Stack) -> int:
    """Those that are linked."""
    with stack.database() as lms:
        row = lms.execute("select count(*) from qbo_sync.entity_link where entity = 'invoice'").fetchone()
    return int(row[0]) if row else 0


def story(engine: Engine, profile: str, folder: Path) -> None:
    """All of it, in the order in which an installation lives."""
    stack = Stack(engine, profile, folder, bases.prepare(engine, CACHE, folder / "docker.log"))
    try:
        stack.build("compose-test-1")
        stack.up()
        checks.every_service_is_kept(stack)
        demo(stack, folder / "demo-1.log", kill="worker" if profile == "celery" else "scheduler")
        checks.the_budget_is_kept(stack)
        stack.kill("postgres")
        say(f"Everything is healthy again after {wait('all is healthy', stack.is_healthy):.0f} s more")
        checks.a_new_invoice_arrives(stack)
        stack.build("compose-test-2")
        say("Upgrade in place:")
        stack.up()
        checks.runs_version(stack, "compose-test-2")
        checks.a_new_invoice_arrives(stack)
        demo(stack, folder / "demo-2.log")
        if profile == "celery":
            checks.several_workers_worked(stack)
        checks.the_budget_is_kept(stack)
        checks.secrets_stay_in_their_files(stack)
    except BaseException:
        stack.keep_logs(folder / "services.log")
        raise
    finally:
        stack.down()
        bases.remove(engine)


def main() -> int:
    """0: all of it held. 2: there is no engine. 1: something did not hold; the logs are kept."""
    profile = sys.argv[1] if len(sys.argv) > 1 else "default"
    if profile not in PROFILES:
        sys.stderr.write(f"There is no profile {profile}: {', '.join(PROFILES)}\n")
        return 1
    begun = time.monotonic()
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="pilot-compose-"))
    try:
        with Engine(CACHE) as engine:
            story(engine, profile, folder)
    except NoEngine as missing:
        sys.stderr.write(f"compose-test: {missing}\n")
        return 2
    except (AssertionError, RuntimeError, OSError, psycopg.Error, subprocess.SubprocessError) as error:
        kept = CACHE / f"failed-{profile}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept, ignore=shutil.ignore_patterns("secrets"))
        sys.stderr.write(f"compose-test: {error}\nThe logs are in {kept}\n")
        return 1
    finally:
        shutil.rmtree(folder)
    say(f"compose-test, profile {profile}: all of it held, in {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
