"""The style sheet and the script: from our own folder, to people who are logged in."""

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import FileResponse, Response

from include.page.render import STATIC
from include.page.security import add_headers

router = APIRouter()
_TYPES = {"page.css": "text/css", "page.js": "text/javascript", "theme.js": "text/javascript"}


@router.get("/static/{name}")
def static(request: Request, name: str) -> Response:
    """One of the known files."""
    if name not in _TYPES:
        raise HTTPException(404)
    answer = FileResponse(STATIC / name, media_type=_TYPES[name])
    answer.headers["Cache-Control"] = "private, no-cache"
    add_headers(answer)
    return answer
