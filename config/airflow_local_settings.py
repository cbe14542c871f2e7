"""Read by every Airflow component when it starts.

LocalExecutor forks its task processes from the scheduler (as Celery does from its worker), the dag-processor forks
one for every parse of a DAG file. What the parent has imported, they need not: Great Expectations alone costs 3 to 7
seconds in a fresh process.
"""

import importlib
import sys

__all__: list[str] = []  # no Airflow setting is overridden

_FILES_IMPORT = ("psycopg", "requests_oauthlib", "requests", "simplejson")
_TASKS_IMPORT = (*_FILES_IMPORT, "pandas", "great_expectations")

#: By what stands behind `airflow`: airflow scheduler, …
_PARENTS = {"scheduler": _TASKS_IMPORT, "celery": _TASKS_IMPORT, "dag-processor": _FILES_IMPORT}

for _name in _PARENTS.get(next(iter(sys.argv[1:]), ""), ()):
    importlib.import_module(_name)
