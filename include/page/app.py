"""The FastAPI app of the page, as the plugin mounts it."""

import logging
from http import HTTPStatus

import psycopg
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from include.page import activity, connect, disconnect, errors, fix, labs, settings, static_files, webhook
from include.page.access import visitor
from include.page.render import page

log = logging.getLogger(__name__)

#: What people are told; the details stay in the log.
_WORDS = {
    400: ("This request makes no sense", "Go back and try again."),
    401: ("Please log in", "This page needs a login to Airflow."),
    403: ("Not allowed", "Your Airflow role does not allow this. Ask an administrator if you need it."),
    404: ("Not found", "There is no such page. It may have been removed meanwhile."),
    405: ("Not found", "There is no such page."),
    413: ("Too large", "The form is larger than this page accepts."),
    415: ("This request makes no sense", "Go back and try again."),
}
_SETUP = (
    "Not set up yet",
    "An administrator has to make the Airflow connections “lms_db” and “quickbooks” and to set PILOT_TOKEN_KEY;"
    " docs/page.md says how.",
)
_UNREACHABLE = ("Not reachable just now", "Pilot’s database does not answer. Try again in a few minutes.")
_CSRF = (
    "This form is out of date",
    "For your safety nothing was changed. Load the page again and repeat what you did.",
)
_SPECIAL = {"csrf": _CSRF, "setup": _SETUP, "unreachable": _UNREACHABLE}
_OTHER = ("Something went wrong", "Nothing more is known here; an administrator finds the details in the server's log.")


def make_app() -> FastAPI:
    """Every route asks for a login but the webhook's; there is no documentation and no schema to read."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(webhook.router)
    inside = APIRouter(dependencies=[Depends(visitor)])
    for part in (labs, connect, settings, disconnect, errors, fix, activity, static_files):
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
