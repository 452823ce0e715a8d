"""The heartbeat of one executor: it lets itself be heard of, and takes up the work of those that are not."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from deskhand.sdk.errors import ConfigurationError
from deskhand.workflow.executors import SILENCE, Executor, Register

log = structlog.get_logger(__name__)

EVERY = 3.0
"""Seconds between two beats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """How several processes over one server get on: how often each is heard of, and when it is taken for dead.

    ``heard`` is told the database's time at each beat, ``replaced`` why this process may carry out runs no more.
    """

    every: float = EVERY
    silence: timedelta = SILENCE
    heard: Callable[[datetime], None] = lambda _now: None
    replaced: Callable[[str], None] = lambda _reason: None


@dataclass(slots=True)
class Pulse:
    """A thread that beats until it is stopped. ``take_over`` takes up the work of everybody who is not heard of."""

    register: Register
    me: Executor
    company: Company
    take_over: Callable[[], None]
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Beat from now on."""
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Beat no more; returns when the last beat is over."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self._beat()
            except SQLAlchemyError as error:
                log.warning("the other executors cannot hear of this one", reason=type(error).__name__)
            except ConfigurationError as error:
                self.company.replaced(str(error))
                return
            if self._stopping.wait(self.company.every):
                return

    def _beat(self) -> None:
        now = self.register.beat(self.me)
        if now is None:
            log.warning("this executor was given up by the others, and is back", executor=str(self.me))
            self.register.enter(self.me)
        else:
            self.company.heard(now)
        self.take_over()
