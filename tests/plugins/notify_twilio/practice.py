"""Two clients' people, and a Twilio account that one client has senders of its own in."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deskhand.sdk.http import Patience
from deskhand.sdk.models import Person, Reference
from deskhand_notify_twilio.connector import Twilio
from deskhand_notify_twilio.settings import TwilioSettings
from deskhand_notify_twilio.simulator import MESSAGING_SERVICE, TwilioSimulator, settings

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA, BOB, CY, DI = "+441632960001", "+353209150002", "+441632960003", "+441632960004"
COMPANY, OWN_COMPANY = "250", "251"
OWN_SERVICE = "VA" + "0" * 31 + "5"
CALLBACKS = "/callbacks/notify_twilio"


@dataclass
class HandClock:
    """A clock that is moved by hand."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **how_long: float) -> None:
        self.now += timedelta(**how_long)


@dataclass
class Naps:
    """Sleeps without sleeping."""

    taken: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def account(clock: HandClock | None = None, **options: int) -> TwilioSimulator:
    """Make the account."""
    simulator = TwilioSimulator(clock=clock or HandClock(), **options)
    simulator.verify_services[OWN_SERVICE] = "Own Ltd"
    return simulator


def configured(url: str, **changes: object) -> TwilioSettings:
    """Configure a connector for the account; the client OWN_COMPANY has a service of its own for everything."""
    own = {"messaging_service_sid": MESSAGING_SERVICE, "verify_service_sid": OWN_SERVICE}
    return TwilioSettings.model_validate({**settings(url), "clients": {OWN_COMPANY: own}, **changes})


def connect(url: str, *, clock: HandClock | None = None, naps: Naps | None = None, **changes: object) -> Twilio:
    """Open a connector that does not wait between attempts."""
    return Twilio(
        configured(url, **changes), clock=clock or HandClock(), patience=Patience(sleep=naps or Naps(), attempts=3)
    )


def person(*phones: str, company: str | None = COMPANY) -> Person:
    """Make a person with these numbers."""
    return Person("7", "Ada King", company=Reference(company, "Ada & Sons") if company else None, phones=phones)
