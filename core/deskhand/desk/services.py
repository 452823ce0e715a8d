"""What people ask of a desk, joined over its rooms: plans and runs, approvals, automations, accounts and switches."""

from collections.abc import Callable
from dataclasses import dataclass

from deskhand.agent.planning.catalogue import Catalogue
from deskhand.agent.planning.planner import Planner
from deskhand.automation.known import known
from deskhand.configuration.schema import Configuration
from deskhand.desk.automating import Automating
from deskhand.desk.closing import Closing
from deskhand.desk.connections import Connections
from deskhand.desk.contexts import Contexts
from deskhand.desk.correcting import Correcting
from deskhand.desk.drafting import Drafting
from deskhand.desk.facts import DeskFacts
from deskhand.desk.governing import Governing
from deskhand.desk.holding import Holding
from deskhand.desk.judgement import Judgement
from deskhand.desk.maintaining import Maintaining, Surroundings, maintaining
from deskhand.desk.previewing import Previewer
from deskhand.desk.recognising import Recognising
from deskhand.desk.recommending import Recommending
from deskhand.desk.resolving import Resolving
from deskhand.desk.shelf import Shelf
from deskhand.desk.stores import records_url
from deskhand.desk.writing import Writer
from deskhand.governance.breaker import Flood
from deskhand.governance.entra.sign_in import EntraSignIn
from deskhand.governance.leaks.scanner import LeakScanner
from deskhand.governance.links import Links
from deskhand.governance.switches import Level
from deskhand.governance.traffic.control import Controls
from deskhand.intake.intake import Intake
from deskhand.llm.engine import Engine
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records
from deskhand.sdk.clock import Clock
from deskhand.workflow.engine import Patience, RunEngine
from deskhand.workflow.executors import Executor
from deskhand.workflow.gate import SENDS_FOR, Gate
from deskhand.workflow.governed import governed
from deskhand.workflow.pulse import Company


@dataclass(frozen=True, slots=True)
class Foundations:
    """The rooms the services stand on."""

    configuration: Configuration
    connections: Connections
    controls: Controls
    records: Records
    mirror: Mirror
    engine: Engine
    intake: Intake
    judgement: Judgement
    contexts: Contexts
    scanner: LeakScanner
    shelf: Shelf
    clock: Clock
    desk_id: str
    me: Executor
    company: Company


@dataclass(frozen=True, slots=True)
class Services:
    """What a panel, a command or the rehearsal calls."""

    contexts: Contexts
    governing: Governing
    entra: EntraSignIn
    correcting: Correcting
    holding: Holding
    runs: RunEngine
    resolving: Resolving
    automating: Automating
    recommending: Recommending
    maintaining: Maintaining


def known_subjects(connections: Connections, mirror: Mirror) -> Callable[[Level], frozenset[str] | None]:
    """Return what names the clients and connectors there are, so that a switch thrown for nobody is told."""

    def known_of(level: Level) -> frozenset[str] | None:
        if level is Level.TENANT:
            return frozenset(each.id for each in mirror.companies())
        return frozenset(connections.connectors) if level is Level.CONNECTOR else None

    return known_of


def gate_of(rooms: Foundations, governing: Governing, is_unanchored: Callable[[], bool]) -> Gate:
    """Return the one door to vendors, with every ring governance has: the same at the desk and at its hands."""
    rings = governed(
        rooms.records,
        rooms.clock,
        permissions=governing.permissions,
        stage=rooms.shelf.stage,
        standing=rooms.shelf.standing,
        is_unanchored=is_unanchored,
        scanner=rooms.scanner,
        controls=rooms.controls,
    )
    return Gate(rooms.records, "gate", lambda: rooms.judgement.resolver().clients.catch_all, governing=rings)


def runs_of(rooms: Foundations, gate: Gate) -> RunEngine:
    """Return what carries runs out, at the desk or at a hand; nothing runs yet."""
    settling = SENDS_FOR + rooms.connections.longest_answer.total_seconds()
    return RunEngine(
        records=rooms.records,
        url=records_url(rooms.configuration),
        gate=gate,
        actions=rooms.connections.registry.action,
        connectors=rooms.connections.connectors,
        contexts=rooms.contexts.certain,
        clock=rooms.clock,
        patience=Patience(settling=max(settling, Patience().settling)),
        me=rooms.me,
        company=rooms.company,
    )


def join(rooms: Foundations, governing: Governing, writer: Writer) -> Services:
    """Join the services; nothing is contacted and nothing runs."""
    contexts = rooms.contexts
    registry, connectors = rooms.connections.registry, rooms.connections.connectors
    runs = runs_of(rooms, writer.gate)
    facts = DeskFacts(rooms.mirror, writer.taxonomies, connectors)
    catalogue = Catalogue.of(rooms.connections.actions)
    name = rooms.configuration.desk.name
    resolving = Resolving(
        records=rooms.records,
        contexts=contexts,
        planner=Planner(
            catalogue, facts, rooms.engine, msp_name=rooms.configuration.resolving.msp_name, clock=rooms.clock
        ),
        governing=governing,
        previewer=Previewer(registry, connectors),
        scanner=rooms.scanner,
        closing=Closing(registry, rooms.configuration.desk.ticket_system, name, rooms.configuration.resolving.hours),
        engine=runs,
        clock=rooms.clock,
        rule=rooms.shelf.approval_rule,
        links=Links(rooms.desk_id),
    )
    automating = _automating(rooms, facts, resolving)
    return Services(
        contexts=contexts,
        governing=governing,
        entra=EntraSignIn(rooms.configuration.web.entra, rooms.records, rooms.clock),
        correcting=Correcting(rooms.records, contexts, writer, rooms.clock),
        holding=Holding(rooms.configuration, rooms.records, rooms.mirror, rooms.connections.directories),
        runs=runs,
        resolving=resolving,
        automating=automating,
        recommending=Recommending(automating, resolving),
        maintaining=_maintaining(rooms, facts, writer, resolving, automating),
    )


def _maintaining(
    rooms: Foundations, facts: DeskFacts, writer: Writer, resolving: Resolving, automating: Automating
) -> Maintaining:
    return maintaining(
        Surroundings(
            configuration=rooms.configuration,
            records=rooms.records,
            mirror=rooms.mirror,
            actions=rooms.connections.actions,
            contexts=rooms.contexts,
            facts=facts,
            previewer=resolving.previewer,
            taxonomies=writer.taxonomies,
            automating=automating,
            permissions=resolving.governing.permissions,
            clock=rooms.clock,
        )
    )


def _automating(rooms: Foundations, facts: DeskFacts, resolving: Resolving) -> Automating:
    actions = known(rooms.connections.actions)
    recognising = Recognising(
        records=rooms.records,
        mirror=rooms.mirror,
        shelf=rooms.shelf,
        actions=actions,
        facts=facts,
        privileged=resolving.previewer.privileged,
        begin=resolving.begin,
        clock=rooms.clock,
        desk_id=rooms.desk_id,
        placeholders=frozenset(each.strip().casefold() for each in rooms.configuration.policy.placeholders),
        caps=rooms.configuration.limits,
        flood=Flood(rooms.configuration.maintenance),
    )
    drafting = Drafting(
        records=rooms.records,
        mirror=rooms.mirror,
        contexts=rooms.contexts,
        system=rooms.connections.ticket_system,
        facts=facts,
        actions=actions,
        recognising=recognising,
        own_companies=frozenset(rooms.configuration.identity.own_companies),
    )
    return Automating(rooms.records, rooms.shelf, drafting, recognising, rooms.configuration.maintenance)
