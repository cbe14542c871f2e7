"""The README says what is there: what syncs, commands, DAGs."""

import ast
import re

from include.sync.plan import matrix
from tests.docs.documents import PROJECT, first_cells, marked, section, text, trees


def test_the_matrix_is_the_code_s() -> None:
    assert marked("README.md", "matrix") == matrix.as_markdown()


def test_the_readme_is_short() -> None:
    assert len(text("README.md")) < 15_000, "tables of codes and settings have pages of their own in docs"


def test_commands_and_readme_agree() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^ {4}|  )make ([a-z-]+)", text("README.md"), re.MULTILINE))
    assert named <= targets
    assert targets - {"help"} <= named


def dag_ids() -> set[str]:
    """The DAG ids in the DAG files."""
    return {
        str(keyword.value.value)
        for _, tree in trees("dags")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "dag_id" and isinstance(keyword.value, ast.Constant)
    }


def test_the_dag_table_has_the_dags() -> None:
    assert sorted(first_cells(section("README.md", "Operate"), "DAG")) == sorted(dag_ids())
