"""Where the running stack is: the contract's names in the environment."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """The addresses that the demo needs."""

    database_url: str
    quickbooks_url: str
    airflow_url: str
    airflow_username: str
    airflow_password: str

    def __repr__(self) -> str:
        """Without the password."""
        return f"Settings(airflow_url={self.airflow_url!r}, quickbooks_url={self.quickbooks_url!r})"


def from_environment() -> Settings:
    """Read them; LookupError names what is missing."""
    names = ("LMS_DATABASE_URL", "QBO_BASE_URL", "AIRFLOW_API_URL", "AIRFLOW_USERNAME", "AIRFLOW_PASSWORD")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise LookupError(f"not set: {', '.join(missing)}; start it with `make demo`")
    return Settings(*(os.environ[name] for name in names))
