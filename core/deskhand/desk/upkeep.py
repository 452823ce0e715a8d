"""What has to be done now and then while the desk runs: sign the log, learn from new history, keep callbacks alive."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from deskhand.desk.connections import Connections
from deskhand.desk.judgement import Judgement
from deskhand.records.database import Records
from deskhand.sdk.clock import Clock
from deskhand.sdk.roles import CallbackSource
from deskhand.workflow.attempt import Done, attempt

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=1)
DAILY = timedelta(days=1)


@dataclass(slots=True)
class Upkeep:
    """Looks whether something is due; at most once a minute, but for what is done often."""

    records: Records
    judgement: Judgement
    connections: Connections
    clock: Clock
    often: Callable[[], object] = lambda: None
    """Done at every look, however soon after the last; must be quick when nothing is due."""
    each_minute: Callable[[], object] = lambda: None
    """Done about once a minute; must be quick."""
    daily: Callable[[], object] = lambda: None
    """Done once a day, before what people said by then is learned."""
    _looked_at: datetime | None = field(default=None, init=False)
    _daily_at: datetime | None = field(default=None, init=False)

    def look(self) -> None:
        """Do what is due. Raises RecordsUnavailableError and MirrorUnavailableError."""
        self.often()
        now = self.clock()
        if self._looked_at is not None and abs(now - self._looked_at) < EVERY:
            return
        self._looked_at = now
        self.records.checkpoint_if_due()
        self.each_minute()
        if self._daily_at is None:
            self._daily_at = now
            self._keep_callbacks()
        elif abs(now - self._daily_at) >= DAILY:
            self._daily_at = now
            self._keep_callbacks()
            self.daily()
            self.judgement.learn()

    def _keep_callbacks(self) -> None:
        """Have vendors call back where they are told to; polling goes on either way."""
        for name, connector in self.connections.connectors.items():
            if not isinstance(connector, CallbackSource):
                continue
            outcome = attempt(connector.ensure_callback)
            if not isinstance(outcome, Done):
                log.warning("callbacks are not certain", connector=name, reason=outcome.reason, next="polling goes on")
            elif outcome.value is not None:
                with self.records.transaction("desk") as transaction:
                    transaction.audit("callback.ensured", detail={"connector": name, "callback": outcome.value})
