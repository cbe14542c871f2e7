"""Airflow connections from files, one each, as Docker Compose and Kubernetes mount secrets.

An AIRFLOW_CONN_… in the environment would be readable in `docker inspect` and by every child process.
"""

from pathlib import Path

from airflow.secrets import BaseSecretsBackend


class SecretFiles(BaseSecretsBackend):
    """`airflow_conn_ID` in the folder is connection ID, in the words of AIRFLOW_CONN_ID: JSON or an address.

    Set by AIRFLOW__SECRETS__BACKEND. What has no file is looked up where Airflow does without it.
    """

    def __init__(self, folder: str = "/run/secrets") -> None:
        super().__init__()
        self._folder = Path(folder)

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """The file's content; None if there is none."""
        del team_name  # one installation is one lab group's
        path = self._folder / f"airflow_conn_{conn_id}"
        if path.parent != self._folder or not path.is_file():
            return None
        return path.read_text().strip() or None

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Variables have no files here."""
        del key, team_name
        return None
