"""A small MSP whose PSA stands on a socket, and a desk beside it: what every trouble is rehearsed on."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import tomli_w

from deskhand.configuration.loading import load
from deskhand.configuration.schema import Configuration
from deskhand.daemon import GRACE
from deskhand.desk.desk import Desk
from deskhand.desk.health import Light
from deskhand.desk.stores import open_records, verify_records
from deskhand.records import explanations, work
from deskhand.records.documents import OutcomeKind, Why
from deskhand.sdk.clock import utc_now
from deskhand.sdk.testing import SimulatedRequest, SimulatorHost
from deskhand_psa_connectwise.simulator import ConnectWiseSimulator, settings

PLUGIN = "psa_connectwise"
PATIENCE = 60.0
"""Seconds until something that has to happen counts as never: on a busy machine it takes long."""
SUMMARIES = ("My account is locked", "The printer on the second floor is jammed", "My laptop is very slow today")

Sections = Mapping[str, Any]


class Haste:
    """Time that passes by being waited for: a clock, and a way to wait that moves it on."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset
        self.pauses: list[float] = []

    def __call__(self) -> datetime:
        return utc_now() + self.offset

    def wait(self, stop: threading.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        self.offset += timedelta(seconds=seconds)
        stop.wait(0.005)


class Listener:
    """Hears what a desk tells; ``on_handled`` may be replaced to do something between two tickets."""

    def __init__(self, on_handled: Callable[[Why], None] = lambda _why: None) -> None:
        self.on_handled = on_handled
        self.handled_tickets: list[str] = []

    def phase(self, name: str) -> None:
        del name

    def advanced(self, done: int, total: int) -> None:
        del done, total

    def handled(self, why: Why) -> None:
        self.handled_tickets.append(why.ticket_id)
        self.on_handled(why)


@dataclass
class Office:
    """One client, one board, three open tickets; everything a desk keeps is below ``folder``."""

    folder: Path
    simulator: ConnectWiseSimulator
    host: SimulatorHost
    board: int
    company: int
    contact: int
    sections: dict[str, Any] = field(default_factory=dict)
    on_answer: Callable[[SimulatedRequest], None] = field(default=lambda _request: None)
    """Called after each answer of the PSA, before it travels: to change things at exactly that moment."""

    def configure(self, **sections: Any) -> Configuration:  # noqa: ANN401  # a TOML document
        """Write the configuration, with these sections' keys in place of the usual ones, and read it."""
        for name, section in sections.items():
            self.sections[name] = {**self.sections.get(name, {}), **section}
        self.file.write_text(tomli_w.dumps(self.sections), encoding="utf-8")
        return load(self.file)

    @property
    def file(self) -> Path:
        return self.folder / "deskhand.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @contextmanager
    def desk(self, haste: Haste | None = None, **sections: Any) -> Iterator[Desk]:  # noqa: ANN401  # a TOML document
        """Open a desk that hurries."""
        haste = haste or Haste()
        with Desk.open(self.configure(**sections), clock=haste) as desk:
            desk.worker.wait = haste.wait
            yield desk

    def work(self, haste: Haste | None = None, **sections: Any) -> Desk:  # noqa: ANN401  # a TOML document
        """Let a desk work until nothing is left to do; return it, closed."""
        with self.desk(haste, **sections) as desk:
            desk.run(Listener(), drain=True)
        return desk

    def start(
        self, *options: str, prefix: Sequence[str] = (), grace: float = GRACE, log: int | IO[str] = subprocess.PIPE
    ) -> "subprocess.Popen[str]":
        """Start ``deskhand run`` as a process of its own; what it logs is on its standard error."""
        program = f"import deskhand.daemon as d, deskhand.cli.main as c; d.GRACE = {grace}; c.main()"
        command = [*prefix, sys.executable, "-c", program, "run", "--config", str(self.file), *options]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(command, stderr=log, text=True, env=environment)  # noqa: S603  # ourselves

    def new_ticket(self, summary: str = SUMMARIES[0], **details: Any) -> str:  # noqa: ANN401  # what seeding takes
        """Let a ticket come in by mail."""
        usual: dict[str, Any] = {"board": self.board, "company": self.company, "contact": self.contact}
        note = {"text": f"{summary}. Please help!", "contact": details.get("contact", self.contact)}
        return str(self.simulator.seed_ticket(summary, **{"notes": [note], **usual, **details}))

    def reads(self, what: str) -> int:
        """Count the requests for a path of the API so far."""
        return self.simulator.requests[f"GET {what}"]

    def desk_notes(self, ticket: str) -> list[str]:
        """Read the notes the desk wrote on a ticket."""
        notes = self.simulator.notes(int(ticket))
        return [str(note["text"]) for note in notes if note["createdBy"] == "deskhand"]

    @property
    def tickets(self) -> list[str]:
        return [str(ticket["id"]) for ticket in self.simulator.tickets() if not ticket["closedFlag"]]

    def explanations(self) -> dict[str, Why]:
        """Read the record: why each ticket ended as it did."""
        records = open_records(load(self.file))
        try:
            return {why.ticket_id: why for why in explanations.recent(records, explanations.count(records))}
        finally:
            records.close()

    def pending(self) -> int:
        records = open_records(load(self.file))
        try:
            return work.counts(records)["pending"]
        finally:
            records.close()

    def assert_nothing_lost(self, *left_alone: str) -> None:
        """Every ticket has one note and one Why, but for those left alone; the record is whole."""
        expected = dict.fromkeys(self.tickets, OutcomeKind.TRIAGED) | dict.fromkeys(left_alone, OutcomeKind.LEFT_ALONE)
        assert {number: why.outcome for number, why in self.explanations().items()} == expected
        notes = {each: len(self.desk_notes(each)) for each in expected}
        assert notes == {each: int(outcome is OutcomeKind.TRIAGED) for each, outcome in expected.items()}
        assert not self.pending()
        verified = verify_records(load(self.file))
        assert verified.ok, verified
        assert verified.covered == verified.entries, "the end of the log is not signed"


@contextmanager
def open_office(folder: Path, *, is_taught: bool = True) -> Iterator[Office]:
    """Seed the PSA, serve it and write a configuration without a model; what such a desk learns is there already."""
    simulator = ConnectWiseSimulator()
    for name in ("Priority 1", "Priority 2", "Priority 3", "Priority 4"):
        simulator.seed_priority(name, is_default=name == "Priority 3")
    board = simulator.seed_board(
        "Help Desk", types={"Accounts": ["Locked", "Password"], "Hardware": ["Printer", "Laptop"]}
    )
    company = simulator.seed_company("Ada & Sons", identifier="ada", website="https://www.ada.example")
    contact = simulator.seed_contact("Ada King", company=company, emails=["ada.king@ada.example"])
    with SimulatorHost(simulator, observer=lambda request, _response: office.on_answer(request)) as host:
        office = Office(folder, simulator, host, board, company, contact)
        for summary in SUMMARIES:
            office.new_ticket(summary)
        office.state.mkdir()
        office.configure(
            desk={"state": "state"},
            web={"port": 0},
            log={"format": "json"},
            intake={"triage_backlog": True, "history_days": 0, "poll_seconds": 0.1, "retry_seconds": 0.05},
            engine={"kind": "none"},
            triage={"uncalibrated_confidence": 0.0},
            policy={"handling": "apply", "minimum_confidence": 0.0, "apply_uncalibrated": True},
            connectors={PLUGIN: settings(host.url)},
        )
        for name, content in _lesson().items() if is_taught else ():
            (office.state / name).write_bytes(content)
        yield office


@cache
def _lesson() -> Mapping[str, bytes]:
    with TemporaryDirectory() as folder, open_office(Path(folder), is_taught=False) as office, office.desk() as desk:
        desk.judgement.learn()
        return {each.name: each.read_bytes() for each in office.state.glob("history-*.npz")}


@contextmanager
def running(desk: Desk, listener: Listener | None = None, *, drain: bool = False) -> Iterator[threading.Thread]:
    """Run a desk in a thread of its own; stop it at the end. What the desk raised comes out here."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            desk.run(listener or Listener(), drain=drain)
        except BaseException as error:  # noqa: BLE001  # carried over to the test's own thread
            failures.append(error)

    thread = threading.Thread(target=run, name="desk")
    thread.start()
    try:
        yield thread
    finally:
        desk.stopping.set()
        thread.join(PATIENCE)
    if failures:
        raise failures[0]
    assert not thread.is_alive(), "the desk did not stop"


def wait_until(holds: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something holds; fail, saying what, where it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it never came to this: {what}"
        time.sleep(0.01)


def light(desk: Desk, name: str) -> Light:
    """Look at one of the health document's lights."""
    return next(each for each in desk.health().lights if each.name == name)


def is_note(request: SimulatedRequest) -> bool:
    """Tell the requests that write a note."""
    return request.method == "POST" and request.path.endswith("/notes")


def is_update(request: SimulatedRequest) -> bool:
    """Tell the requests that set a ticket's fields."""
    return request.method == "PATCH"


def is_read(request: SimulatedRequest) -> bool:
    """Tell the requests that only read."""
    return request.method == "GET"


def is_api(request: SimulatedRequest) -> bool:
    """Tell the requests that carry credentials."""
    return "/apis/" in request.path


def is_check(request: SimulatedRequest) -> bool:
    """Tell the requests that find out whether credentials are accepted."""
    return request.path.endswith("/system/info")
