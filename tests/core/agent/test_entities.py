from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.agent.entities import MOST_ENTITIES, entities
from deskhand.mirror.mirror import Mirror
from deskhand.records.documents import EntityKind
from tests.core.agent.examples import CONTEXT, DEVICES, PEOPLE


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    mirror = Mirror.open(Path(tmp_path_factory.mktemp("mirror")) / "mirror.db")
    mirror.save_people(PEOPLE)
    mirror.save_devices(DEVICES)
    yield mirror
    mirror.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Anna Müller cannot print", [("person", "Anna Müller", "p1")]),
        ("please ask Müller, Anna", [("person", "Anna Müller", "p1")]),
        ("Frau Müller ist im Urlaub", [("person", "Anna Müller", "p1")]),
        ("write to bob@marlow.example", [("person", "Bob Vogt", "p2")]),
        ("Mr Lenz needs a mouse", []),
        ("Old Timer has left", []),
        ("it is mt-ws-114", [("device", "MT-WS-114", "d1")]),
        ("alert on ZZ-SRV-7", [("device", "ZZ-SRV-7", None)]),
        ("Outlook and teams and Teams", [("application", "Outlook", None), ("application", "Teams", None)]),
        ("a word with access to the edge", []),
        ("see KB5034123 and COVID-19 and e-mail", []),
    ],
)
def test_what_a_ticket_mentions_is_found(text: str, found: list[tuple[str, str, str | None]], mirror: Mirror) -> None:
    assert [(each.kind.value, each.text, each.reference) for each in entities(CONTEXT, text, mirror)] == found


@pytest.mark.parametrize("text", ["Dora Canary called", "dora@pellard.example", "Frau Canary", "PE-SRV-9 is down"])
def test_another_clients_records_are_never_referred_to(text: str, mirror: Mirror) -> None:
    assert all(each.reference is None for each in entities(CONTEXT, text, mirror))
    assert all(each.kind is not EntityKind.PERSON for each in entities(CONTEXT, text, mirror))


def test_a_device_name_two_clients_share_means_this_clients_device(mirror: Mirror) -> None:
    assert [each.reference for each in entities(CONTEXT, "SHARED-01 is slow", mirror)] == ["d2"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["Dora Canary", "PE-SRV-9", "Anna Müller", "MT-WS-114", "\u202e", "\n", "<b>"])).map(
        " ".join
    )
)
def test_every_reference_is_one_of_this_clients(mirror: Mirror, text: str) -> None:
    ours = {each.id for each in (*PEOPLE, *DEVICES) if each.company == CONTEXT.tenant}
    found = entities(CONTEXT, text, mirror)
    assert {each.reference for each in found} <= ours | {None}
    assert len(found) <= MOST_ENTITIES
    assert all(each.text.isprintable() for each in found)
