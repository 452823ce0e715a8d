"""What the resolver may ask, and the adapter that answers from mirror, record store, configuration and directories."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from deskhand.identity.addresses import parse
from deskhand.identity.settings import IdentitySettings
from deskhand.mirror.mirror import Mirror
from deskhand.records import quarantine
from deskhand.records.database import Records
from deskhand.records.quarantine import IdentityRule
from deskhand.sdk.errors import ConnectorError, NotFoundError
from deskhand.sdk.models import Company, Device, Person, Reference
from deskhand.sdk.roles import Directory


class Facts(Protocol):
    """Everything that counts when a ticket's tenant is told. Company ids are the PSA's. Nothing here is ticket text."""

    @property
    def settings(self) -> IdentitySettings:
        """What the administrator said."""
        ...

    def companies(self) -> Sequence[Company]:
        """Every company of the PSA, inactive ones too."""
        ...

    def contact_domains(self) -> Mapping[str, frozenset[str]]:
        """By canonical domain: the companies with an active contact whose address is there."""
        ...

    def directory_domains(self) -> Mapping[str, Sequence[str]]:
        """By company id: the domains its directory has verified."""
        ...

    def site_owners(self) -> Mapping[str, frozenset[str]]:
        """By site id: the companies that have people or devices there."""
        ...

    def device_owners(self) -> Mapping[str, frozenset[str]]:
        """By case-folded device name: the companies with an active device of that name."""
        ...

    def devices_by_name(self, name: str) -> Sequence[Device]:
        """Every device of this name, whatever its case."""
        ...

    def person(self, person_id: str) -> Person | None:
        """One contact of the PSA."""
        ...

    def people_by_email(self, address: str) -> Sequence[Person]:
        """Every contact with this address, whatever its case."""
        ...

    def is_in_directory(self, company_id: str, address: str) -> bool:
        """Tell whether the company's directory has a user with this address; False where it cannot be asked."""
        ...

    def rules(self) -> Sequence[IdentityRule]:
        """Return what technicians asked to be remembered, as of now."""
        ...

    def ruling(self, ticket_id: str) -> Reference | None:
        """Whose this very ticket is by a technician's word, as of now."""
        ...


class MirrorFacts:
    """Facts from one moment of the mirror; rules and rulings are read afresh, since other processes write them.

    Build a new one after reference data was refreshed. Directories are asked for their domains while building, and
    building raises their errors: a domain we forget is a conflict we miss, so keep the former facts and try again.
    """

    def __init__(
        self,
        mirror: Mirror,
        records: Records,
        settings: IdentitySettings,
        *,
        connector: str,
        directories: Sequence[Directory] = (),
    ) -> None:
        """``connector`` names the ticket system whose tickets are resolved."""
        self._mirror = mirror
        self._records = records
        self._settings = settings
        self._connector = connector
        self._directories = tuple(directories)
        self._companies = mirror.companies()
        survey = _Survey(mirror, self._companies)
        self._contact_domains = _frozen(survey.contact_domains)
        self._site_owners = _frozen(survey.site_owners)
        self._device_owners = _frozen(survey.device_owners)
        self._directory_domains = {company.id: self._verified(company) for company in self._companies}

    @property
    def settings(self) -> IdentitySettings:
        """What the administrator said."""
        return self._settings

    def companies(self) -> Sequence[Company]:
        """Every company the mirror has."""
        return self._companies

    def contact_domains(self) -> Mapping[str, frozenset[str]]:
        """Domains of active contacts' addresses."""
        return self._contact_domains

    def directory_domains(self) -> Mapping[str, Sequence[str]]:
        """Return what the directories answered when this was built."""
        return self._directory_domains

    def site_owners(self) -> Mapping[str, frozenset[str]]:
        """Sites as people and devices name them."""
        return self._site_owners

    def device_owners(self) -> Mapping[str, frozenset[str]]:
        """Active devices that belong to a company."""
        return self._device_owners

    def devices_by_name(self, name: str) -> Sequence[Device]:
        """Read the mirror as it is now."""
        return self._mirror.devices_by_name(name)

    def person(self, person_id: str) -> Person | None:
        """Read the mirror as it is now."""
        return self._mirror.person(person_id)

    def people_by_email(self, address: str) -> Sequence[Person]:
        """Read the mirror as it is now."""
        return self._mirror.people_by_email(address)

    def is_in_directory(self, company_id: str, address: str) -> bool:
        """Ask each directory in turn; one that fails knows nobody."""
        return any(_knows(directory, company_id, address) for directory in self._directories)

    def rules(self) -> Sequence[IdentityRule]:
        """Read the record store as it is now."""
        return quarantine.rules(self._records)

    def ruling(self, ticket_id: str) -> Reference | None:
        """Read the record store as it is now."""
        return quarantine.resolution(self._records, self._connector, ticket_id)

    def _verified(self, company: Company) -> tuple[str, ...]:
        return tuple(domain for directory in self._directories for domain in _verified(directory, company.id))


class _Survey:
    """One pass over all people and devices: whose domains, sites and machine names they show."""

    def __init__(self, mirror: Mirror, companies: Sequence[Company]) -> None:
        self.contact_domains: defaultdict[str, set[str]] = defaultdict(set)
        self.site_owners: defaultdict[str, set[str]] = defaultdict(set)
        self.device_owners: defaultdict[str, set[str]] = defaultdict(set)
        for company in companies:
            for person in mirror.people(company.id):
                self._meet(person, company.id)
            for device in mirror.devices(company.id):
                self._count(device, company.id)

    def _meet(self, person: Person, company_id: str) -> None:
        if person.site:
            self.site_owners[person.site.id].add(company_id)
        for address in filter(None, map(parse, person.emails if person.is_active else ())):
            self.contact_domains[address.domain].add(company_id)

    def _count(self, device: Device, company_id: str) -> None:
        if device.site:
            self.site_owners[device.site.id].add(company_id)
        if device.is_active:
            self.device_owners[device.name.strip().casefold()].add(company_id)


def _verified(directory: Directory, company_id: str) -> tuple[str, ...]:
    try:
        return directory.verified_domains(company_id)
    except NotFoundError:
        return ()


def _knows(directory: Directory, company_id: str, address: str) -> bool:
    try:
        return directory.person(company_id, address) is not None
    except ConnectorError:
        return False


def _frozen(owners: Mapping[str, Iterable[str]]) -> Mapping[str, frozenset[str]]:
    return {key: frozenset(company_ids) for key, company_ids in owners.items()}
