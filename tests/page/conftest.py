"""A real stack for the page's tests: PostgreSQL, the sandbox, Airflow with its scheduler, and Debian's Chromium.

Set PILOT_PAGE_STACK to the folder of a stack that runs already to use that one while working on the page.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from include.company.runtime import Run, Runtime
from include.company.throttle import Budget
from include.company.tokens import TokenVault
from include.lms.database import prepare
from include.qbo.oauth import OAuthApp
from include.stack.stack import Stack
from tests.support.page.site import Site, logged_in
from tests.support.quickbooks import QuickBooks, make_company
from tests.support.world import UNLIMITED, World, role_url

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PEOPLE = {"ada": "admin", "olga": "op", "uma": "user", "vera": "viewer"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starting a stack takes its time on a busy machine."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="package")
def site(request: pytest.FixtureRequest) -> Site:
    """The tests' stack with people of each role."""
    own = os.environ.get("PILOT_PAGE_STACK")
    stack = Stack(Path(own)) if own else request.getfixturevalue("stack")
    stack.up()
    environment = stack.full_environment()
    made = subprocess.run(
        [sys.executable, "-m", "tests.support.page.tokens", *(f"{name}:{role}" for name, role in PEOPLE.items())],
        cwd=PROJECT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    tokens = json.loads(made.stdout.strip().rpartition("\n")[2])
    return Site(environment["AIRFLOW_API_URL"], environment, tokens)


@pytest.fixture(scope="package")
def lms(site: Site) -> Iterator[World]:
    """The stack's LMS by SQL, and the sandbox by its API; no lab is connected by this."""
    import psycopg
    import requests

    url, sandbox = site.environment["LMS_DATABASE_URL"], site.environment["QBO_BASE_URL"]
    pipeline = role_url(site.environment, "LMS_DB")
    requests.post(f"{sandbox}/sandbox/limits", json=UNLIMITED, timeout=10).raise_for_status()
    runtime = Runtime(
        connect=lambda: prepare(psycopg.connect(pipeline)),
        app=OAuthApp(
            client_id=site.environment["QBO_CLIENT_ID"],
            client_secret=site.environment["QBO_CLIENT_SECRET"],
            discovery_url=f"{sandbox}/.well-known/openid_sandbox_configuration",
            api_base_url=sandbox,
        ),
        vault=TokenVault(site.environment.get("PILOT_TOKEN_KEY") or Fernet.generate_key().decode()),
        budget=Budget(
            requests_per_second=10_000, requests_per_minute=10_000, batches_per_minute=10_000, pause_seconds=0.1
        ),
        run=Run(dag_id="test", run_id="test"),
    )
    with prepare(psycopg.connect(url, autocommit=True)) as connection:
        page = role_url(site.environment, "LMS_DB_PAGE")
        yield World(url, make_company(sandbox, "Unused"), runtime, connection, page_url=page)


@pytest.fixture
def company(lms: World) -> QuickBooks:
    """A fresh company in the sandbox."""
    return make_company(lms.qbo.url, "Doorway Dental Holding")


@pytest.fixture
def lab(lms: World) -> int:
    """A lab that is not connected."""
    return lms.billing_lab("Doorway Dental")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. `make test` installs it where it may."""
    if not shutil.which(CHROMIUM):
        pytest.skip("no /usr/bin/chromium: apt-get install chromium")
    expect.set_options(timeout=30_000)  # a page may take its time on a busy machine
    with sync_playwright() as playwright:
        # --headless stands among our own arguments: Playwright's would ask for its own build of Chromium.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def admin(site: Site, browser: Browser) -> Iterator[BrowserContext]:
    """An administrator's browser."""
    context = logged_in(site, browser, "ada")
    yield context
    context.close()
