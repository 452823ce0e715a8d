"""A small MSP at work: PSA, directory and telephones on sockets, a desk that runs, its console, and who signs in."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import tomli_w
from argon2 import PasswordHasher

from deskhand.configuration.loading import load
from deskhand.configuration.schema import WebSettings
from deskhand.daemon import serving
from deskhand.desk.desk import Desk
from deskhand.governance.accounts import Passwords
from deskhand.records import explanations
from deskhand.records.accounts import Account, Role
from deskhand.sdk.testing import SimulatorHost
from deskhand.web.app import create_app
from deskhand_identity_entra.simulator import EntraSimulator
from deskhand_identity_entra.simulator import settings as entra_settings
from deskhand_notify_twilio.simulator import TwilioSimulator
from deskhand_notify_twilio.simulator import settings as twilio_settings
from deskhand_psa_connectwise.simulator import ConnectWiseSimulator
from deskhand_psa_connectwise.simulator import settings as psa_settings
from tests.journeys.office import Listener, running, wait_until

TENANT = "0f5f3b6e-6a45-4c3a-9a55-0f2f3f0a7b11"
MOBILE = "+447700900203"
PASSWORD = "seven green bicycles"  # noqa: S105  # of invented people
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)
PEOPLE: Mapping[str, tuple[str, frozenset[Role]]] = {
    "maya": ("Maya Lind", frozenset({Role.TECHNICIAN})),
    "tom": ("Tom Okafor", frozenset({Role.APPROVER})),
    "ann": ("Ann Weber", frozenset({Role.AUDITOR})),
}
"""Besides siobhan, who was first and may do everything."""
PAST = (
    (
        "Outlook keeps asking for the password",
        "Accounts",
        "Password",
        "Reset the password and revoked the sessions.",
        0.2,
    ),
    (
        "Locked out after getting a new phone",
        "Accounts",
        "Locked",
        "Verified her, reset the password, texted her.",
        0.4,
    ),
    ("Teams signs me out every few minutes", "Accounts", "Password", "Revoked sessions, she signed in again.", 0.5),
    ("Printer on the second floor prints blank pages", "Hardware", "Printer", "Changed the toner.", 0.3),
    ("Laptop does not start", "Hardware", "Laptop", "Changed the battery.", 1.0),
)


class Seconds:
    """A clock whose every reading is a second later: Entra's ticks in whole ones, and nobody wants to wait for it."""

    def __init__(self) -> None:
        self._readings = count()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=next(self._readings))


@dataclass
class Practice:
    """Everything there is; ``url`` is the console's."""

    desk: Desk
    psa: ConnectWiseSimulator
    directory: EntraSimulator
    telephones: TwilioSimulator
    board: int
    company: int
    contact: int
    url: str = ""

    def ticket(self, summary: str = "Locked out of Outlook and Teams", text: str = "") -> str:
        """Let a ticket come in by mail from Jane, and wait until it is handled."""
        words = text or f"{summary}. It happened this morning and I have a meeting at ten. Please help!"
        note = {"text": words, "contact": self.contact}
        number = str(
            self.psa.seed_ticket(
                summary,
                board=self.board,
                company=self.company,
                contact=self.contact,
                notes=[note],  # type: ignore[list-item]  # it is one
            )
        )
        wait_until(lambda: explanations.find(self.desk.records, number), f"ticket {number} is handled")
        return number

    def stranger(self) -> str:
        """Let a ticket come in whose owner is not certain."""
        number = str(
            self.psa.seed_ticket(
                "Please call me back",
                board=self.board,
                company=self.psa.seed_company("Catchall", identifier="Catchall"),
                contact_name="Eve",
                contact_email="eve@elsewhere.example",
                notes=[{"text": "Please call me back"}],
            )
        )
        wait_until(lambda: explanations.find(self.desk.records, number), f"ticket {number} is held")
        return number

    def account(self, name: str) -> Account:
        return next(each for each in self.desk.governing.accounts() if each.name == name)


