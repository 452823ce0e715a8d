"""Lets each connector's requests go, or holds them back: a kill switch, an open circuit, a budget that is used up."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from deskhand.governance.switches import Switches
from deskhand.governance.traffic.budget import Budget
from deskhand.governance.traffic.circuit import Circuit, Turn
from deskhand.governance.traffic.settings import LimitSettings
from deskhand.governance.traffic.tally import Tally
from deskhand.records import circuits
from deskhand.records.circuits import OpenCircuit
from deskhand.records.database import Records, RecordsUnavailableError
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import (
    AuthorizationError,
    ConfigurationError,
    ConnectorError,
    HeldBackError,
    HeldBy,
    RateLimitedError,
    UnavailableError,
    UncertainError,
)
from deskhand.sdk.traffic import Errand, Purpose, directed

log = structlog.get_logger(__name__)

ACTOR = "circuit breaker"
LOOK_AGAIN = 1.0
"""Seconds until someone who is held back by a kill switch asks again."""
LEAST_FOR_A_CHANGE = 10
"""Calls that must be left before a change is begun: it looks, changes and reads back, and is not cut off half-way."""


class Control:
    """One connector's traffic. Thread-safe. Before `keep_in` nothing is stopped and nothing is kept."""

    def __init__(self, connector: str, budget: Budget, settings: LimitSettings, clock: Clock) -> None:
        self.connector = connector
        self.tally = Tally(connector, budget)
        self._settings = settings
        self._clock = clock
        self._records: Records | None = None
        self._circuits: dict[str, Circuit] = {}
        self._lock = threading.Lock()

    def keep_in(self, records: Records) -> None:
        """Ask this store's switches, and go on with what it knows of the last hour and of open circuits."""
        self._records = records
        self.tally.keep(records, self._clock())
        for each in circuits.opened(records, self.connector):
            self._circuit(each.connection).restore(each.failures, each.opened_at)

    def enter(self, connection: str, errand: Errand) -> None:
        """Let one request go, and count it. Raises HeldBackError, RecordsUnavailableError."""
        self._refuse_stopped(errand)
        now = self._clock()
        pause = self._circuit(connection).wait(now)
        if pause:
            where = f"{self.connector} ({connection})" if connection else self.connector
            raise self._held(f"calls to {where} have stopped: too many failed in a row", pause, HeldBy.CIRCUIT)
        pause = self.tally.take(errand.purpose, now, is_free=errand.is_begun)
        if pause:
            raise self._spent(errand.purpose, pause)
        if self._records is not None:
            self.tally.keep_if_due(self._records, now)

    def leave(self, connection: str, error: ConnectorError | None) -> None:
        """Take note of what came of an exchange: whether the vendor is there."""
        circuit = self._circuit(connection)
        match error:
            case RateLimitedError() | ConfigurationError():
                return  # it says nothing of the vendor's health: it was throttled, held back, or never sent
            case UnavailableError() | AuthorizationError() | UncertainError():
                if circuit.failed(self._clock()) is Turn.OPENED:
                    self._tell_opened(connection, circuit, error)
            case _:
                if circuit.succeeded() is Turn.CLOSED:
                    self._tell_closed(connection)

    def refuse_unaffordable(self, errand: Errand) -> None:
        """Raise HeldBackError where too few calls are left to begin a change on such an errand."""
        now = self._clock()
        left = self.tally.left(errand.purpose, now)
        allowed = self.tally.budget.for_(errand.purpose)
        if left is not None and allowed is not None and left < min(LEAST_FOR_A_CHANGE, allowed):
            raise self._spent(errand.purpose, 60.0)

    def opened(self) -> tuple[str, ...]:
        """Name the connections that calls are held back from; empty names a connector's only one."""
        with self._lock:
            return tuple(sorted(name for name, each in self._circuits.items() if each.is_open))

    @property
    def told(self) -> str:
        """Say for people how many calls went in the last hour, and of how many."""
        now, budget = self._clock(), self.tally.budget
        sent = f"{self.tally.used(now):,} calls in the last hour"
        if budget.calls is None:
            return f"{sent}; no limit is known, set vendor_calls_per_hour"
        left = ", ".join(f"{each.value} {self.tally.left(each, now):,}" for each in Purpose)
        return f"{sent} of {budget.calls:,}; left for {left}"

    @property
    def is_spent(self) -> bool:
        """Tell whether not even people's calls go at present."""
        return self.tally.left(Purpose.PEOPLE, self._clock()) == 0

    def keep(self) -> None:
        """Keep what was counted."""
        if self._records is not None:
            self.tally.keep(self._records, self._clock())

    def _circuit(self, connection: str) -> Circuit:
        with self._lock:
            return self._circuits.setdefault(connection, Circuit(self._settings))

    def _refuse_stopped(self, errand: Errand) -> None:
        if self._records is None:
            return
        found = Switches(self._records).stopped(errand.tenant, self.connector, errand.automation)
        if found is not None:
            raise self._held(found.sentence, LOOK_AGAIN, HeldBy.SWITCH)

    def _spent(self, purpose: Purpose, pause: float) -> HeldBackError:
        at = self._clock() + timedelta(seconds=pause)
        allowed = self.tally.budget.for_(purpose)
        told = f"{self.connector}: the {allowed:,} calls an hour for {purpose.value} are used up until {at:%H:%M} UTC"
        return self._held(told, pause, HeldBy.BUDGET)

    def _held(self, message: str, pause: float, by: HeldBy) -> HeldBackError:
        return HeldBackError(message, retry_after=pause, by=by, connector=self.connector)

    def _tell_opened(self, connection: str, circuit: Circuit, error: ConnectorError) -> None:
        opened = OpenCircuit(
            self.connector, connection, circuit.opened_at or self._clock(), circuit.failures, f"{error}"[:300]
        )
        log.warning("calls have stopped", connector=self.connector, connection=connection, reason=opened.reason)
        self._write(lambda records: _put(records, opened))

    def _tell_closed(self, connection: str) -> None:
        log.info("calls go again", connector=self.connector, connection=connection)
        self._write(lambda records: _remove(records, self.connector, connection))

    def _write(self, write: Callable[[Records], None]) -> None:
        if self._records is None:
            return
        try:
            write(self._records)
        except RecordsUnavailableError as error:
            log.warning("a circuit is not on the record", connector=self.connector, reason=str(error))


def _put(records: Records, opened: OpenCircuit) -> None:
    with records.transaction(ACTOR) as transaction:
        circuits.put(transaction, opened)


def _remove(records: Records, connector: str, connection: str) -> None:
    with records.transaction(ACTOR) as transaction:
        circuits.remove(transaction, connector, connection)


@dataclass(slots=True)
class Controls:
    """Every connector's, by name. Made before the connectors are opened; tied to the records once those are there."""

    settings: LimitSettings
    clock: Clock
    _controls: dict[str, Control] = field(default_factory=dict)

    def over(self, connector: str, package: str, budget: Budget) -> AbstractContextManager[None]:
        """Have a plugin's requests ask here, until the context ends."""
        control = self._controls[connector] = Control(connector, budget, self.settings, self.clock)
        return directed(package, control)

    def keep_in(self, records: Records) -> None:
        """Tie all to a record store."""
        for each in self._controls.values():
            each.keep_in(records)

    def keep(self) -> None:
        """Keep what was counted, at an orderly end."""
        for each in self._controls.values():
            each.keep()

    def of(self, connector: str) -> Control | None:
        """Return a connector's."""
        return self._controls.get(connector)

    @property
    def all(self) -> Mapping[str, Control]:
        """Every connector's, by name."""
        return dict(self._controls)
