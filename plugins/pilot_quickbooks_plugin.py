"""The QuickBooks Online page under Admin. Everything else of it is in include/page; see docs/page.md.

Airflow runs this file in each of its processes, every task's included, so it imports next to nothing: the app is
built when the api-server asks for it.
"""

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin


class PilotQuickBooksPlugin(AirflowPlugin):
    """The page, its two entries in the menu Admin, and the links from tasks."""

    name = "pilot_quickbooks"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The app, mounted at /quickbooks."""
        from include.page.app import make_app

        return [{"app": make_app(), "url_prefix": "/quickbooks", "name": "QuickBooks Online"}]

    @cached_property
    def global_operator_extra_links(self) -> list[Any]:
        """Buttons on the details of a load or validate task."""
        from include.orchestration.extra_links import LINKS

        return LINKS

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:
        """One entry shows the page in Airflow's frame; the other opens a tab, as Intuit's consent page demands one."""
        below = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
        return [
            {
                "name": "QuickBooks Online",
                "href": f"{below}/quickbooks/",
                "destination": "nav",
                "category": "admin",
                "url_route": "quickbooks",
            },
            {
                "name": "Connect to QuickBooks (new tab)",
                "href": f"{below}/quickbooks/connect",
                "destination": "nav",
                "category": "admin",
            },
        ]
