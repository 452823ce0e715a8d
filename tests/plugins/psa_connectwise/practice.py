"""A small practice MSP inside the simulator: two clients, one board that is used and one that is not."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deskhand.sdk.http import Patience
from deskhand_psa_connectwise.connector import ConnectWise
from deskhand_psa_connectwise.settings import ConnectWiseSettings
from deskhand_psa_connectwise.simulator import ConnectWiseSimulator, settings

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
IMPATIENT = Patience(sleep=lambda _seconds: None)


class TickingClock:
    """A clock that moves on by a second whenever it is read."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass(frozen=True)
class Practice:
    """The simulator and the ids of what is in it."""

    simulator: ConnectWiseSimulator
    board: int
    other_board: int
    company: int
    other_company: int
    contact: int
    member: int
    ticket: int
    closed_ticket: int

    def named(self, table: str, name: str, board: int | None = None) -> str:
        """Find the id of a type, subtype, item, status or priority by name."""
        rows = self.simulator.state[table]
        found = rows.children(board) if board is not None else list(rows)
        return str(next(row["id"] for row in found if row["name"] == name))


def practice(simulator: ConnectWiseSimulator | None = None) -> Practice:
    """Make the practice MSP; seven tickets, so that pages of three have a remainder."""
    psa = simulator or ConnectWiseSimulator(clock=TickingClock())
    for name in ("Priority 1 - Critical", "Priority 2 - High", "Priority 3 - Normal", "Priority 4 - Low"):
        psa.seed_priority(name, is_default=name.endswith("Normal"))
    member = psa.seed_member("jdoe", "Jo Doe", email="jo@msp.example")
    board = psa.seed_board(
        "Help Desk",
        types={"Accounts": ["Locked", "Password", "Other"], "Hardware": ["Printer", "Laptop", "Other"], "Spam": []},
        items=["Windows", "macOS"],
    )
    other_board = psa.seed_board("Projects desk", types={"Move": ["Office"]}, items=["Cable"])
    company = psa.seed_company("Ada & Sons", website="https://www.ada.example/home", sites=["Main Street"])
    other_company = psa.seed_company("Babbage Ltd", website="babbage.example")
    contact = psa.seed_contact(
        "Ada King", company=company, emails=["ada.king@ada.example"], phones=["01632 960001"], site="Main Street"
    )
    psa.seed_contact("Ada Kinge", company=other_company, emails=["xada.king@ada.example", "ada.king@ada.example.org"])
    psa.seed_configuration("ADA-PC1", company=company, contact=contact, serial_number="S-1")
    ticket = psa.seed_ticket(
        "Cannot log in",
        board=board,
        company=company,
        contact=contact,
        created=START - timedelta(hours=2),
        notes=[
            {"text": "My account is locked.", "contact": contact, "created": START - timedelta(hours=2)},
            {"text": "Called, no answer.", "kind": "internal", "member": member, "created": START - timedelta(hours=1)},
        ],
    )
    closed_ticket = psa.seed_ticket(
        "Printer empty",
        board=board,
        company=company,
        contact=contact,
        type="Hardware",
        subtype="Printer",
        created=START - timedelta(days=3),
        closed=START - timedelta(days=2),
        notes=[{"text": "New toner.", "kind": "resolution", "member": member}],
    )
    for number in range(5):
        created = START - timedelta(minutes=50 - number)
        psa.seed_ticket(f"Ticket {number}", board=board, company=other_company, created=created)
    return Practice(psa, board, other_board, company, other_company, contact, member, ticket, closed_ticket)


def configured(url: str, **changes: object) -> ConnectWiseSettings:
    """Configure a connector for a simulator, with pages of three records."""
    return ConnectWiseSettings.model_validate({**settings(url), "page_size": 3, **changes})


def connect(url: str, **changes: object) -> ConnectWise:
    """Open a connector that does not wait between attempts."""
    return ConnectWise(configured(url, **changes), patience=IMPATIENT)
