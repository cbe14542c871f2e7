"""Each guarantee names its proofs, and they are there."""

import ast
import re

from tests.docs.documents import text, trees


def test_the_proofs_are_there() -> None:
    tests = {node.name for _, tree in trees("tests") for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    rows = [row for row in text("docs/guarantees.md").splitlines() if row.startswith("| ")][2:]
    assert len(rows) > 10
    for row in rows:
        proofs = set(re.findall(r"`(test_[a-z0-9_]+)`", row))
        assert proofs, row
        assert proofs <= tests, row
