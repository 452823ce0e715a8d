"""A thrown switch, on a desk that is busy: within a second no call reaches the vendor, and released all goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deskhand.automation.stage import Stage
from deskhand.configuration.loading import load
from deskhand.desk.desk import Desk
from deskhand.governance.switches import Level
from deskhand.records import runs
from deskhand.records.runs import RunState
from deskhand.sdk.testing import SimulatedRequest, SimulatedResponse, SimulatorHost
from deskhand.sdk.testing.faults import ServerError
from tests.core.desk.msp import PSA, Listener, Msp, quick_folder, write_configuration
from tests.core.desk.test_automating import ADMIN, NAME, approved, employ

WITHIN = 1.0
WATCHED = 1.5
"""Seconds that are watched after that."""
PATIENCE = 90.0
WORDS = "Try the self-service page first."


@dataclass(frozen=True)
class Call:
    """A request as the vendor had it."""

    at: float
    method: str
    path: str
    text: str

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    @property
    def is_of_a_run(self) -> bool:
        return self.is_write and ("/time/entries" in self.path or WORDS in self.text)

    def is_about(self, tickets: set[str]) -> bool:
        return self.is_write and any(f"/{each}" in self.path or f'"id": {each}' in self.text for each in tickets)


@dataclass
class Vendor:
    """What reached the vendor, and when."""

    calls: list[Call] = field(default_factory=list)

    def __call__(self, request: SimulatedRequest, _answer: SimulatedResponse) -> None:
        self.calls.append(Call(time.monotonic(), request.method, request.path, request.body.decode()))

    def since(self, moment: float, is_meant: Callable[[Call], bool]) -> list[Call]:
        return [each for each in list(self.calls) if each.at > moment and is_meant(each)]

    def awaits(self, is_meant: Callable[[Call], bool], why: str) -> None:
        """Wait until such a call comes, from now on."""
        begun = time.monotonic()
        while not self.since(begun, is_meant):
            assert time.monotonic() < begun + PATIENCE, why
            time.sleep(0.02)


@contextmanager
def working(msp: Msp, vendor: Vendor) -> Iterator[Desk]:
    """Run a desk that triages, writes notes, and carries out an automation, all at once."""
    with quick_folder() as folder, SimulatorHost(msp.psa, observer=vendor) as host:
        sections = {"maintenance": {"pause_when_held_back": 10_000}}
        with Desk.open(load(write_configuration(folder, host.url, sections))) as desk:
            employ(desk)
            approved(desk.automating)
            for company in (msp.marlow, msp.babbage):
                desk.automating.stage(ADMIN, NAME, str(company), Stage.AUTO.value, "for the test")
            desk.automating.widening.ahead(ADMIN, NAME, "for the test")
            host.faults.schedule(ServerError(503), times=40, matching=lambda request: "/time/entries" in request.path)
            thread = threading.Thread(target=desk.run, args=(Listener(),))
            thread.start()
            try:
                yield desk
            finally:
                desk.stopping.set()
                thread.join()


def test_within_a_second_of_a_throw_no_call_reaches_the_vendor_and_released_all_goes_on() -> None:
    msp, vendor = Msp(), Vendor()
    msp.remember()
    companies = {msp.marlow: set[str](), msp.babbage: set[str]()}
    for number in range(240):
        company = (msp.marlow, msp.babbage)[number % 2]
        companies[company].add(msp.ticket(company=company))
    marlows, babbages = companies[msp.marlow], companies[msp.babbage]
    stops: list[tuple[Level, str, Callable[[Call], bool], Callable[[Call], bool]]] = [
        (Level.AUTOMATION, NAME, lambda call: call.is_of_a_run, lambda call: call.is_write and not call.is_of_a_run),
        (Level.TENANT, str(msp.marlow), lambda call: call.is_about(marlows), lambda call: call.is_about(babbages)),
        (Level.CONNECTOR, PSA, lambda _call: True, lambda _call: True),
        (Level.GLOBAL, "", lambda _call: True, lambda _call: True),
    ]
    with working(msp, vendor) as desk:
        vendor.awaits(lambda call: call.is_of_a_run, "an automation begins")
        for level, subject, is_stopped, is_none_of_it in stops:
            vendor.awaits(is_stopped, f"{level} is busy")
            desk.governing.throw(ADMIN, level, subject, "fire")
            thrown = time.monotonic()
            time.sleep(WITHIN + WATCHED)
            assert vendor.since(thrown + WITHIN, is_stopped) == [], f"{level}: a call more than a second later"
            if level in {Level.AUTOMATION, Level.TENANT}:
                vendor.awaits(is_none_of_it, f"{level}: what is not stopped goes on")
                assert vendor.since(thrown + WITHIN, is_stopped) == []
            desk.governing.release(ADMIN, level, subject, "over")
            vendor.awaits(is_stopped, f"{level} goes on by itself")
        found = runs.recent(desk.records, 100)
        assert found
        assert not [each for each in found if each.state in {RunState.FAILED, RunState.NEEDS_REVIEW}]
