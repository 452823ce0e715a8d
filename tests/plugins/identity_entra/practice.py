"""Two small tenants inside the simulator: a client with every kind of user, and another client."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deskhand.sdk.http import Patience
from deskhand_identity_entra.connector import Entra
from deskhand_identity_entra.settings import EntraSettings
from deskhand_identity_entra.simulator import EntraSimulator, settings

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
IMPATIENT = Patience(sleep=lambda _seconds: None)
ADA, BABBAGE = "250", "251"
ADA_TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
BABBAGE_TENANT = "bbbbbbbb-0000-4000-8000-000000000002"
TENANTS = {ADA: ADA_TENANT, BABBAGE: BABBAGE_TENANT}


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

    simulator: EntraSimulator
    clock: TickingClock
    ada: str
    synced: str
    guest: str
    disabled: str
    stranger: str
    finance: str
    everyone: str
    stranger_group: str

    def user(self, identifier: str) -> dict[str, object]:
        """Read a user as the vendor holds it."""
        return dict(self.simulator.tenants[ADA_TENANT].contents.users[identifier])


def practice() -> Practice:
    clock = TickingClock()
    entra = EntraSimulator(clock=clock)
    entra.seed_tenant(ADA_TENANT, "Ada & Sons", domains=["Ada.example", "ada.onmicrosoft.com"])
    entra.seed_tenant(BABBAGE_TENANT, "Babbage Ltd", domains=["babbage.example"])
    phone = {"@odata.type": "#microsoft.graph.phoneAuthenticationMethod", "phoneNumber": "+44 1632960001"}
    ada = entra.seed_user(
        ADA_TENANT,
        "Ada King",
        "ada.king@ada.example",
        proxyAddresses=["smtp:ada@ada.example", "SMTP:Ada.King@ada.example", "X500:/o=x"],
        mobilePhone="+44 1632960001",
        jobTitle="Countess",
        methods=[{**phone, "phoneType": "mobile"}],
    )
    synced = entra.seed_user(ADA_TENANT, "Si Nced", "si@ada.example", onPremisesSyncEnabled=True)
    guest = entra.seed_user(
        ADA_TENANT, "Gu Est", "gu_x.example#EXT#@ada.example", userType="Guest", mail="gu@x.example"
    )
    disabled = entra.seed_user(ADA_TENANT, "Di Sabled", "di@ada.example", accountEnabled=False)
    entra.seed_user(ADA_TENANT, "Pat O'Neil", "pat.o'neil@ada.example")
    stranger = entra.seed_user(BABBAGE_TENANT, "Charles Babbage", "charles@babbage.example")
    finance = entra.seed_group(ADA_TENANT, "Finance")
    everyone = entra.seed_group(ADA_TENANT, "Everyone", members=[ada, synced])
    stranger_group = entra.seed_group(BABBAGE_TENANT, "Finance")
    entra.seed_group(BABBAGE_TENANT, "Engines")
    return Practice(entra, clock, ada, synced, guest, disabled, stranger, finance, everyone, stranger_group)


def configured(url: str, **changes: object) -> EntraSettings:
    """Configure a connector for a simulator, with pages of two records."""
    return EntraSettings.model_validate({**settings(url, TENANTS), "page_size": 2, **changes})


def connect(url: str, **changes: object) -> Entra:
    """Open a connector that does not wait between attempts."""
    return Entra(configured(url, **changes), patience=IMPATIENT)
