"""What the desk knows by now: whose domains are whose, and what past tickets teach; kept fresh as both change."""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from deskhand.agent.learning import learn
from deskhand.agent.triage import Triager
from deskhand.configuration.schema import Configuration
from deskhand.identity.facts import MirrorFacts
from deskhand.identity.resolver import Resolver
from deskhand.knowledge.history import History
from deskhand.knowledge.store import HistoryFileError, load, save
from deskhand.llm.engine import Engine, EngineHealth
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records
from deskhand.sdk.clock import Clock
from deskhand.sdk.models import Reference
from deskhand.sdk.roles import Directory

log = structlog.get_logger(__name__)

FACTS_FRESH_FOR = timedelta(minutes=10)
GROWTH_WORTH_LEARNING = 1.05
"""Learn again when there are this many times as many closed tickets as last time."""


@dataclass(slots=True)
class Judgement:
    """Holds the resolver and the triager that are current. Thread-safe."""

    configuration: Configuration
    records: Records
    mirror: Mirror
    engine: Engine
    directories: Sequence[Directory]
    clock: Clock
    _resolver: tuple[datetime, Resolver] | None = field(default=None, init=False)
    _triager: Triager | None = field(default=None, init=False)
    _history: History | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def triager(self) -> Triager:
        """The triager of the newest history. Raises RuntimeError before the first `learn`."""
        if self._triager is None:
            raise RuntimeError("nothing was learned yet")
        return self._triager

    @property
    def missing_model(self) -> str | None:
        """Why the model that is wanted takes no part; None where it does, or none is wanted."""
        health = self.engine.health()
        return None if health.is_ready or self.configuration.engine.kind == "none" else health.detail

    @property
    def history(self) -> History | None:
        """What was learned last, if anything."""
        return self._history

    def resolver(self, client: Reference | None = None) -> Resolver:
        """Return a resolver whose facts are at most ten minutes old, and newer than the mirror's record of a client."""
        with self._lock:
            if self._resolver is None or self._is_stale(*self._resolver, client):
                self._resolver = (self.clock(), Resolver(self.facts()))
            return self._resolver[1]

    def _is_stale(self, read_at: datetime, resolver: Resolver, client: Reference | None) -> bool:
        if abs(self.clock() - read_at) > FACTS_FRESH_FOR:
            return True
        if client is None or resolver.clients.reference(client.id) is not None:
            return False
        return self.mirror.company(client.id) is not None

    def facts(self) -> MirrorFacts:
        """Read the facts that tell whose ticket is whose, as they are now."""
        return MirrorFacts(
            self.mirror,
            self.records,
            self.configuration.identity,
            connector=self.configuration.desk.ticket_system,
            directories=self.directories,
        )

    def learn(self) -> None:
        """Learn from closed tickets, or take up what was learned from about as many before."""
        past = self.mirror.closed_tickets(limit=self.configuration.triage.history_tickets)
        history = self._stored(len(past))
        if history is None:
            before = self.engine.health()
            history = learn(past, self.engine, self.configuration.triage)
            self._keep(history, before)
        self._history = history
        self._triager = Triager(history, self.mirror, self.engine, self.configuration.triage)
        log.info("learned", history=str(history), engine=str(self.engine.identity()))

    def _keep(self, history: History, before: EngineHealth) -> None:
        """Store what was learned, unless the engine failed meanwhile; else it is learned again at the next start."""
        after = self.engine.health()
        if (after.is_ready, after.restarts) != (before.is_ready, before.restarts):
            log.warning("what was learned is not kept", reason=f"the engine failed meanwhile: {after.detail}")
            return
        try:
            save(history, self._file)
        except OSError as error:
            log.warning("what was learned cannot be kept", file=str(self._file), reason=error.strerror)

    def _stored(self, available: int) -> History | None:
        if not self._file.exists():
            return None
        try:
            history = load(self._file)
        except HistoryFileError as error:
            log.warning("learning anew", reason=str(error))
            return None
        if available > len(history.tickets) * GROWTH_WORTH_LEARNING:
            return None
        return history

    @property
    def _file(self) -> Path:
        """One file for each engine and way of learning: weights learned with one model mean nothing with another."""
        embedding = self.configuration.engine.embedding_model if self.engine.can_embed else None
        lesson = f"{self.engine.identity()}\n{embedding}\n{self.configuration.triage.model_dump_json()}"
        return self.configuration.state / f"history-{hashlib.sha256(lesson.encode()).hexdigest()[:12]}.npz"
