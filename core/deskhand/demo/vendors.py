"""The rehearsal's vendors in one place: a PSA, a directory and a telephone company, seeded and served on loopback.

What happens at a client in the real world, such as a code read from a telephone or a group made anew, happens here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import NAMESPACE_DNS, uuid5

from pydantic import JsonValue

from deskhand.demo import roster
from deskhand.demo.psa import SeedablePsa
from deskhand.demo.ticket_file import TicketFile
from deskhand.demo.world import RehearsalWorld, seed
from deskhand.registry import Plugin, Registry
from deskhand.sdk.errors import ConfigurationError
from deskhand.sdk.hooks import SimulatorOffer

PSA, DIRECTORY, TELEPHONE = "psa_connectwise", "identity_entra", "notify_twilio"
GROUPS = ("Sign-in review", "Remote workers", "All staff")
"""The groups every client's directory has."""


class SeedableTenant(Protocol):
    """One client's directory as the rehearsal looks into it."""

    @property
    def contents(self) -> Any:  # noqa: ANN401  # the simulator's own records
        """Hold ``users``, ``groups`` and ``members`` by id."""
        ...


class SeedableDirectory(Protocol):
    """A simulated directory that can be filled directly."""

    tenants: dict[str, Any]
    passwords: dict[str, str]

    def seed_tenant(self, identifier: str, name: str, *, domains: Sequence[str]) -> SeedableTenant:
        """Add a client's tenant."""
        ...

    def seed_user(self, tenant: str, name: str, sign_in_name: str, **fields: JsonValue) -> str:
        """Add a user and return its id."""
        ...

    def seed_group(self, tenant: str, name: str, *, members: Sequence[str] = ()) -> str:
        """Add a group and return its id."""
        ...


class SimulatedTelephones(Protocol):
    """The telephones of everybody: what arrived on them."""

    def messages(self) -> list[dict[str, JsonValue]]:
        """List the texts that were sent, oldest first."""
        ...

    def code(self, number: str) -> str:
        """Read the code on a person's telephone; LookupError where none is pending."""
        ...


@dataclass(slots=True)
class Vendors:
    """The three simulators, what was seeded, and how a connector reaches each."""

    psa: SeedablePsa
    directory: SeedableDirectory
    telephones: SimulatedTelephones
    world: RehearsalWorld
    settings: Mapping[str, dict[str, Any]]
    requests: Callable[[], int]

    def answer(self, question: Mapping[str, Any]) -> JsonValue:
        """Do or look up what the rehearsal asks, named under ``ask``. Raises LookupError for what is not there."""
        asked: dict[str, Callable[..., JsonValue]] = {
            "requests": self._requests,
            "code": self._code,
            "texts": self._texts,
            "account": self._account,
            "ticket": self._ticket,
            "remake status": self._remake_status,
        }
        arguments = {name: value for name, value in question.items() if name != "ask"}
        return asked[question["ask"]](**arguments)

    def _requests(self) -> JsonValue:
        return self.requests()

    def _code(self, number: str) -> JsonValue:
        return self.telephones.code(number)

    def _texts(self, number: str) -> JsonValue:
        return [each["body"] for each in self.telephones.messages() if each["to"] == number]

    def _account(self, company: str, address: str) -> JsonValue:
        contents = self.directory.tenants[_tenant_id(company)].contents
        user = next(each for each in contents.users.values() if each["userPrincipalName"] == address)
        groups = [
            str(contents.groups[group]["displayName"])
            for group, members in contents.members.items()
            if user["id"] in members
        ]
        return {
            "password_set": user["lastPasswordChangeDateTime"],
            "sessions_from": user["signInSessionsValidFromDateTime"],
            "password": self.directory.passwords.get(user["id"], ""),
            "groups": list(groups),
        }

    def _ticket(self, company: str, contact: str, summary: str, text: str, created: str) -> JsonValue:
        """Let a ticket come in by mail from a person of a client."""
        client = next(each for each in roster.clients() if each.key == company)
        seeded = next(each for each in self.world.clients if each.key == company)
        return str(
            self.psa.seed_ticket(
                summary,
                board=self.world.boards[client.boards[0].name],
                company=int(seeded.company_id),
                contact=self.world.contacts[f"{company}/{contact}"],
                type=None,
                subtype=None,
                item=None,
                priority=None,
                owner=None,
                source="Email Connector",
                impact="Medium",
                severity="Medium",
                contact_name="",
                contact_email="",
                notes=[{"text": text, "contact": self.world.contacts[f"{company}/{contact}"]}],
                created=datetime.fromisoformat(created),
                closed=None,
            )
        )

    def _remake_status(self, company: str, name: str) -> JsonValue:
        """Have the MSP rebuild a status of a client's board: the same name under another id."""
        client = next(each for each in roster.clients() if each.key == company)
        return self.psa.seed_status_anew(self.world.boards[client.boards[0].name], name)


@contextmanager
def serving(now: datetime, tickets: TicketFile | None) -> Iterator[Vendors]:
    """Seed and serve every vendor until the end of the block. Raises ConfigurationError where a plugin is missing."""
    from deskhand.sdk.testing.host import SimulatorHost  # noqa: PLC0415  # only the vendors' process serves

    offers = {name: _simulator(name) for name in (PSA, DIRECTORY, TELEPHONE)}
    simulators = {name: offer.create() for name, offer in offers.items()}
    world = seed(simulators[PSA], now=now, tickets=tickets)
    _seed_directories(simulators[DIRECTORY])
    with ExitStack() as closing:
        hosts = {name: closing.enter_context(SimulatorHost(each)) for name, each in simulators.items()}
        settings = {name: offers[name].settings(host.url) for name, host in hosts.items()}
        settings[DIRECTORY]["tenants"] = {each.company_id: _tenant_id(each.key) for each in world.clients}
        yield Vendors(
            simulators[PSA],
            simulators[DIRECTORY],
            simulators[TELEPHONE],
            world,
            settings,
            lambda: sum(host.requests for host in hosts.values()),
        )


def _simulator(name: str) -> SimulatorOffer:
    registry = Registry.discover({name})
    plugin: Plugin | None = registry.plugins.get(name)
    if plugin is None or plugin.simulator is None:
        raise ConfigurationError(f"{name} is needed for the rehearsal: {registry.refused.get(name, 'no simulator')}")
    return plugin.simulator


def _seed_directories(directory: SeedableDirectory) -> None:
    for client in roster.clients():
        tenant = _tenant_id(client.key)
        directory.seed_tenant(tenant, client.name, domains=client.domains)
        people = [directory.seed_user(tenant, each.name, each.email) for each in client.contacts]
        for group in GROUPS:
            directory.seed_group(tenant, group, members=people if group == "All staff" else ())


def _tenant_id(company: str) -> str:
    return str(uuid5(NAMESPACE_DNS, f"{company}.rehearsal.example"))
