"""The invented MSP of cases/world.toml, as plain facts in memory and as a real mirror with a real record store."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from deskhand.identity.addresses import parse
from deskhand.identity.settings import IdentitySettings
from deskhand.mirror.mirror import Mirror
from deskhand.records.quarantine import IdentityRule
from deskhand.sdk.models import Company, Device, Person, Reference

CASES = Path(__file__).parent / "cases"


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((CASES / f"{name}.toml").read_text(encoding="utf-8"))


WORLD = toml("world")


def settings(verified: Mapping[str, Sequence[str]] | None = None) -> IdentitySettings:
    given = WORLD["settings"]
    return IdentitySettings.model_validate(
        {**given, "verified_domains": {**given["verified_domains"], **(verified or {})}}
    )


def reference(company_id: str) -> Reference:
    return Reference(company_id, str(WORLD["companies"].get(company_id, {"name": "?"})["name"]))


def companies(recorded: Mapping[str, Sequence[str]] | None = None) -> list[Company]:
    domains = {key: each.get("domains", ()) for key, each in WORLD["companies"].items()} | dict(recorded or {})
    return [
        Company(company_id, each["name"], each["identifier"], tuple(domains[company_id]), each.get("is_active", True))
        for company_id, each in WORLD["companies"].items()
    ]


def people() -> list[Person]:
    return [
        Person(
            id=person_id,
            name=each["name"],
            company=reference(each["company"]),
            emails=tuple(each["emails"]),
            site=Reference(each["site"], "Main") if "site" in each else None,
            is_active=each.get("is_active", True),
        )
        for person_id, each in WORLD["people"].items()
    ]


def devices() -> list[Device]:
    return [
        Device(
            id=device_id,
            name=each["name"],
            company=reference(each["company"]),
            site=Reference(each["site"], "Main") if "site" in each else None,
            is_active=each.get("is_active", True),
        )
        for device_id, each in WORLD["devices"].items()
    ]


def fill(mirror: Mirror) -> None:
    mirror.save_companies(companies())
    mirror.save_people(people())
    mirror.save_devices(devices())


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    groups: dict[str, set[str]] = {}
    for key, owner in pairs:
        groups.setdefault(key, set()).add(owner)
    return {key: frozenset(owners) for key, owners in groups.items()}


def _owner(record: Person | Device) -> str:
    return record.company.id if record.company else ""


@dataclass
class PlainFacts:
    """Facts in lists, in whatever order they are given; the tests' independent reading of what Facts promises."""

    settings: IdentitySettings = field(default_factory=settings)
    clients: list[Company] = field(default_factory=companies)
    contacts: list[Person] = field(default_factory=people)
    machines: list[Device] = field(default_factory=devices)
    remembered: list[IdentityRule] = field(default_factory=list)
    decided: str = ""
    listed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    verified: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_id = {person.id: person for person in self.contacts}
        self._by_email: dict[str, list[Person]] = {}
        for person in self.contacts:
            for email in person.emails:
                self._by_email.setdefault(email.lower(), []).append(person)
        addresses = [(parse(email), each) for each in self.contacts if each.is_active for email in each.emails]
        self._domains = _grouped([(address.domain, _owner(each)) for address, each in addresses if address])
        placed: list[Person | Device] = [*self.contacts, *self.machines]
        self._sites = _grouped([(each.site.id, _owner(each)) for each in placed if each.site])
        self._devices = _grouped([(each.name.casefold(), _owner(each)) for each in self.machines if each.is_active])

    def shuffled(self, seed: int) -> "PlainFacts":
        order = Random(seed)
        return replace(
            self,
            clients=order.sample(self.clients, len(self.clients)),
            contacts=order.sample(self.contacts, len(self.contacts)),
            machines=order.sample(self.machines, len(self.machines)),
            remembered=order.sample(self.remembered, len(self.remembered)),
        )

    def companies(self) -> Sequence[Company]:
        return self.clients

    def contact_domains(self) -> Mapping[str, frozenset[str]]:
        return self._domains

    def directory_domains(self) -> Mapping[str, Sequence[str]]:
        return self.verified

    def site_owners(self) -> Mapping[str, frozenset[str]]:
        return self._sites

    def device_owners(self) -> Mapping[str, frozenset[str]]:
        return self._devices

    def devices_by_name(self, name: str) -> Sequence[Device]:
        return [device for device in self.machines if device.name.casefold() == name.casefold()]

    def person(self, person_id: str) -> Person | None:
        return self._by_id.get(person_id)

    def people_by_email(self, address: str) -> Sequence[Person]:
        return self._by_email.get(address.lower(), [])

    def is_in_directory(self, company_id: str, address: str) -> bool:
        return address in self.listed.get(company_id, ())

    def rules(self) -> Sequence[IdentityRule]:
        return self.remembered

    def ruling(self, ticket_id: str) -> Reference | None:
        return reference(self.decided) if self.decided and ticket_id else None
