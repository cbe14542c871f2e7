"""How a page looks in light, in dark and on a phone, as axe-core judges it. PILOT_SCREENSHOTS=folder keeps pictures."""

import os
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1200, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 375, "height": 740}, "is_mobile": True, "has_touch": True},
}
#: What axe looks for. The rest of its report, which nobody reads, costs more than the looking.
VIOLATIONS = {"resultTypes": ["violations"]}
#: In the dark only the colours differ.
RULES = {"dark": {**VIOLATIONS, "runOnly": ["color-contrast"]}}
KEEP = os.environ.get("PILOT_SCREENSHOTS")


def keep(page: Page, name: str) -> None:
    """A picture, if somebody wants them."""
    if KEEP:
        Path(KEEP).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{KEEP}/{name}.png", full_page=True)


def examine(page: Page, look: str, title: str, faults: dict[str, Any]) -> None:
    """Picture, axe, and no scrolling sideways; what is folded up is unfolded for it."""
    # A form may just have been sent: until its answer is there, axe would look at an empty page.
    page.wait_for_load_state()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    keep(page, f"{title}-{look}")
    if page.locator("details").count():
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        keep(page, f"{title}-unfolded-{look}")
    found = [
        f"{one['id']} ({one['impact']}): {[node['html'][:120] for node in one['nodes']][:3]}"
        for one in Axe().run(page, options=RULES.get(look, VIOLATIONS)).response["violations"]
        if one["impact"] in ("serious", "critical", "moderate")
    ]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append("wider than the window")
    if found:
        faults[f"{title} ({look})"] = found
