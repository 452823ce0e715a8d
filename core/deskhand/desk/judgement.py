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
from deskhand.knowledge.corrections import corrected
from deskhand.knowledge.history import History
from deskhand.knowledge.store import HistoryFileError, load, save
from deskhand.llm.engine import Engine, EngineHealth
from deskhand.mirror.mirror import Mirror
from deskhand.records import reviews
from deskhand.records.canonical import canonical_json
from deskhand.records.database import Records
from deskhand.records.reviews import Labels
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
        """Learn from closed tickets as reviewers corrected them, or take up what was learned from about as many before.

        Marks of closed tickets that are new since are learned at once.
        """
        past = self.mirror.closed_tickets(limit=self.configuration.triage.history_tickets)
        closed = {each.ticket.id for each in past}
        labels = {number: each for number, each in reviews.labels(self.records).items() if number in closed}
        file = self._file(labels)
        history = self._stored(file, len(past))
        if history is None:
            before = self.engine.health()
            history = learn(corrected(past, labels), self.engine, self.configuration.triage)
            self._keep(history, file, before)
        self._history = history
        self._triager = Triager(history, self.mirror, self.engine, self.configuration.triage)
        log.info("learned", history=str(history), engine=str(self.engine.identity()))

    def _keep(self, history: History, file: Path, before: EngineHealth) -> None:
        """Store what was learned, unless the engine failed meanwhile; else it is learned again at the next start."""
        after = self.engine.health()
        if (after.is_ready, after.restarts) != (before.is_ready, before.restarts):
            log.warning("what was learned is not kept", reason=f"the engine failed meanwhile: {after.detail}")
            return
        try:
            save(history, file)
            for older in set(file.parent.glob(f"{file.name.partition('.')[0]}*.npz")) - {file}:
                older.unlink(missing_ok=True)
        except OSError as error:
            log.warning("what was learned cannot be kept", file=str(file), reason=error.strerror)

    def _stored(self, file: Path, available: int) -> History | None:
        if not file.exists():
            return None
        try:
            history = load(file)
        except HistoryFileError as error:
            log.warning("learning anew", reason=str(error))
            return None
        if available > len(history.tickets) * GROWTH_WORTH_LEARNING:
            return None
        return history

    def _file(self, labels: Labels) -> Path:
        """One file for each engine and way of learning: weights learned with one model mean nothing with another.

        What reviewers said is part of its name, so that every new mark is learned; a file of fewer marks is removed.
        """
        embedding = self.configuration.engine.embedding_model if self.engine.can_embed else None
        lesson = f"{self.engine.identity()}\n{embedding}\n{self.configuration.triage.model_dump_json()}"
        name = f"history-{_digest(lesson)}"
        return self.configuration.state / (f"{name}.{_digest(_written(labels))}.npz" if labels else f"{name}.npz")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _written(labels: Labels) -> str:
    return canonical_json(
        {number: {field.value: each.id for field, each in one.items()} for number, one in labels.items()}
    )
