"""A process of its own that does one step of a run: `python -m tests.support.load_process`, to be killed by a test.

Takes {database, sandbox, key, dag_id, run, realm} as JSON in the environment variable GIVEN.
"""

import json
import os
import sys

import psycopg

from include.company.runtime import Run, Runtime
from include.company.throttle import Budget
from include.company.tokens import TokenVault
from include.lms.database import prepare
from include.migrations import roles
from include.qbo.oauth import OAuthApp
from tests.support.connections import as_role
from tests.support.world import run_step

given = json.loads(os.environ["GIVEN"])
runtime = Runtime(
    connect=lambda: prepare(psycopg.connect(as_role(given["database"], roles.PIPELINE))),
    app=OAuthApp(
        client_id="sandbox-client",
        client_secret="sandbox-secret",
        api_base_url=given["sandbox"],
        discovery_url=f"{given['sandbox']}/.well-known/openid_sandbox_configuration",
    ),
    vault=TokenVault(given["key"]),
    budget=Budget(requests_per_second=10_000, requests_per_minute=10_000, batches_per_minute=10_000),
    run=Run(dag_id=given["dag_id"], run_id=given["run"]),
)
sys.stdout.write("loading\n")
sys.stdout.flush()
run_step("load", runtime, given["realm"])
