"""`make connect`: connect a billing lab to a QuickBooks company with a grant obtained elsewhere.

Reads BILLING_LAB (id or name), REALM and REFRESH_TOKEN from the environment, so that the token stands on no command
line. The lab gets direction both, all entities, and accounts chosen from the company's chart by their type.
"""

import getpass
import os
import sys

from include.company.connect import CannotConnect, connect_lab
from include.company.runtime import Run
from include.orchestration.runtime import PAGE_CONNECTION_ID, runtime, use_airflows_connections
from include.qbo.errors import QboError


def _user() -> str:
    """Who ran this, as the page's list of changes shall name them."""
    try:
        return f"{getpass.getuser()} (make connect)"
    except (OSError, KeyError):  # a container's user may have no name
        return "make connect"


def main() -> int:
    """Connect; say on one line what was done or what is wrong."""
    wanted = {name: os.environ.get(name, "").strip() for name in ("BILLING_LAB", "REALM", "REFRESH_TOKEN")}
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        sys.stderr.write(f"Missing: {', '.join(missing)}. Usage: make connect BILLING_LAB=… REALM=… REFRESH_TOKEN=…\n")
        return 2
    use_airflows_connections()
    surroundings = runtime(Run(dag_id="make connect", run_id="manual"), PAGE_CONNECTION_ID)
    try:
        connected = connect_lab(
            surroundings,
            billing_lab=wanted["BILLING_LAB"],
            realm_id=wanted["REALM"],
            refresh_token=wanted["REFRESH_TOKEN"],
            user=_user(),
        )
    except (CannotConnect, QboError) as error:
        sys.stderr.write(f"Not connected: {error}\n")
        return 1
    sys.stdout.write(f"{connected}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
