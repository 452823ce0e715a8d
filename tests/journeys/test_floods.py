"""Ten thousand tickets all alike, and a loop that feeds itself: caps hold, the breaker opens, nothing is lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from deskhand.automation.stage import Stage
from deskhand.configuration.loading import load
from deskhand.configuration.schema import Configuration
from deskhand.desk.desk import Desk
from deskhand.records import automations, runs, work
from deskhand.records.automations import AutomationState
from deskhand.records.documents import Why
from deskhand.records.runs import Run, RunState
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost
from deskhand_psa_connectwise.simulator import settings
from tests.core.desk.msp import PSA, Hurry, Listener, Msp, hurried, quick_folder, write_configuration
from tests.core.desk.test_automating import ADMIN, NAME, approved, employ, staged

ALIKE = 10_000
CALLS = 2_000
"""The vendor's limit an hour; three tenths of it are ours."""
OURS = 600
WORDS = "Try the self-service page first."
"""What the automation writes."""


@dataclass
class Watched:
    """A vendor that notes when it was called, by the desk's clock, and may answer a note with another ticket."""

    msp: Msp
    clock: Hurry
    on_note: Callable[[str], None] = lambda _text: None
    at: list[datetime] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __call__(self, request: SimulatedRequest, answer: SimulatedResponse) -> None:
        self.at.append(self.clock())
        if request.method == "POST" and request.path.endswith("/notes") and answer.status == 201:  # created
            text = str(request.json()["text"])  # type: ignore[index,call-overload]  # a note
            self.notes.append(text)
            self.on_note(text)

    def most_in_an_hour(self) -> int:
        """Count the calls of the fullest hour."""
        first, most = 0, 0
        for last, moment in enumerate(self.at):
            while moment - self.at[first] >= timedelta(hours=1):
                first += 1
            most = max(most, last - first + 1)
        return most


@contextmanager
def flooded(msp: Msp, watched: Watched, **limits: int) -> Iterator[Desk]:
    """Open a desk with an automation at auto, a tight budget, and a clock that hurries."""
    with (
        quick_folder() as folder,
        SimulatorHost(msp.psa, observer=watched) as host,
        hurried(configured(folder, host, **limits), watched.clock) as desk,
    ):
        employ(desk)
        approved(desk.automating)
        staged(desk.automating, msp, Stage.AUTO, reason="for the flood")
        yield desk


def configured(folder: Path, host: SimulatorHost, **limits: int) -> Configuration:
    section = {**settings(host.url), "vendor_calls_per_hour": CALLS}
    return load(write_configuration(folder, host.url, {"connectors": {PSA: section}, "limits": limits}))


class Stopping(Listener):
    """Tells the desk to stop once the clock has come so far."""

    def __init__(self, desk: Desk, until: datetime) -> None:
        super().__init__()
        self.desk, self.until, self.memory = desk, until, list[int]()

    def handled(self, why: Why) -> None:
        super().handled(why)
        self.memory.append(resident())
        if self.desk.clock() >= self.until:
            self.desk.stopping.set()


def resident() -> int:
    """Read how many bytes this process holds in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def every_run(desk: Desk) -> list[Run]:
    return runs.recent(desk.records, 1_000, automation=NAME)


def settle(desk: Desk, patience: float = 30) -> None:
    """Wait until nothing is queued or being carried out."""
    end = time.monotonic() + patience
    while any(each.state is not RunState.WAITING for each in runs.under_way(desk.records)) and time.monotonic() < end:
        time.sleep(0.05)


def is_paused(desk: Desk) -> str:
    found = automations.find(desk.records, NAME)
    assert found is not None
    return found.reason if found.state is AutomationState.PAUSED else ""


def test_ten_thousand_tickets_that_are_all_alike_meet_every_cap_and_none_is_lost() -> None:
    msp, clock = Msp(), Hurry()
    msp.remember()
    for _ in range(ALIKE):
        msp.ticket()
    watched = Watched(msp, clock)
    with flooded(msp, watched) as desk:
        listener = Stopping(desk, clock() + timedelta(minutes=70))
        desk.run(listener, drain=True)
        settle(desk)
        begun = every_run(desk)
        assert 0 < len(begun) <= 20
        assert not {each.state for each in begun} & {RunState.FAILED, RunState.NEEDS_REVIEW}, (
            "what waits has not failed"
        )
        assert 0 < sum(WORDS in each for each in watched.notes) <= 20
        assert watched.most_in_an_hour() <= OURS
        assert "met its cap within an hour: it has begun 20 runs at this client" in is_paused(desk)
        counted, handled = work.counts(desk.records), len(listener.whys)
        assert handled > 50
        assert (counted["pending"], counted["done"]) == (ALIKE - handled, handled)
        assert counted["needs review"] == counted["quarantined"] == 0
        kinds = [each.kind for each in desk.records.audit_entries(newest=20_000)]
        assert kinds.count("automation.held_back") == desk.configuration.maintenance.pause_when_held_back
        told = {each.name: each.detail for each in desk.health().lights}
        assert f"of {OURS}" in told[f"calls {PSA}"]
        early, late = listener.memory[len(listener.memory) // 4], listener.memory[-1]
        assert late - early < 30_000_000


def test_a_loop_that_feeds_itself_ends_at_the_cap_and_the_automation_pauses() -> None:
    """Each note comes back as two new tickets, as from a mailbox that answers mail about tickets."""
    msp, clock = Msp(), Hurry()
    msp.remember()
    watched = Watched(msp, clock)

    def answer(_text: str) -> None:
        for _ in range(2):
            msp.ticket("Automatic reply: my account is locked")

    with flooded(msp, watched, automation_runs_at_client=5) as desk:
        msp.ticket()
        desk.services.runs.launch()
        desk.intake.backfill(lambda _done, _total: None)
        desk.judgement.learn()
        watched.on_note = answer
        end = time.monotonic() + 60
        while not is_paused(desk) and time.monotonic() < end:
            one_round(desk)
            settle(desk)
        assert "met its cap within an hour: it has begun 5 runs at this client" in is_paused(desk)
        assert len(every_run(desk)) == 5
        assert sum(WORDS in each for each in watched.notes) == 5
        assert watched.most_in_an_hour() <= OURS
        mine = [each.ticket_id for each in every_run(desk)]
        assert len(mine) == len(set(mine)), "no ticket was taken up twice for its own note"
        desk.automating.resume(ADMIN, NAME, "looked at it")
        before = len(every_run(desk))
        one_round(desk)
        assert len(every_run(desk)) == before, "the hour is not over"


def one_round(desk: Desk) -> None:
    """Read what is new and handle what is due, once."""
    desk.intake.poll()
    stop = threading.Event()
    desk.worker.on_idle = stop.set
    desk.worker.run(stop)
