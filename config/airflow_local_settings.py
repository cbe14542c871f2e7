"""Read by every Airflow component when it starts.

LocalExecutor forks its task processes from the scheduler (as Celery does from its worker), the dag-processor forks
one for every parse of a DAG file. What the parent has imported, they need not: Great Expectations alone costs 3 to 7
seconds in a fresh process, this project's own modules 0.4, in each of the five tasks that a change passes.
"""

import importlib
import logging
import os
import pkgutil
import sys
from pathlib import Path

__all__: list[str] = []  # no Airflow setting is overridden

log = logging.getLogger(__name__)

_FILES_IMPORT = ("concurrent.futures.thread", "psycopg", "requests_oauthlib", "requests", "simplejson")
_TASKS_IMPORT = (*_FILES_IMPORT, "pandas", "great_expectations")

#: What the DAG files import of ours, and what the tasks do; what these import comes with them.
_FILES_OURS = ("orchestration",)
_TASKS_OURS = (*_FILES_OURS, "sync", "reconciliation", "undo", "alerts")

#: By what stands behind `airflow` (airflow scheduler, …): libraries, and packages of ours.
_PARENTS = {
    "scheduler": (_TASKS_IMPORT, _TASKS_OURS),
    "celery": (_TASKS_IMPORT, _TASKS_OURS),
    "dag-processor": (_FILES_IMPORT, _FILES_OURS),
}

_INCLUDE = Path(__file__).resolve().parents[1] / "include"


class _OwnModules:
    """This project's modules, imported by the parent before it forks, and again as soon as a file has changed: as
    without this, the next task runs the new code, and nothing has to be restarted."""

    def __init__(self, packages: tuple[str, ...]) -> None:
        self._packages = packages
        self._files: dict[str, tuple[int, int]] | None = None

    def import_what_changed(self) -> None:
        files = _fingerprints()
        if files == self._files:
            return
        for name in [name for name in sys.modules if name == "include" or name.startswith("include.")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        self._files = files
        try:
            for package in self._packages:
                for module in pkgutil.walk_packages([str(_INCLUDE / package)], f"include.{package}."):
                    importlib.import_module(module.name)
        except Exception as error:  # noqa: BLE001  # whatever it is: the tasks meet it too, and show it
            log.warning("the tasks import this project themselves: %s: %s", type(error).__name__, error)


def _fingerprints() -> dict[str, tuple[int, int]]:
    """Of every file of this project: when it was changed, and its size."""
    found = {}
    for folder, _, names in os.walk(_INCLUDE):
        for name in names:
            if name.endswith((".py", ".sql")):
                path = f"{folder}/{name}"
                stat = os.stat(path)  # noqa: PTH116  # half the time of Path.stat
                found[path] = (stat.st_mtime_ns, stat.st_size)
    return found


_libraries, _packages = _PARENTS.get(next(iter(sys.argv[1:]), ""), ((), ()))
for _name in _libraries:
    importlib.import_module(_name)
if _packages:
    # Not now: Airflow itself is only half imported when it reads this file.
    os.register_at_fork(before=_OwnModules(_packages).import_what_changed)
