"""One hand: it carries runs out beside the desk, over the same record store, and does nothing else.

No intake, no web, no model, no upkeep. Whose a ticket is, it finds out as the desk does, from clients, contacts and
devices it reads for itself; what may be done, the same gate tells it.
"""

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from deskhand.configuration.schema import Configuration
from deskhand.desk.connections import Connections
from deskhand.desk.contexts import Contexts
from deskhand.desk.governing import Governing
from deskhand.desk.hands import executors
from deskhand.desk.judgement import Judgement
from deskhand.desk.leaks import scanner_over
from deskhand.desk.services import Foundations, gate_of, known_subjects, runs_of
from deskhand.desk.shelf import Shelf
from deskhand.desk.stores import hands_folder, heard_by, join_records, store_clock
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.governance.permission import guard_rails
from deskhand.governance.traffic.control import Controls
from deskhand.intake.intake import Intake, StoppedError
from deskhand.llm.none import NoEngine
from deskhand.mirror.database import MirrorUnavailableError
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records
from deskhand.sdk.errors import ConfigurationError, ConnectorError
from deskhand.workflow.engine import RunEngine
from deskhand.workflow.executors import Executor, Kind
from deskhand.workflow.pulse import Company

log = structlog.get_logger(__name__)

CLOSING = 6.0
"""Seconds a step that is being carried out gets to end."""


def hand_folder(configuration: Configuration, name: str) -> Path:
    """Return where a hand keeps what it reads from the PSA, and its lock."""
    return hands_folder(configuration) / name


@dataclass(slots=True)
class Hand:
    """A worker of a desk. Use as a context manager; one of a name in a state folder."""

    configuration: Configuration
    me: Executor
    records: Records
    intake: Intake
    runs: RunEngine
    stopping: threading.Event
    _closing: ExitStack

    @classmethod
    def open(
        cls,
        configuration: Configuration,
        name: str,
        *,
        scanner: LeakScanner | None = None,
        stopping: threading.Event | None = None,
        place: str = "",
    ) -> Self:
        """Open what a hand needs; no vendor is contacted yet. The parameters are as for `Desk.open`.

        Raises ConfigurationError where the record store is a file, or the desk has connectors this hand lacks; and
        InvalidConfigurationError, RecordsUnavailableError or MirrorUnavailableError.
        """
        if not configuration.records.url:
            raise ConfigurationError(
                "a hand works over a PostgreSQL server, and the record store is a file: "
                'set [records] url = "postgresql+psycopg://…", in the desk\'s configuration and here'
            )
        guard_rails()
        stopping = stopping or threading.Event()
        with ExitStack() as closing:
            clock = store_clock(configuration)
            controls = Controls(configuration.limits, clock)
            connections = closing.enter_context(Connections.open(configuration, controls))
            scanner = scanner_over(configuration, connections.settings, scanner)
            records = join_records(configuration, clock, scanner.redact)
            closing.callback(records.close)
            closing.callback(controls.keep)
            controls.keep_in(records)
            me = Executor(Kind.HAND, name, place, frozenset(connections.connectors))
            _refuse_lacking(records, me)
            folder = hand_folder(configuration, name)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            mirror = Mirror.open(folder / "mirror.db")
            closing.callback(mirror.close)
            system, connector = connections.ticket_system, configuration.desk.ticket_system
            engine = NoEngine("a hand decides nothing")
            intake = Intake(system, connector, records, mirror, clock, configuration.intake, stopping)
            judgement = Judgement(configuration, records, mirror, engine, connections.directories, clock)
            rooms = Foundations(
                configuration=configuration,
                connections=connections,
                controls=controls,
                records=records,
                mirror=mirror,
                engine=engine,
                intake=intake,
                judgement=judgement,
                contexts=Contexts(intake, judgement),
                scanner=scanner,
                shelf=Shelf(records),
                clock=clock,
                desk_id="",  # no key is made from it: a run's keys are the run's own
                me=me,
                company=Company(heard=heard_by(clock)),
            )
            governing = Governing(records, clock, known_subjects(connections, mirror))
            runs = runs_of(rooms, gate_of(rooms, governing, _never_anchored))
            return cls(configuration, me, records, intake, runs, stopping, closing.pop_all())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the step that is being carried out, leave the rest to others, and let go of everything."""
        self.runs.close(patience=CLOSING)
        self._closing.close()

    def run(self) -> None:
        """Carry runs out until ``stopping`` is set. Trouble with the PSA is waited out, however long it lasts."""
        while not self._has_read() and not self.stopping.wait(self.configuration.intake.retry_seconds):
            pass
        if self.stopping.is_set():
            return
        self.runs.launch()
        log.info("hand works", name=self.me.name, host=self.me.host, connectors=sorted(self.me.connectors))
        while not self.stopping.wait(self.configuration.intake.reference_minutes * 60):
            self._has_read()

    def _has_read(self) -> bool:
        """Read clients, contacts and devices, by which whose a ticket is is told; say whether that is done."""
        try:
            self.intake.refresh_reference_data()
        except StoppedError:
            return False
        except (ConnectorError, MirrorUnavailableError) as error:
            log.warning("clients and contacts cannot be read", reason=str(error))
            return self.intake.reference_read_at is not None
        return True


def _refuse_lacking(records: Records, me: Executor) -> None:
    """Refuse a hand without connectors the desk has: whatever needs them would fail here."""
    for heard in executors(records):
        lacking = sorted(heard.executor.connectors - me.connectors) if heard.executor.kind is Kind.DESK else []
        if lacking:
            raise ConfigurationError(
                f"the desk on {heard.executor.host} has {', '.join(lacking)}, and this hand has not: "
                f"add {', '.join(f'[connectors.{each}]' for each in lacking)}, or its runs would fail here"
            )


def _never_anchored() -> bool:
    """Tell that tier 3 waits, as it does without an anchor: it is the desk's alone, and no hand ever tries."""
    return True
