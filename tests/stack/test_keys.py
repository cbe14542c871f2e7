"""The secrets of a checkout: kept, private, and completed when a newer version needs more of them."""

import json
from pathlib import Path

from include.stack.keys import Keys


def test_secrets_stay_and_missing_ones_are_added(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = Keys.of(path)
    assert Keys.of(path) == first and path.stat().st_mode & 0o777 == 0o600
    older = {name: value for name, value in json.loads(path.read_text()).items() if name != "webhook_verifier_token"}
    path.write_text(json.dumps(older))
    completed = Keys.of(path)
    assert completed.webhook_verifier_token and completed.postgres_password == first.postgres_password
    assert Keys.of(path) == completed and path.stat().st_mode & 0o777 == 0o600
