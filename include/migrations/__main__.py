"""`python -m include.migrations`: migrate the database that LMS_DATABASE_URL names, as its owner."""

import os
import sys

from include.migrations import upgrade
from include.migrations.roles import PAGE, PIPELINE


def main() -> int:
    """Migrate, and set the roles' passwords that are given; say something only when it cannot be done."""
    database_url = os.environ.get("LMS_DATABASE_URL")
    if not database_url:
        sys.stderr.write("LMS_DATABASE_URL is not set: which database shall be migrated?\n")
        return 2
    given = {
        PIPELINE: os.environ.get("PILOT_PIPELINE_PASSWORD", ""),
        PAGE: os.environ.get("PILOT_PAGE_PASSWORD", ""),
    }
    upgrade(database_url, {role: password for role, password in given.items() if password})
    return 0


if __name__ == "__main__":
    sys.exit(main())
