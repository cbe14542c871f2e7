"""Prints a login token for each name:role given, made by Airflow's own auth manager with the stack's secrets.

Run by the tests in the environment of a stack; the people need not be in its list of users.
"""

import json
import sys

from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

manager = create_auth_manager()
people = [argument.split(":") for argument in sys.argv[1:]]
tokens = {name: manager.generate_jwt(SimpleAuthManagerUser(username=name, role=role)) for name, role in people}
sys.stdout.write("\n" + json.dumps(tokens) + "\n")
