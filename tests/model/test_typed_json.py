"""Records as JSON and back."""

import subprocess
import sys


def test_threads_may_meet_a_new_kind_of_record_at_the_same_moment() -> None:
    """msgspec alone crashes the process, or never comes back (found with 50 companies in one task)."""
    module = "tests.model.typed_json_in_threads"
    done = subprocess.run([sys.executable, "-m", module], capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr.decode()
