"""What the simulated Twilio remembers, and how it names and dates it."""

import copy
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl

from pydantic import JsonValue

from deskhand.sdk.clock import Clock
from deskhand.sdk.testing.simulator import SimulatedRequest
from deskhand_notify_twilio.simulation.refusals import refused

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
Record = dict[str, JsonValue]


@dataclass(slots=True)
class Ledger:
    """Messages, verifications and attempts of one account, oldest first."""

    clock: Clock
    account: str
    messages: list[Record] = field(default_factory=list)
    verifications: list[Record] = field(default_factory=list)
    attempts: list[Record] = field(default_factory=list)
    named: int = 0

    def sid(self, prefix: str) -> str:
        """Make a new identifier; the same ones in every run."""
        self.named += 1
        return prefix + hashlib.sha256(f"{self.account}{self.named}".encode()).hexdigest()[:32]

    def code(self, verification_sid: str, length: int = 6) -> str:
        """Make the code of a verification."""
        number = int(hashlib.sha256(f"code {verification_sid}".encode()).hexdigest(), 16)
        return str(number)[-length:]

    def now_2822(self) -> str:
        """Write the present moment as v2010 does."""
        return format_datetime(self.clock())

    def now_iso(self) -> str:
        """Write the present moment as Verify does."""
        return iso(self.clock())

    def snapshot(self) -> dict[str, JsonValue]:
        """Return everything as JSON."""
        return copy.deepcopy(
            {
                "messages": list(self.messages),
                "verifications": list(self.verifications),
                "attempts": list(self.attempts),
                "named": self.named,
            }
        )


def iso(moment: datetime) -> str:
    """Write a moment in ISO 8601, whole seconds, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def form_of(request: SimulatedRequest) -> dict[str, str]:
    """Read a form; of a field given twice the last counts."""
    try:
        return dict(parse_qsl(request.body.decode("ascii"), keep_blank_values=True))
    except ValueError:
        raise refused(20001, "The request body cannot be read") from None


def page_of(request: SimulatedRequest) -> int:
    """Read the number of a page, which is for the client's own use."""
    text = request.parameter("Page", "0")
    if not text.isdecimal():
        raise refused(20006, "Page is not a number")
    return int(text)


def size_of(request: SimulatedRequest) -> int:
    """Read how many records one page shall have: 50, at most 1000."""
    text = request.parameter("PageSize", "50")
    if not text.isdecimal() or int(text) == 0:
        raise refused(20006, "PageSize is not a positive number")
    return min(int(text), 1000)
