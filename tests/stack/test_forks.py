"""What Airflow's parents import for their tasks (config/airflow_local_settings.py), and that it is never old code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from include.stack.postgres import PROJECT

PARENT = """
import os, sys
import airflow_local_settings

def child():
    sys.stdout.flush()
    if os.fork() == 0:
        had = "include.orchestration.schedule" in sys.modules
        try:
            from include.orchestration import schedule
            print("child:", had, schedule.SAFETY_NET)
        except SyntaxError:
            print("child:", had, "broken")
        sys.stdout.flush()
        os._exit(0)
    os.wait()

for line in sys.stdin:
    child()
"""


def test_a_child_has_the_code_of_its_moment_without_importing_it(tmp_path: Path) -> None:
    for folder in ("include", "config"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    schedule = tmp_path / "include/orchestration/schedule.py"
    sound = schedule.read_text()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, "dag-processor"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{tmp_path / 'config'}", "PILOT_SYNC_CRON": "1 * * * *"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def child() -> str:
        assert parent.stdin and parent.stdout
        parent.stdin.write("fork\n")
        parent.stdin.flush()
        return next(line for line in parent.stdout if line.startswith("child: ")).removeprefix("child: ")

    with parent:
        assert child() == "True 1 * * * *\n"
        schedule.write_text(sound + '\nSAFETY_NET = "2 * * * *"\n')
        assert child() == "True 2 * * * *\n"
        # A deployment that is half done: the task itself fails, the parent lives on.
        schedule.write_text(sound + "\nSAFETY_NET = (\n")
        assert child() == "False broken\n"
        schedule.write_text(sound)
        assert child() == "True 1 * * * *\n"
