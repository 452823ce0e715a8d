from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskhand.demo import roster
from deskhand.demo.world import RehearsalWorld, seed
from deskhand.identity.facts import MirrorFacts
from deskhand.identity.resolver import Ambiguity, Resolver
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records
from deskhand.sdk.testing import SimulatorHost
from deskhand_psa_connectwise.connector import ConnectWise
from deskhand_psa_connectwise.settings import ConnectWiseSettings
from deskhand_psa_connectwise.simulator import ConnectWiseSimulator, settings

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def clock() -> datetime:
    return NOW


@pytest.fixture
def psa() -> ConnectWiseSimulator:
    return ConnectWiseSimulator(clock=clock)


@pytest.fixture
def connector(psa: ConnectWiseSimulator) -> Iterator[ConnectWise]:
    with SimulatorHost(psa) as host:
        connector = ConnectWise(ConnectWiseSettings.model_validate(settings(host.url)))
        yield connector
        connector.close()


@pytest.fixture
def world(psa: ConnectWiseSimulator) -> RehearsalWorld:
    return seed(psa, now=NOW)


@pytest.fixture
def resolver(connector: ConnectWise, world: RehearsalWorld, tmp_path: Path) -> Iterator[Resolver]:
    mirror = Mirror.open(tmp_path / "mirror.db")
    records = Records.open(f"sqlite:///{tmp_path}/records.db", clock=clock)
    mirror.save_companies(connector.companies())
    mirror.save_people(connector.people())
    mirror.save_devices(connector.devices())
    yield Resolver(MirrorFacts(mirror, records, world.identity, connector=connector.name))
    records.close()
    mirror.close()


def test_every_ticket_is_given_to_its_client_or_held_where_nobody_could_tell(
    connector: ConnectWise, world: RehearsalWorld, resolver: Resolver
) -> None:
    for number, written in zip(world.open_tickets, roster.open_tickets(), strict=True):
        end = resolver.resolve(connector.ticket(number), connector.notes(number))
        given = None if isinstance(end, Ambiguity) else end.tenant.id
        assert given == world.truths[number].company_id, (written.summary, end)
