"""`python -m include.migrations`: migrate the database that LMS_DATABASE_URL names."""

import os
import sys

from include.migrations import upgrade


def main() -> int:
    """Migrate; say something only when it cannot be done."""
    database_url = os.environ.get("LMS_DATABASE_URL")
    if not database_url:
        sys.stderr.write("LMS_DATABASE_URL is not set: which database shall be migrated?\n")
        return 2
    upgrade(database_url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
