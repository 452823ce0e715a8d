"""The composition root: what opening needs, what closing closes, and how the desk says that it is."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from deskhand.desk.desk import Desk
from deskhand.llm.scripted import ScriptedEngine
from deskhand.mirror.database import MirrorUnavailableError
from deskhand.records.audit.verification import verify
from deskhand.records.database import RecordsUnavailableError, url_of
from deskhand.records.documents import OutcomeKind
from deskhand.sdk.testing import SimulatorHost
from tests.core.desk.conftest import Configure
from tests.core.desk.msp import Listener, Msp, drain, hurried


def open_below(folder: Path) -> list[str]:
    """List this process's open files in a folder."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile: by a thread of the simulator's, or the listing itself
            found.append(str(link.readlink()))
    return [each for each in found if each.startswith(str(folder.resolve()))]


def test_opening_a_desk_contacts_nobody(configured: Configure, host: SimulatorHost) -> None:
    with Desk.open(configured()) as desk:
        assert desk.health().phase == "starting"
        assert desk.health().is_well
    assert host.requests == 0


@pytest.mark.parametrize(
    ("file", "error"), [("records.db", RecordsUnavailableError), ("mirror.db", MirrorUnavailableError)]
)
def test_a_store_that_cannot_be_opened_ends_the_start_and_leaves_nothing_open(
    configured: Configure, file: str, error: type[Exception]
) -> None:
    configuration = configured()
    (configuration.state / file).write_bytes(b"nothing" * 1000)
    with pytest.raises(error):
        Desk.open(configuration)
    assert open_below(configuration.state) == []


def test_closing_a_desk_closes_every_file(configured: Configure, msp: Msp) -> None:
    msp.ticket()
    configuration = configured()
    with hurried(configuration) as desk:
        drain(desk)
        assert open_below(configuration.state) != []
    assert open_below(configuration.state) == []


def test_everything_that_comes_in_is_accounted_for(configured: Configure, msp: Msp) -> None:
    triaged, held, off = msp.ticket(), msp.stranger(), msp.ticket(company=msp.babbage)
    configuration = configured(clients={"BABBAGE": {"handling": "off"}})
    listener = Listener()
    with hurried(configuration) as desk:
        desk.run(listener, drain=True)
        outcomes = {why.ticket_id: why.outcome for why in listener.whys}
        assert desk.health().work == {"pending": 0, "done": 2, "quarantined": 1, "needs review": 0}
    assert outcomes == {
        triaged: OutcomeKind.TRIAGED,
        held: OutcomeKind.QUARANTINED,
        off: OutcomeKind.LEFT_ALONE,
    }
    assert listener.phases == ["reading the PSA's history", "learning from closed tickets", "handling tickets"]
    assert (msp.notes(held), msp.notes(off)) == ([], [])
    assert verify(url_of(configuration.state / "records.db")).ok


def test_an_orderly_end_signs_everything(configured: Configure, msp: Msp) -> None:
    msp.ticket()
    configuration = configured()
    with hurried(configuration) as desk:
        drain(desk)
    found = verify(url_of(configuration.state / "records.db"))
    assert found.covered == found.entries > 5


def test_a_second_run_has_nothing_left_to_do(configured: Configure, msp: Msp) -> None:
    ticket = msp.ticket()
    configuration = configured()
    for expected in ({ticket}, set()):
        with hurried(configuration) as desk:
            assert set(drain(desk)) == expected
    assert len(msp.notes(ticket)) == 1


def test_a_desk_told_to_stop_before_it_begins_does_nothing_and_ends(configured: Configure, host: SimulatorHost) -> None:
    stopping = threading.Event()
    stopping.set()
    with Desk.open(configured(), stopping=stopping) as desk:
        desk.run(Listener())
    assert host.requests == 0


def test_a_policy_for_nobody_is_warned_of(configured: Configure) -> None:
    with hurried(configured(clients={"MARLO": {"handling": "off"}, "BABBAGE": {}})) as desk, capture_logs() as logged:
        drain(desk)
    (warning,) = [each for each in logged if each["event"] == "policies for nobody"]
    assert warning["clients"] == ("MARLO",)


def test_a_policy_for_somebody_is_not(configured: Configure) -> None:
    with hurried(configured(clients={"MARLOW": {"handling": "off"}})) as desk, capture_logs() as logged:
        drain(desk)
    assert "policies for nobody" not in [each["event"] for each in logged]


def test_the_model_shows_and_so_does_its_absence(configured: Configure) -> None:
    with hurried(configured()) as desk:
        light = next(light for light in desk.health().lights if light.name == "engine")
        assert (light.is_well, light.is_quiet, light.text) == (True, True, "No model")
        assert desk.model_line == "no model; starting"
    with Desk.open(configured(), engine=ScriptedEngine()) as desk:
        light = next(light for light in desk.health().lights if light.name == "engine")
        assert (light.is_well, light.is_quiet) == (True, False)
        assert "first_label" in desk.model_line


def test_health_never_raises(configured: Configure) -> None:
    with hurried(configured()) as desk:
        desk.mirror.close()
        health = desk.health()
        assert not health.is_well
        assert health.work == {}
        assert [light.name for light in health.lights if not light.is_well] == ["stores"]
