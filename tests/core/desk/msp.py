"""A small MSP: ConnectWise PSA in miniature on a loopback socket, and a desk configured beside it."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tomli_w

from deskhand.configuration.loading import load
from deskhand.configuration.schema import Configuration
from deskhand.desk.desk import Desk
from deskhand.desk.working import IDLE
from deskhand.records.documents import Why
from deskhand.sdk.clock import utc_now
from deskhand.sdk.testing import SimulatorHost
from deskhand_psa_connectwise.simulation.tables import Record
from deskhand_psa_connectwise.simulator import ConnectWiseSimulator, settings
from tests.repository import MEMORY

PSA = "psa_connectwise"
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
HISTORY = (
    ("Outlook asks for the password again and again", "Accounts", "Password", "Reset the password."),
    ("Account locked after the holidays", "Accounts", "Locked", "Unlocked in the directory."),
    ("Printer on the second floor prints blank pages", "Hardware", "Printer", "Changed the toner."),
    ("Laptop does not start", "Hardware", "Laptop", "Changed the battery."),
)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """Make a folder for a while."""
    with TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


class Msp:
    """Two clients, one board, a little history. Ticket numbers are text, as the desk knows them."""

    def __init__(self) -> None:
        self.psa = ConnectWiseSimulator()
        for name in ("Priority 1 - Critical", "Priority 2 - High", "Priority 3 - Normal", "Priority 4 - Low"):
            self.psa.seed_priority(name, is_default=name.endswith("Normal"))
        self.technician = self.psa.seed_member("jdoe", "Jo Doe", email="jo@msp.example")
        types = {"Accounts": ["Locked", "Password"], "Hardware": ["Printer", "Laptop"]}
        self.board = self.psa.seed_board("Help Desk", types=types, items=["Windows"])
        self.marlow = self.psa.seed_company("Marlow & Tern", identifier="MARLOW", website="marlow.example")
        self.babbage = self.psa.seed_company("Babbage Ltd", identifier="BABBAGE", website="babbage.example")
        self.ada = self.psa.seed_contact("Ada King", company=self.marlow, emails=["ada@marlow.example"])
        self.charles = self.psa.seed_contact("Charles Low", company=self.babbage, emails=["charles@babbage.example"])
        self.catch_all = self.psa.seed_company("Catchall", identifier="Catchall")

    def remember(self, rounds: int = 3) -> None:
        """Close some tickets of the past."""
        for number, (summary, kind, subtype, fix) in enumerate(HISTORY * rounds):
            at = START - timedelta(days=2 + number)
            self.psa.seed_ticket(
                f"{summary} {number}",
                board=self.board,
                company=self.marlow,
                contact=self.ada,
                type=kind,
                subtype=subtype,
                created=at,
                closed=at + timedelta(hours=2),
                notes=[
                    {"text": summary, "contact": self.ada, "created": at},
                    {"text": fix, "kind": "resolution", "member": self.technician},
                ],
            )

    def ticket(self, summary: str = "My account is locked", text: str = "", **facts: Any) -> str:  # noqa: ANN401  # any fact
        """Open a ticket; from Ada unless said otherwise."""
        company = facts.pop("company", self.marlow)
        contact = facts.pop("contact", self.ada if company == self.marlow else self.charles)
        note = {"text": text or summary, "contact": contact}
        number = self.psa.seed_ticket(
            summary[:100],
            board=self.board,
            company=company,
            contact=contact,
            notes=[note],  # type: ignore[list-item]  # it is one
            **facts,
        )
        return str(number)

    def stranger(self, summary: str = "Please call me") -> str:
        """Open a ticket from somebody nobody knows, filed under the catch-all company."""
        number = self.psa.seed_ticket(
            summary,
            board=self.board,
            company=self.catch_all,
            contact_name="Eve",
            contact_email="eve@elsewhere.example",
            notes=[{"text": summary}],
        )
        return str(number)

    def close(self, ticket: str, kind: str) -> None:
        """Close a ticket, now, as one of a type."""
        record = self.record(ticket)
        status = next(each for each in self.psa.state["statuses"].children(self.board) if each["closedStatus"])
        types = self.psa.state["types"].children(self.board)
        record["status"] = {"id": status["id"], "name": status["name"]}
        record["type"] = next({"id": each["id"], "name": each["name"]} for each in types if each["name"] == kind)
        record["closedFlag"] = True
        self.psa.state.stamp(record, "jdoe")

    def record(self, ticket: str) -> Record:
        """What the PSA holds of a ticket."""
        return next(each for each in self.psa.tickets() if str(each["id"]) == ticket)

    def notes(self, ticket: str) -> list[str]:
        """The internal notes on a ticket."""
        return [str(note["text"]) for note in self.psa.notes(int(ticket)) if note["internalAnalysisFlag"]]

    def type_of(self, ticket: str) -> str | None:
        """The type a ticket has in the PSA."""
        kind = self.record(ticket).get("type")
        return str(kind["name"]) if isinstance(kind, dict) else None


def write_configuration(folder: Path, url: str, sections: Mapping[str, Mapping[str, Any]] | None = None) -> Path:
    """Configure a desk for a PSA at an address, without a model; ``sections`` add to what is set, or replace it."""
    document: dict[str, dict[str, Any]] = {
        "desk": {"state": "state"},
        "web": {"port": 0},
        "intake": {"triage_backlog": True, "history_days": 0, "retry_seconds": 0.05, "poll_seconds": 0.2},
        "engine": {"kind": "none"},
        "identity": {"own_domains": ["msp.example"]},
        "connectors": {PSA: settings(url)},
    }
    for name, section in (sections or {}).items():
        document[name] = {**document.get(name, {}), **section}
    (folder / "state").mkdir(exist_ok=True)
    path = folder / "deskhand.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    return path


def configure(folder: Path, host: SimulatorHost, **sections: Mapping[str, Any]) -> Configuration:
    """Configure a desk for a running PSA."""
    return load(write_configuration(folder, host.url, sections))


class Hurry:
    """Time that passes by being waited for, ten seconds where the desk only idles; ``pauses`` are the other waits."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self.pauses: list[float] = []

    def __call__(self) -> datetime:
        return utc_now() + self.offset

    def wait(self, stop: threading.Event, seconds: float) -> None:
        if seconds != IDLE:
            self.pauses.append(seconds)
        self.offset += timedelta(seconds=10 if seconds == IDLE else seconds)
        stop.wait(0.001)


@contextmanager
def hurried(configuration: Configuration, hurry: Hurry | None = None) -> Iterator[Desk]:
    """Open a desk that waits for nothing."""
    hurry = hurry or Hurry()
    with Desk.open(configuration, clock=hurry) as desk:
        desk.worker.wait = hurry.wait
        yield desk


class Listener:
    """Keeps what the desk tells."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.whys: list[Why] = []

    def phase(self, name: str) -> None:
        self.phases.append(name)

    def advanced(self, done: int, total: int) -> None:
        assert done >= 0
        assert total >= 0

    def handled(self, why: Why) -> None:
        self.whys.append(why)


def drain(desk: Desk) -> dict[str, Why]:
    """Work until nothing is left, and return what became of each ticket."""
    listener = Listener()
    desk.run(listener, drain=True)
    return {why.ticket_id: why for why in listener.whys}
