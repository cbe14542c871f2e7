"""Templates to answers. Everything is escaped unless a template says otherwise, and none does."""

from functools import cache
from pathlib import Path
from typing import Any

import simplejson
from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from include.model.money import show
from include.page import address, security, words

HERE = Path(__file__).parent
STATIC = HERE / "static"

#: What a redirect may say on the page it leads to (?done=…); {n} is a number.
DONE = {
    "connected": "Connected. The company check is done, and your records are syncing now.",
    "connected-unchecked": "Connected. QuickBooks did not respond to the company check, which runs again in the"
    " next 24 hours.",
    "connected-not-started": "Connected. Nothing syncs yet: first look at the preview, then start.",
    "started": "Started. Your records are syncing now.",
    "reconnected": "Reconnected. All settings and links are unchanged, and syncing continues.",
    "disconnected": "Disconnected. Settings and links are kept in case you connect this lab again.",
    "disconnected-unrevoked": "Disconnected. Intuit did not confirm that Pilot’s access has ended. To be sure, remove"
    " the app in QuickBooks: Apps > My apps.",
    "settings": "Settings saved.",
    "settings-same": "You did not change anything, so nothing was saved.",
    "released": "{n} {are} released and being sent to QuickBooks.",
    "released-none": "Nothing was released: what you selected is no longer held.",
    "checked": "The company check is done. The results are below.",
    "retried": "{n} {are} being retried. The result appears on this page.",
    "retried-none": "Nothing to retry. Select at least one open error of a connected lab.",
    "ignored": "{n} {are} now ignored.",
    "ignored-none": "Nothing to ignore. Select at least one open error.",
    "reopened": "{n} {are} open again and being retried.",
    "payment-linked": "Linked. Pilot now has one payment; balances are updated in a moment.",
    "payments-kept": "Both payments are kept. The one in Pilot is being sent to QuickBooks.",
    "held-released": "The records are being deleted. Refresh this page in a moment to see the result.",
    "held-refused": "The records are kept. This error is resolved in a moment.",
    "sync-again": "{n} {are} being compared. The results are under Activity; problems are under Errors.",
    "linked": "Linked. {n} for this customer {are} being retried.",
    "proving": "The books are being compared. The result appears here when you reload the page.",
    "proving-not": "The comparison could not be started: its DAG is paused or missing in Airflow.",
    "compared": "{n} {are} being compared and synced again. Then compare the books again to see the result.",
    "compared-none": "Nothing to compare again: these records need something else, or the proof is gone.",
    "customer-ignored": "The customer is permanently ignored. Its transactions stay in QuickBooks only.",
}


#: Unicode's embeddings, overrides and isolates: a name could mirror the words around it.
_TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


@cache
def environment() -> Environment:
    """The templates' environment."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_in_its_place,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["pretty"] = _pretty
    made.filters.update(ago=words.ago, span=words.span, every=words.every, day=words.day, moment=words.moment)
    made.filters.update(number=words.number, several=words.several, dollars=show)
    made.filters["kinds"] = lambda entity: words.ENTITY_PLURALS[entity].lower()
    made.globals.update(hold_words=words.hold, until=words.until, waits=words.waits)
    made.globals.update(
        ENTITIES=words.ENTITIES,
        ENTITY_PLURALS=words.ENTITY_PLURALS,
        DIRECTIONS=words.DIRECTIONS,
        SETTING_DIRECTIONS=words.SETTING_DIRECTIONS,
        HOLDS=words.HOLDS,
        OPERATIONS=words.OPERATIONS,
        OUTCOMES=words.OUTCOMES,
        SIDES=words.SIDES,
        PREVIEW_STEPS=words.PREVIEW_STEPS,
        UNDO_ACTIONS=words.UNDO_ACTIONS,
        STATUSES=words.STATUSES,
        PACES=words.PACES,
        SEVERITIES=words.SEVERITIES,
        ACTIONS=words.ACTIONS,
        CSRF_FIELD=security.CSRF_FIELD,
        run_url=address.run_url,
    )
    return made


def _in_its_place(value: Any) -> Any:
    """Text without the characters that turn the direction of what stands after it. Arabic and Hebrew need none."""
    return value.translate(_TURNS) if isinstance(value, str) and not isinstance(value, Markup) else value


def _pretty(value: Any) -> str:
    """JSON for people who read it."""
    return str(simplejson.dumps(value, use_decimal=True, ensure_ascii=False, indent=2, sort_keys=True))


def page(request: Request, template: str, *, status: int = 200, form_target: str = "", **values: Any) -> Response:
    """A page as an answer."""
    here = request.url.path.removeprefix(str(request.scope.get("root_path", "")))
    html = (
        environment()
        .get_template(template)
        .render(
            at=lambda path, **query: address.at(request, path, **query),
            who=getattr(request.state, "visitor", None),
            framed=address.is_framed(request),
            airflow=address.page_in_airflow(),
            here=here,
            section=_section(here),
            said=_said(request),
            **values,
        )
    )
    answer = HTMLResponse(html, status)
    security.add_headers(answer, form_target)
    security.keep_browser_secret(request, answer)
    return answer


def _section(here: str) -> str:
    """The entry of the menu under which a page stands; empty for one that is an entry itself."""
    if here.startswith(("/errors/", "/history/", "/previews/")):
        return "/" + here.split("/")[1]
    if here == "/undo":
        return "/history"
    if here == "/validation":
        return "/activity"
    if here.startswith("/labs/") and here.endswith("/books"):
        return "/books"
    return "/" if here.startswith(("/labs/", "/connect")) else ""


def go(request: Request, path: str, **query: object) -> Response:
    """On to a page after a change."""
    answer = RedirectResponse(address.at(request, path, **query), 303)
    security.add_headers(answer)
    return answer


def _said(request: Request) -> str:
    text = DONE.get(request.query_params.get("done", ""), "")
    count = request.query_params.get("n", "0")
    whole = int(count) if count.isascii() and count.isdigit() and len(count) < 7 else 0
    return text.format(n=words.several(whole, "record"), are="is" if whole == 1 else "are")
