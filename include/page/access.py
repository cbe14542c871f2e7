"""Who is asking, and what Airflow lets that person do.

See: whoever may see the sync's DAGs. Fix errors: whoever may start them. Connect and change settings: whoever may
edit Airflow's connection `quickbooks`. Nobody is let in without a login; see docs/decisions/0013.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, HTTPException, Path, Request

from include.orchestration.quickbooks_hook import QuickBooksHook
from include.page.security import CSRF_FIELD, csrf_token, is_own_form

#: The DAG whose rights stand for the sync's.
MAIN_DAG = "invoice_lms_to_qbo"
_LARGEST_FORM = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """The person at the other end."""

    user: Any
    user_id: str
    name: str
    may_fix: bool
    may_set_up: bool
    csrf_token: str

    def may_run(self, dag_id: str) -> bool:
        """Whether this person may start a DAG."""
        return _may_dag(self.user, dag_id, "POST", DagAccessEntity.RUN)


def visitor(request: Request, user: Annotated[BaseUser, Depends(get_user)]) -> Visitor:
    """The logged-in person. 401 without a login, 403 without the right to see the sync's DAGs."""
    if not _may_dag(user, MAIN_DAG, "GET", None):
        raise HTTPException(403)
    quickbooks = ConnectionDetails(conn_id=QuickBooksHook.default_conn_name)
    found = Visitor(
        user=user,
        user_id=str(user.get_id()),
        name=str(user.get_name()),
        may_fix=_may_dag(user, MAIN_DAG, "POST", DagAccessEntity.RUN),
        may_set_up=bool(get_auth_manager().is_authorized_connection(method="PUT", details=quickbooks, user=user)),
        csrf_token=csrf_token(request, str(user.get_id())),
    )
    request.state.visitor = found
    return found


#: What routes ask for. (Not in a module with postponed annotations: FastAPI would take them for query parameters.)
Viewer = Annotated[Visitor, Depends(visitor)]


def bookkeeper(who: Viewer) -> Visitor:
    """Somebody who may retry, ignore and link."""
    if not who.may_fix:
        raise HTTPException(403)
    return who


def administrator(who: Viewer) -> Visitor:
    """Somebody who may connect, disconnect and change settings."""
    if not who.may_set_up:
        raise HTTPException(403)
    return who


Bookkeeper = Annotated[Visitor, Depends(bookkeeper)]
Administrator = Annotated[Visitor, Depends(administrator)]


class Form:
    """A submitted form."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        """The fields in their order; a name can stand several times."""
        self._pairs = pairs
        self._single: Mapping[str, str] = dict(pairs)

    def __getitem__(self, name: str) -> str:
        """A field without blanks around it; empty if it is not there."""
        return self._single.get(name, "").strip()

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [value for key, value in self._pairs if key == name]

    def number(self, name: str) -> int | None:
        """A field as an id; None if it is none."""
        return id_of(self[name])

    def items(self) -> list[tuple[str, str]]:
        """All fields but the CSRF token."""
        return [(name, value) for name, value in self._pairs if name != CSRF_FIELD]


async def form(request: Request, who: Viewer) -> Form:
    """The form of a POST that this person sent from a page of ours; anything else is refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_FORM:
            raise HTTPException(413)
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    sent = Form([(name, value.replace("\0", "")) for name, value in pairs])
    if not is_own_form(request, who.user_id, sent[CSRF_FIELD]):
        raise HTTPException(403, detail="csrf")
    return sent


Posted = Annotated[Form, Depends(form)]
#: An id in a path.
Id = Annotated[int, Path(ge=1, lt=2**63)]


def id_of(text: str) -> int | None:
    """A positive bigint, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _may_dag(user: Any, dag_id: str, method: Any, entity: DagAccessEntity | None) -> bool:
    return bool(
        get_auth_manager().is_authorized_dag(
            method=method, access_entity=entity, details=DagDetails(id=dag_id), user=user
        )
    )
