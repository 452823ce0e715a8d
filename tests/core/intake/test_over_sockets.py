"""The same promises over real HTTP: ConnectWise's connector, its simulator on a loopback socket, and faults between."""

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deskhand.intake.failures import told
from deskhand.intake.intake import Intake
from deskhand.intake.settings import IntakeSettings
from deskhand.mirror.mirror import Mirror
from deskhand.records import work
from deskhand.records.database import Records, url_of
from deskhand.sdk.clock import utc_now
from deskhand.sdk.errors import AuthorizationError, ConnectorError, RateLimitedError, UnavailableError
from deskhand.sdk.testing import SimulatorHost
from deskhand.sdk.testing.faults import (
    DropAfterEffect,
    DropBefore,
    ExpiredToken,
    Fault,
    HtmlErrorPage,
    Latency,
    ServerError,
    Throttle,
    TruncatedBody,
)
from deskhand_psa_connectwise.connector import ConnectWise
from tests.plugins.psa_connectwise.practice import Practice, connect, practice


class Site:
    """A practice MSP, its PSA on a socket, and an intake beside it that can be restarted."""

    def __init__(self, folder: Path) -> None:
        self.msp: Practice = practice()
        self.host = SimulatorHost(self.msp.simulator).start()
        self.folder = folder
        self.open()

    def open(self, **connector_settings: object) -> None:
        self.system: ConnectWise = connect(self.host.url, **connector_settings)
        self.mirror = Mirror.open(self.folder / "mirror.db")
        self.records = Records.open(url_of(self.folder / "records.db"), clock=utc_now)
        chosen = IntakeSettings(history_days=0)
        self.intake = Intake(self.system, self.system.name, self.records, self.mirror, utc_now, chosen)

    def close(self) -> None:
        self.system.close()
        self.mirror.close()
        self.records.close()

    def new_ticket(self, summary: str) -> str:
        return str(self.msp.simulator.seed_ticket(summary, board=self.msp.board, company=self.msp.company))

    @property
    def queued(self) -> list[str]:
        items = work.pending(self.records, now=utc_now() + timedelta(days=1), limit=1000)
        return [item.ticket_id for item in items]

    def assert_mirrors(self) -> None:
        for record in self.msp.simulator.tickets():
            assert self.mirror.ticket(str(record["id"])) == self.system.ticket(str(record["id"]))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = Site(tmp_path)
    yield opened
    opened.close()
    opened.host.stop()


def silent(done: int, total: int) -> None:
    del done, total


def test_history_and_new_tickets_arrive(site: Site) -> None:
    site.intake.backfill(silent)
    new = site.new_ticket("Mail is slow")
    site.intake.poll()
    assert site.queued == [new]
    site.assert_mirrors()
    (past,) = site.mirror.closed_tickets()
    assert past.resolution == "New toner."
    assert site.mirror.people_by_email("ada.king@ada.example")
    assert site.mirror.devices_by_name("ada-pc1")
    assert {each.name for each in site.mirror.taxonomy(str(site.msp.board)).types} >= {"Accounts", "Hardware"}  # type: ignore[union-attr]  # it was read
    ticket, notes = site.intake.read_ticket(str(site.msp.ticket))
    assert site.mirror.notes(ticket.id) == notes != ()


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (ServerError(), UnavailableError, "cannot be reached or answers with faults"),
        (HtmlErrorPage(), UnavailableError, "cannot be reached or answers with faults"),
        (HtmlErrorPage(200), UnavailableError, "cannot be reached or answers with faults"),
        (TruncatedBody(), UnavailableError, "cannot be reached or answers with faults"),
        (DropBefore(), UnavailableError, "cannot be reached or answers with faults"),
        (DropAfterEffect(), UnavailableError, "cannot be reached or answers with faults"),
        (Throttle(120), RateLimitedError, "asks for a pause"),
        (ExpiredToken(), AuthorizationError, "credentials refused: check [connectors.psa_connectwise]"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str | type) else None,
)
def test_a_fault_is_told_and_nothing_is_lost_or_doubled(
    site: Site, fault: Fault, error: type[ConnectorError], words: str
) -> None:
    site.intake.backfill(silent)
    new = [site.new_ticket(f"new {number}") for number in range(7)]
    site.host.faults.schedule(Latency(0.001), times=2)
    site.intake.poll()
    later = site.new_ticket("while the PSA is in trouble")
    site.host.faults.schedule(fault, times=100)
    with pytest.raises(error) as caught:
        site.intake.poll()
    assert words in told(caught.value, "psa_connectwise", 60)
    site.host.faults.clear()
    site.intake.poll()
    assert site.queued == [*new, later]
    site.assert_mirrors()


def test_a_storm_of_every_fault_during_everything_ends_with_everything(site: Site) -> None:
    chance = random.Random(11)
    faults: list[Fault] = [
        ServerError(503),
        HtmlErrorPage(),
        TruncatedBody(),
        DropAfterEffect(),
        Throttle(60),
        ExpiredToken(),
    ]
    new: list[str] = []

    def strike() -> None:
        """Let some request of the coming ones suffer a fault, more often than the connector tries again."""
        countdown = itertools.count(-chance.randrange(12))
        site.host.faults.schedule(chance.choice(faults), times=5, matching=lambda _request: next(countdown) >= 0)

    def insist(act: Callable[[], object]) -> None:
        for _ in range(100):
            site.host.faults.clear()
            for _ in range(chance.randrange(4)):
                strike()
            try:
                act()
            except ConnectorError:
                site.close()
                site.open()
            else:
                return
        pytest.fail("it never came through")

    insist(lambda: site.intake.backfill(silent))
    for number in range(12):
        new.append(site.new_ticket(f"new {number}"))
        insist(lambda: site.intake.poll())  # noqa: PLW0108  # the intake of the moment: it is reopened
    site.host.faults.clear()
    site.intake.backfill(silent)
    site.intake.poll()
    assert site.queued == new
    site.assert_mirrors()
    assert site.mirror.closed_tickets()[0].resolution == "New toner."


def test_a_psa_that_goes_down_and_comes_back_is_read_on(site: Site) -> None:
    site.intake.backfill(silent)
    new = site.new_ticket("before the outage")
    site.host.stop()
    with pytest.raises(UnavailableError):
        site.intake.poll()
    site.host.start()
    site.intake.poll()
    assert site.queued == [new]


def test_wrong_keys_are_told_and_right_ones_go_on(site: Site) -> None:
    site.intake.backfill(silent)
    new = site.new_ticket("waiting")
    site.close()
    site.open(private_key="not-the-key")
    with pytest.raises(AuthorizationError):
        site.intake.poll()
    site.close()
    site.open()
    site.intake.poll()
    assert site.queued == [new]
