"""Every setting that the code reads is documented, and no other."""

import ast
import re

from tests.docs.documents import PROJECT, columns_of, first_cells, section, text, trees

#: Set for others (Airflow, Python, proxies) and documented by them; a file's name.
FOREIGN = re.compile(r"AIRFLOW__|AIRFLOW_$|AIRFLOW_CONN_$|AIRFLOW_HOME$|PYTHON|NO_PROXY$|PG_VERSION$")
SETTING = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+|BILLING_LAB|REALM")
PAGE = "docs/configuration.md"


def settings_of_the_code() -> set[str]:
    """Every name that a module which reads the environment could ask for, and Airflow's connections."""
    found = set()
    for _, tree in trees("include", "dags", "plugins", "config"):
        names = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        used = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(tree)}
        if used & {"environ", "getenv"}:
            found |= {name for name in names if SETTING.fullmatch(name) and not FOREIGN.match(name)}
    return found


def test_every_setting_is_documented() -> None:
    settings = settings_of_the_code()
    assert {"PILOT_TOKEN_KEY", "PILOT_POSTGRES_PORT", "REFRESH_TOKEN", "LMS_DATABASE_URL"} <= settings
    assert settings <= set(re.findall(r"`([A-Z][A-Z0-9_]+)`", text(PAGE)))


def test_no_setting_is_documented_that_nothing_reads() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    documented = set(first_cells(section(PAGE, "Environment variables"), "variable")) - {"make PYTHON=…"}
    assert {name for name in documented - settings_of_the_code() if f"$({name})" not in makefile} == set()


def test_every_setting_of_a_lab_is_documented() -> None:
    documented = set(first_cells(section(PAGE, "A lab's settings"), "setting"))
    assert columns_of("connection") - {"billing_lab_id", "realm_id", "created_at", "updated_at"} <= documented
    assert documented <= columns_of("connection")
