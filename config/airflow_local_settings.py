"""Read by every Airflow component when it starts.

LocalExecutor forks its task processes from the scheduler (as Celery does from its worker), the dag-processor forks
one for every parse of a DAG file. What the parent has imported, they need not: Great Expectations alone costs 3 to 7
seconds in a fresh process.
"""

import importlib
import sys

__all__: list[str] = []  # no Airflow setting is overridden

_HEAVY = ("pandas", "great_expectations", "psycopg", "requests_oauthlib", "requests", "simplejson")

_PARENTS = ("scheduler", "dag-processor", "celery")  # airflow scheduler, …

if sys.argv[1:2] and sys.argv[1] in _PARENTS:
    for _name in _HEAVY:
        importlib.import_module(_name)
