from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskhand.agent.planning.catalogue import Catalogue
from deskhand.agent.planning.planner import Planner
from deskhand.desk.facts import DeskFacts
from deskhand.desk.taxonomies import LiveTaxonomies
from deskhand.llm.none import NoEngine
from deskhand.mirror.mirror import Mirror
from deskhand.registry import Registry
from deskhand.sdk.clock import utc_now
from deskhand.sdk.models import Note, NoteKind, Person, Reference, TenantContext, Ticket
from deskhand.sdk.roles import Connector
from deskhand.sdk.testing import SimulatorHost
from deskhand_identity_entra.connector import Entra
from deskhand_psa_connectwise.connector import ConnectWise
from deskhand_psa_connectwise.settings import ConnectWiseSettings
from deskhand_psa_connectwise.simulator import settings
from tests.core.desk.msp import Msp
from tests.plugins.identity_entra.practice import ADA, BABBAGE, Practice, connect, practice

ENTRA, PSA, TWILIO = "identity_entra", "psa_connectwise", "notify_twilio"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
CLIENT, OTHER, UNMAPPED = Reference(ADA, "Ada & Sons"), Reference(BABBAGE, "Babbage Ltd"), Reference("999", "Nobody")


def contact(number: str, name: str, address: str, company: Reference = CLIENT, *, is_active: bool = True) -> Person:
    return Person(number, name, company, (address,), ("+44 1632 960001",), is_active=is_active)


@dataclass
class Room:
    """A desk's facts over a mirror, a directory and a PSA."""

    facts: DeskFacts
    mirror: Mirror
    entra: Entra
    directory: Practice
    ticket: Ticket

    def context(self, tenant: Reference = CLIENT) -> TenantContext:
        return TenantContext(tenant, self.ticket.id, self.mirror.person("1"), ())


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    directory, msp = practice(), Msp()
    with (
        SimulatorHost(directory.simulator) as graph,
        SimulatorHost(msp.psa) as psa,
        closing(connect(graph.url)) as entra,
        closing(ConnectWise(ConnectWiseSettings.model_validate(settings(psa.url)))) as system,
        closing(Mirror.open(tmp_path / "mirror.db")) as mirror,
    ):
        mirror.save_people(
            [
                contact("1", "Ada King", "ada@ada.example"),
                contact("2", "Di Sabled", "di@ada.example", is_active=False),
                contact("3", "Charles Babbage", "charles@babbage.example", OTHER),
            ]
        )
        connectors: dict[str, Connector] = {ENTRA: entra, PSA: system}
        facts = DeskFacts(mirror, LiveTaxonomies(system, utc_now), connectors)
        yield Room(
            facts, mirror, entra, directory, system.ticket(msp.ticket("Bitte helfen Sie mir, mein Konto ist gesperrt"))
        )


def test_contacts_are_the_tenants_own_and_active(room: Room) -> None:
    assert [each.id for each in room.facts.contacts(room.context())] == ["1"]
    found = room.facts.contact(room.context(), "1")
    assert found is not None
    assert found.phones == ("+44 1632 960001",)
    assert room.facts.contact(room.context(), "2") is None
    assert room.facts.contact(room.context(), "3") is None
    assert room.facts.contact(room.context(OTHER), "3") is not None


def test_users_and_groups_come_from_the_tenants_own_directory(room: Room) -> None:
    context = room.context()
    user = room.facts.user(context, ENTRA, "ada@ada.example")
    assert user is not None
    assert user.id == room.directory.ada
    assert room.facts.user(context, ENTRA, "charles@babbage.example") is None
    assert [each.id for each in room.facts.users_named(context, ENTRA, "Ada King")] == [room.directory.ada]
    assert [each.id for each in room.facts.users_named(context, ENTRA, "Di Sabled")] == [room.directory.disabled]
    assert room.facts.groups_named(context, ENTRA, "finance") == (Reference(room.directory.finance, "Finance"),)
    assert room.facts.groups_named(room.context(OTHER), ENTRA, "finance") == (
        Reference(room.directory.stranger_group, "Finance"),
    )


def test_whoever_is_no_directory_knows_nobody(room: Room) -> None:
    context = room.context()
    assert room.facts.user(context, PSA, "ada@ada.example") is None
    assert room.facts.users_named(context, PSA, "Ada King") == ()
    assert room.facts.groups_named(context, TWILIO, "Finance") == ()


def test_a_client_that_is_not_mapped_is_out_of_reach(room: Room) -> None:
    assert room.facts.unreached(room.context(), ENTRA) is None
    assert room.facts.unreached(room.context(), PSA) is None
    assert "add it to tenants" in (room.facts.unreached(room.context(UNMAPPED), ENTRA) or "")
    assert "add a section [connectors.notify_twilio]" in (room.facts.unreached(room.context(), TWILIO) or "")


def test_labels_are_those_of_the_tickets_board(room: Room) -> None:
    context = room.context()
    assert {each.name for each in room.facts.labels(context, room.ticket, "type")} == {"Accounts", "Hardware"}
    assert "Password" in {each.name for each in room.facts.labels(context, room.ticket, "subtype")}
    assert room.facts.labels(context, room.ticket, "item")[0].name == "Windows"
    assert room.facts.labels(context, room.ticket, "priority")[0].name == "Priority 1 - Critical"
    assert room.facts.labels(context, room.ticket, "status")


def test_the_language_is_the_customers(room: Room) -> None:
    assert room.facts.language(room.context(), room.ticket) == "de"
    text = "Please reset my password as soon as you can, I have been locked out of my account since this morning"
    note = Note("n", room.ticket.id, text, NoteKind.DISCUSSION, NOW, from_customer=True)
    room.mirror.save_notes(room.ticket.id, [note])
    assert room.facts.language(room.context(), room.ticket) == "en"


def test_a_sentence_is_planned_over_real_connectors(room: Room) -> None:
    registry = Registry.discover({ENTRA, PSA, TWILIO})
    offered = Catalogue.of(registry.actions_of(room.facts.connectors))
    assert not any(each.name.startswith(TWILIO) for each in offered)
    planner = Planner(offered, room.facts, NoEngine("none"), msp_name="Brackenfold")
    proposal = planner.plan(
        room.context(),
        room.ticket,
        "add the user to Finance and set the priority to critical",
        requested_by="tech",
        plan_id="p-0123456789abcdef",
        permits=lambda _entry: None,
    )
    assert proposal.plan is not None, proposal.refusals
    added, _ = proposal.plan.steps
    assert added.arguments["user_id"].value == room.directory.ada
    assert added.arguments["group_id"].value == room.directory.finance
