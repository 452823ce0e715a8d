"""One running desk: every room opened in order, joined, and closed in reverse."""

import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from types import TracebackType
from typing import Self

import structlog

from deskhand.configuration.schema import Configuration
from deskhand.desk.anchoring import TicketNotes, open_anchoring
from deskhand.desk.asking import Asking
from deskhand.desk.automating import Automating
from deskhand.desk.callbacks import Callbacks
from deskhand.desk.connections import Connections
from deskhand.desk.contexts import Contexts
from deskhand.desk.correcting import Correcting
from deskhand.desk.governing import Governing
from deskhand.desk.handling import Handler
from deskhand.desk.hands import hands_light
from deskhand.desk.health import Health, Light, engine_light, stores_light, traffic_lights
from deskhand.desk.holding import Holding
from deskhand.desk.identity_file import desk_id
from deskhand.desk.judgement import Judgement
from deskhand.desk.leaks import scanner_over
from deskhand.desk.maintaining import Maintaining
from deskhand.desk.policies import Policies
from deskhand.desk.progress import Progress
from deskhand.desk.recommending import Recommending
from deskhand.desk.resolving import Resolving
from deskhand.desk.seeing import seen_by
from deskhand.desk.services import Foundations, Services, gate_of, join, known_subjects
from deskhand.desk.shelf import Shelf
from deskhand.desk.stores import heard_by, open_mirror, open_records, store_clock
from deskhand.desk.taxonomies import LiveTaxonomies
from deskhand.desk.upkeep import Upkeep
from deskhand.desk.vouching import Vouching
from deskhand.desk.working import Worker
from deskhand.desk.writing import Writer
from deskhand.governance.entra.sign_in import EntraSignIn
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.governance.permission import guard_rails
from deskhand.governance.rails_in_force import note_guard_rails
from deskhand.governance.traffic.control import Controls
from deskhand.intake.intake import Intake, StoppedError
from deskhand.intake.schedule import Schedule
from deskhand.llm.engine import Engine
from deskhand.llm.redacting import RedactingEngine
from deskhand.llm.selection import open_engine
from deskhand.mirror.database import MirrorUnavailableError
from deskhand.mirror.mirror import Mirror
from deskhand.records import effects, work
from deskhand.records.accounts import Account
from deskhand.records.database import Records, RecordsUnavailableError
from deskhand.sdk.clock import Clock, utc_now
from deskhand.workflow.executors import Executor, Kind
from deskhand.workflow.gate import key_maker
from deskhand.workflow.pulse import Company

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Desk:
    """Everything one MSP's desk consists of. Use as a context manager; one desk a state folder."""

    configuration: Configuration
    clock: Clock
    connections: Connections
    controls: Controls
    records: Records
    mirror: Mirror
    engine: Engine
    intake: Intake
    judgement: Judgement
    worker: Worker
    callbacks: Callbacks
    schedule: Schedule
    services: Services
    vouching: Vouching
    asking: Asking
    stopping: threading.Event
    _closing: ExitStack
    _phase: str = field(default="starting", init=False)

    @classmethod
    def open(
        cls,
        configuration: Configuration,
        *,
        clock: Clock = utc_now,
        engine: Engine | None = None,
        scanner: LeakScanner | None = None,
        stopping: threading.Event | None = None,
        place: str = "",
    ) -> Self:
        """Open every room; nothing is contacted yet. ``engine`` replaces the configured one, which is then not started.

        ``scanner`` is the one that watches the log, where there is a log: no secret it knows leaves in any other way.
        ``place`` is the `StateLock`'s: a desk that was there before is known to be dead.
        Raises InvalidConfigurationError, ConfigurationError, PolicyDefectError, RecordsUnavailableError or
        MirrorUnavailableError.
        """
        guard_rails()
        stopping = stopping or threading.Event()
        with ExitStack() as closing:
            clock = store_clock(configuration) if clock is utc_now else clock
            controls = Controls(configuration.limits, clock)
            connections = closing.enter_context(Connections.open(configuration, controls))
            scanner = scanner_over(configuration, connections.settings, scanner)
            records = open_records(configuration, clock, scanner.redact)
            closing.callback(records.close)
            closing.callback(controls.keep)
            controls.keep_in(records)
            note_guard_rails(records)
            mirror = open_mirror(configuration)
            closing.callback(mirror.close)
            engine = RedactingEngine(engine or open_engine(configuration.engine), scanner.redact)
            closing.callback(engine.close)
            rooms = _Rooms(connections, controls, records, mirror, engine, scanner, place)
            return cls._joined(configuration, clock, rooms, stopping, closing.pop_all())

    @classmethod
    def _joined(
        cls,
        configuration: Configuration,
        clock: Clock,
        rooms: "_Rooms",
        stopping: threading.Event,
        closing: ExitStack,
    ) -> Self:
        connections, records, mirror, engine = rooms.connections, rooms.records, rooms.mirror, rooms.engine
        name, system = configuration.desk.ticket_system, connections.ticket_system
        own_id = desk_id(configuration.state, is_first=effects.are_none(records))
        intake = Intake(system, name, records, mirror, clock, configuration.intake, stopping)
        judgement = Judgement(configuration, records, mirror, engine, connections.directories, clock)
        taxonomies = LiveTaxonomies(system, clock)
        governing = Governing(records, clock, known_subjects(connections, mirror), caps=configuration.limits)
        contexts = Contexts(intake, judgement)
        foundations = Foundations(
            configuration=configuration,
            connections=connections,
            controls=rooms.controls,
            records=records,
            mirror=mirror,
            engine=engine,
            intake=intake,
            judgement=judgement,
            contexts=contexts,
            scanner=rooms.scanner,
            shelf=Shelf(records),
            clock=clock,
            desk_id=own_id,
            me=Executor(Kind.DESK, configuration.desk.name, rooms.place, frozenset(connections.connectors)),
            company=Company(heard=heard_by(clock), replaced=partial(_make_room, stopping)),
        )
        notes = TicketNotes(system, lambda ticket, text, key: writer.add_note(contexts.certain(ticket), text, key))
        vouching = Vouching(open_anchoring(configuration, records, notes=notes, clock=clock))
        writer = Writer(
            connector=name,
            desk_name=configuration.desk.name,
            registry=connections.registry,
            system=system,
            taxonomies=taxonomies,
            gate=gate_of(foundations, governing, vouching.is_unanchored),
            scanner=rooms.scanner,
            key=key_maker(own_id),
        )
        services = join(foundations, governing, writer)
        closing.callback(services.runs.close)
        closing.callback(services.entra.close)
        policies = Policies(configuration.policy, configuration.clients, mirror)
        handler = Handler(
            records, intake, judgement, policies, taxonomies, writer, clock, services.automating.recognising
        )
        return cls(
            configuration=configuration,
            clock=clock,
            connections=connections,
            controls=rooms.controls,
            records=records,
            mirror=mirror,
            engine=engine,
            intake=intake,
            judgement=judgement,
            worker=Worker(records, handler, clock, longest_answer=connections.longest_answer),
            callbacks=Callbacks(connections.receivers, intake, clock),
            schedule=Schedule(intake, configuration.intake, clock),
            services=services,
            vouching=vouching,
            asking=Asking(
                records=records,
                links=services.resolving.links,
                console_url=configuration.web.console_url,
                write=lambda ticket, text, key: writer.add_note(contexts.certain(ticket), text, key),
                key=writer.key,
                clock=clock,
            ),
            stopping=stopping,
            _closing=closing,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def governing(self) -> Governing:
        """Who may do what."""
        return self.services.governing

    @property
    def entra(self) -> EntraSignIn:
        """Signing in with Entra ID."""
        return self.services.entra

    @property
    def correcting(self) -> Correcting:
        """What a technician says of a triage."""
        return self.services.correcting

    @property
    def holding(self) -> Holding:
        """What is decided about tickets that are held."""
        return self.services.holding

    @property
    def resolving(self) -> Resolving:
        """Plans, approvals and runs."""
        return self.services.resolving

    @property
    def automating(self) -> Automating:
        """The life of automations."""
        return self.services.automating

    @property
    def recommending(self) -> Recommending:
        """Plans from automations."""
        return self.services.recommending

    @property
    def maintaining(self) -> Maintaining:
        """Diagnoses, candidates, reviews and reports."""
        return self.services.maintaining

    def seen_by(self, who: Account) -> "Desk":
        """Return the desk as an account sees it: without what is of clients it is not for."""
        return seen_by(self, who)

    def run(self, progress: Progress, *, drain: bool = False) -> None:
        """Work until ``stopping`` is set; with ``drain`` until everything that is due has been handled.

        Trouble with the PSA or the disk is waited out, however long it lasts.
        """
        self.worker.on_handled = progress.handled
        self.services.runs.launch()
        try:
            self._prepare(progress)
            self._enter("handling tickets", progress)
            if drain:
                self.worker.insist(self.intake.poll, self.stopping)
                self.worker.run(self.stopping, until_empty=True)
            elif not self.stopping.is_set():
                self._run_on_schedule()
        except StoppedError:
            log.info("intake stopped", phase=self._phase)
        self._seal()

    def catch_up(self) -> None:
        """Look for new tickets and handle every one that is due. For whoever does not wait for the schedule."""
        self.worker.insist(self.intake.poll, self.stopping)
        self.worker.run(self.stopping, until_empty=True)

    def _prepare(self, progress: Progress) -> None:
        self._enter("reading the PSA's history", progress)
        self.worker.insist(lambda: self.intake.backfill(progress.advanced), self.stopping)
        self.worker.insist(self._look_for_strangers, self.stopping)
        self._enter("learning from closed tickets", progress)
        self.worker.insist(self.judgement.learn, self.stopping)

    def _look_for_strangers(self) -> None:
        """Warn of policies for clients the PSA does not have: a misspelt name would leave the default in force."""
        strangers = self.worker.handler.policies.unmatched()
        if strangers:
            log.warning("policies for nobody", clients=strangers, next="name PSA ids or identifiers in [clients]")

    def _run_on_schedule(self) -> None:
        self.schedule.start()
        upkeep = Upkeep(
            self.records,
            self.judgement,
            self.connections,
            self.clock,
            often=self.maintaining.watch,
            each_minute=self._each_minute,
            daily=self.maintaining.sample,
        )
        self.worker.on_idle = upkeep.look
        try:
            self.worker.run(self.stopping)
        finally:
            self.schedule.stop()

    def _each_minute(self) -> None:
        """End what waited too long, tell the PSA what waits, move new versions on, and anchor the record."""
        self.resolving.expire()
        self.asking.tell()
        self.automating.widening.look()
        self.vouching.look()

    def _enter(self, phase: str, progress: Progress) -> None:
        self._phase = phase
        progress.phase(phase)

    def _seal(self) -> None:
        """Sign the log at an orderly end, so that everything up to it is covered."""
        try:
            self.records.checkpoint()
        except RecordsUnavailableError as error:
            log.warning("the log could not be signed", reason=str(error))

    def health(self) -> Health:
        """Tell how everything is; never raises."""
        try:
            counted = work.counts(self.records)
            self.mirror.counts()
            trouble = self._disk_trouble()
        except (RecordsUnavailableError, MirrorUnavailableError) as error:
            counted, trouble = {}, str(error)
        return Health(
            name=self.configuration.desk.name,
            version=version("deskhand"),
            at=self.clock(),
            phase=self._phase,
            lights=(
                self._psa_light(),
                stores_light(trouble, self.configuration.state),
                engine_light(self.engine),
                *self._anchor_light(trouble),
                *traffic_lights(self.controls),
                *self._hands_light(trouble),
            ),
            work=counted,
        )

    @property
    def model_line(self) -> str:
        """What decides at present, in one line for people."""
        identity, history = self.engine.identity(), self.judgement.history
        missing = self.judgement.missing_model
        model = f"no model ({missing})" if missing else identity.model or "no model"
        return (
            f"{model}; {len(history.tickets):,} closed tickets learned from" if history else f"{model}; {self._phase}"
        )

    def _psa_light(self) -> Light:
        intake = self.schedule.health()
        trouble = self.worker.psa_trouble or (None if intake.is_disk_trouble else intake.last_error)
        name = self.configuration.desk.ticket_system
        if trouble:
            text = "Calls to the PSA are held back" if self.worker.is_held_back else "PSA in trouble"
            return Light(name="psa", is_well=False, text=text, detail=trouble)
        return Light(name="psa", is_well=True, text="PSA connected", detail=name)

    def _anchor_light(self, trouble: str | None) -> tuple[Light, ...]:
        return () if trouble else (self.vouching.light(),)

    def _hands_light(self, trouble: str | None) -> tuple[Light, ...]:
        return () if trouble else hands_light(self.records)

    def _disk_trouble(self) -> str | None:
        intake = self.schedule.health()
        return self.worker.disk_trouble or (intake.last_error if intake.is_disk_trouble else None)


@dataclass(frozen=True, slots=True)
class _Rooms:
    """What was opened and has to be joined."""

    connections: Connections
    controls: Controls
    records: Records
    mirror: Mirror
    engine: Engine
    scanner: LeakScanner
    place: str


def _make_room(stopping: threading.Event, reason: str) -> None:
    """End this desk: it stood still for so long that another one took its place."""
    log.error("this desk ends", reason=reason)
    stopping.set()
