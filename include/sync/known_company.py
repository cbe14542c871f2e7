"""The company that somebody asks for by its id: a mistyped one must not look like one that has nothing to do."""

import psycopg


class UnknownCompany(Exception):
    """There is no company of that id; the words name those that there are."""


def require_known(connection: psycopg.Connection, realm_id: str | None) -> None:
    """Nobody in particular (None) is fine, and so is a company that is disconnected. Raises UnknownCompany."""
    if realm_id is None:
        return
    names: dict[str, str] = dict(
        connection.execute("select realm_id, name from qbo_sync.company order by name, realm_id").fetchall()
    )
    if realm_id not in names:
        known = ", ".join(f"{known_id} ({name})" for known_id, name in names.items()) or "none"
        raise UnknownCompany(f"No QuickBooks company has the realm_id “{realm_id}”. Known: {known}.")