@contextmanager
def open_practice(folder: Path) -> Iterator[Practice]:
    """Open the practice; the desk runs until the end of the block."""
    with ExitStack() as closing:
        psa, directory, telephones = ConnectWiseSimulator(), EntraSimulator(clock=Seconds()), TwilioSimulator()
        hosts = [closing.enter_context(SimulatorHost(each)) for each in (psa, directory, telephones)]
        practice = _seeded(psa, directory, telephones)
        connectors = {
            "psa_connectwise": psa_settings(hosts[0].url),
            "identity_entra": entra_settings(hosts[1].url, {str(practice["company"]): TENANT}),
            "notify_twilio": twilio_settings(hosts[2].url),
        }
        desk = closing.enter_context(Desk.open(load(_configuration(folder, connectors))))
        desk.governing.passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        _hire(desk)
        closing.enter_context(running(desk, Listener()))
        url = closing.enter_context(serving(create_app(desk), WebSettings(port=0)))
        yield Practice(desk, psa, directory, telephones, url=url, **practice)


def _seeded(psa: ConnectWiseSimulator, directory: EntraSimulator, telephones: TwilioSimulator) -> dict[str, int]:
    del telephones
    for name in ("Priority 1 - Critical", "Priority 2 - High", "Priority 3 - Normal", "Priority 4 - Low"):
        psa.seed_priority(name, is_default=name.endswith("Normal"))
    technician = psa.seed_member("mlind", "Maya Lind", email="maya@msp.example")
    types = {"Accounts": ["Locked", "Password"], "Hardware": ["Printer", "Laptop"]}
    board = psa.seed_board("Help Desk", types=types)
    company = psa.seed_company("Contoso Dental", identifier="contoso", website="https://www.contosodental.example")
    for name in ("Alder & Wren Solicitors", "Northgate Veterinary Group"):
        psa.seed_company(name)
    contact = psa.seed_contact(
        "Jane Alvarez", company=company, emails=["jane.alvarez@contosodental.example"], phones=[MOBILE]
    )
    directory.seed_tenant(TENANT, "Contoso Dental", domains=["contosodental.example"])
    user = directory.seed_user(TENANT, "Jane Alvarez", "jane.alvarez@contosodental.example", mobilePhone=MOBILE)
    directory.seed_group(TENANT, "Sign-in review")
    directory.seed_group(TENANT, "All staff", members=[user])
    for number, (summary, kind, subtype, fix, hours) in enumerate(PAST * 3):
        at = START - timedelta(days=number)
        psa.seed_ticket(
            summary,
            board=board,
            company=company,
            contact=contact,
            type=kind,
            subtype=subtype,
            created=at,
            closed=at + timedelta(hours=2),
            notes=[
                {"text": summary, "contact": contact, "created": at},
                {"text": fix, "kind": "resolution", "member": technician},
            ],
        )
        del hours
    return {"board": board, "company": company, "contact": contact}


def _configuration(folder: Path, connectors: Mapping[str, Mapping[str, Any]]) -> Path:
    document: dict[str, Any] = {
        "desk": {"state": "state"},
        "web": {"port": 0},
        "log": {"level": "error"},
        "intake": {"triage_backlog": True, "history_days": 0, "poll_seconds": 0.2, "retry_seconds": 0.05},
        "engine": {"kind": "none"},
        "triage": {"uncalibrated_confidence": 0.0},
        "policy": {"handling": "suggest", "minimum_confidence": 0.0},
        "connectors": dict(connectors),
    }
    (folder / "state").mkdir()
    path = folder / "deskhand.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    return path


def _hire(desk: Desk) -> None:
    secret = desk.governing.offer_set_up().get_secret_value()
    desk.governing.set_up(secret=secret, name="siobhan", display_name="Siobhán Kerr", password=PASSWORD)
    first = desk.governing.accounts()[0]
    for name, (display_name, roles) in PEOPLE.items():
        desk.governing.add_account(first, Account(name, display_name, roles), PASSWORD)
