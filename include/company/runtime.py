"""What a step works with: the database, the app's registration, the request budget, and the run it belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psycopg

from include.company.call_log import DatabaseCallLog
from include.company.metrics import NO_METRICS, Metrics
from include.company.throttle import Budget, SharedThrottle
from include.company.tokens import CompanyTokens, TokenVault
from include.lms.database import Connect
from include.model.settings import MassDeleteLimit
from include.qbo.client import Patience, QboClient
from include.qbo.errors import ReconnectRequired
from include.qbo.oauth import OAuthApp
from include.qbo.ports import TokenSource


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of one DAG."""

    dag_id: str
    run_id: str

    @property
    def name(self) -> str:
        """As marks and polls remember whose they are."""
        return f"{self.dag_id}/{self.run_id}"


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Handed to every step; nothing is opened until it is needed."""

    connect: Connect
    app: OAuthApp
    vault: TokenVault
    budget: Budget
    run: Run
    mass_delete_limit: MassDeleteLimit = field(default_factory=MassDeleteLimit)
    #: Whoever collects figures of what happens.
    metrics: Metrics = NO_METRICS
    #: Others wait for this one: seconds that QuickBooks, a lock or the budget may take. None: as long as they need.
    hurry: float | None = None

    def hurried(self, seconds: float) -> "Runtime":
        """The same in a hurry: what takes longer raises Unavailable, ThrottleExceeded, LockNotAvailable (psycopg)."""
        connect = self.connect

        @contextmanager
        def connect_in_a_hurry() -> Iterator[psycopg.Connection]:
            with connect() as connection:
                connection.execute("select set_config('lock_timeout', %s, false)", [f"{seconds:.0f}s"])
                connection.commit()
                yield connection

        return replace(self, connect=connect_in_a_hurry, hurry=seconds)

    @contextmanager
    def client(self, realm_id: str, tokens: TokenSource | None = None) -> Iterator[QboClient]:
        """A client of the company, with a connection of its own for budget and call log.

        `tokens`: others than the stored ones (a grant that is not stored yet). A company whose stored grant
        QuickBooks refuses is paused until a person reconnects it.
        """
        source = tokens or CompanyTokens(self.connect, self.app, self.vault, realm_id)
        with self.connect() as connection:
            connection.autocommit = True
            try:
                yield QboClient(
                    api_base_url=self.app.api_base_url,
                    realm_id=realm_id,
                    tokens=source,
                    throttle=SharedThrottle(connection, realm_id, self.budget, self.hurry, self.metrics),
                    calls=DatabaseCallLog(connection, realm_id, self.run.dag_id, self.run.run_id, self.metrics),
                    patience=Patience.hurried(self.hurry) if self.hurry else None,
                )
            except ReconnectRequired:
                if isinstance(source, CompanyTokens):
                    source.give_up()
                raise
