"""The running stack that the page's tests visit."""

from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext

from tests.support.page.visitor import Visitor


@dataclass(frozen=True)
class Site:
    """The running stack as the tests see it."""

    base: str
    environment: dict[str, str]
    tokens: dict[str, str]

    @property
    def page(self) -> str:
        """Where the page is."""
        return f"{self.base}/quickbooks"

    def visitor(self, name: str | None) -> Visitor:
        """Somebody with a browser of their own; None: nobody in particular."""
        return Visitor(self.base, self.tokens[name] if name else None)


def logged_in(site: Site, browser: Browser, name: str, **options: object) -> BrowserContext:
    """A browser in which somebody is logged in to Airflow."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.add_cookies([{"name": "_token", "value": site.tokens[name], "url": site.base, "httpOnly": True}])
    context.set_default_timeout(30_000)
    return context
