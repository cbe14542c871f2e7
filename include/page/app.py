"""The FastAPI app of the page, as the plugin mounts it."""

import logging
from http import HTTPStatus

import psycopg
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from include.page import (
    activity,
    connect,
    disconnect,
    errors,
    fix,
    held,
    history,
    labs,
    preview,
    reconciliation,
    settings,
    static_files,
    sync_again,
    undo,
    validation,
    webhook,
)
from include.page.access import visitor
from include.page.render import page

log = logging.getLogger(__name__)

#: What people read; the details stay in the log.
_WORDS = {
    400: ("This request could not be read", "Nothing was changed. Go back and try again."),
    401: ("Please log in", "You need to log in to Airflow to see this page."),
    403: ("Not allowed", "Your Airflow role does not allow this. Ask an administrator if you need access."),
    404: ("Page not found", "This page does not exist, or it was removed."),
    405: ("Page not found", "This page does not exist."),
    413: ("Too much at once", "Nothing was changed. Select fewer records or enter less text, then try again."),
    415: ("This request could not be read", "Nothing was changed. Go back and try again."),
}
_SETUP = (
    "Not set up yet",
    "An administrator needs to create the Airflow connections “lms_db”, “lms_db_page”, and “quickbooks” and set"
    " PILOT_TOKEN_KEY. The steps are in docs/page.md.",
)
_UNREACHABLE = ("Pilot’s database is not responding", "Try again in a few minutes.")
_CSRF = (
    "This form has expired",
    "Nothing was changed. Reload the page and enter your changes again.",
)
_SPECIAL = {"csrf": _CSRF, "setup": _SETUP, "unreachable": _UNREACHABLE}
_OTHER = ("Something went wrong", "Try again. If it keeps happening, ask an administrator to check the server’s log.")


def make_app() -> FastAPI:
    """Every route asks for a login but the webhook's; there is no documentation and no schema to read."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(webhook.router)
    inside = APIRouter(dependencies=[Depends(visitor)])
    for part in (
        labs,
        connect,
        settings,
        disconnect,
        preview,
        sync_again,
        errors,
        held,
        fix,
        reconciliation,
        activity,
        history,
        undo,
        validation,
        static_files,
    ):
        inside.include_router(part.router)
    inside.add_api_route("/{path:path}", _nowhere, methods=["GET", "POST"])
    app.include_router(inside)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(psycopg.OperationalError, _unreachable)
    app.add_exception_handler(Exception, _broken)
    return app


def _nowhere(request: Request) -> Response:
    """Everything else: also a page that is not there asks for a login first."""
    raise HTTPException(404)


def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    title, text = _SPECIAL.get(detail) or _WORDS.get(status, _OTHER)
    answer = page(request, "problem.html", status=status, title=title, text=text, login=status == 401)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _invalid(request: Request, error: Exception) -> Response:
    """A path or query that does not parse: there is no such page."""
    return _refused(request, HTTPException(HTTPStatus.NOT_FOUND))


def _unreachable(request: Request, error: Exception) -> Response:
    log.warning("the LMS database cannot be reached: %s", type(error).__name__)
    return _refused(request, HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, detail="unreachable"))


def _broken(request: Request, error: Exception) -> Response:
    """Logged by the server, which sees the exception again after this."""
    return _refused(request, HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR))
