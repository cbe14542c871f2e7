"""The secrets of one checkout: random, made once, kept in a file that only its owner can read."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.fernet import Fernet


@dataclass(frozen=True, repr=False)
class Keys:
    """Every password and key of a local stack."""

    postgres_password: str
    airflow_database_password: str
    pilot_password: str
    pipeline_password: str
    page_password: str
    admin_password: str
    fernet_key: str
    token_key: str
    jwt_secret: str
    api_secret: str
    sandbox_client_secret: str
    webhook_verifier_token: str

    @classmethod
    def generate(cls) -> "Keys":
        """Fresh random ones; all are safe within a URL."""
        return cls(
            postgres_password=secrets.token_hex(16),
            airflow_database_password=secrets.token_hex(16),
            pilot_password=secrets.token_hex(16),
            pipeline_password=secrets.token_hex(16),
            page_password=secrets.token_hex(16),
            admin_password=secrets.token_hex(8),
            fernet_key=Fernet.generate_key().decode(),
            token_key=Fernet.generate_key().decode(),
            jwt_secret=secrets.token_hex(32),
            api_secret=secrets.token_hex(32),
            sandbox_client_secret=secrets.token_hex(20),
            webhook_verifier_token=secrets.token_hex(20),
        )

    @classmethod
    def of(cls, path: Path) -> "Keys":
        """Those of the file, which is written at the first call; what it lacks of an older version is added."""
        kept = json.loads(path.read_text()) if path.exists() else {}
        keys = cls(**{**asdict(cls.generate()), **kept})
        if asdict(keys) != kept:
            write_private(path, json.dumps(asdict(keys), indent=1) + "\n")
        return keys


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody but its owner can read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    draft.replace(path)
