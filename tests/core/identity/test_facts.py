from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskhand.identity.ambiguity import Ambiguity, AmbiguityKind
from deskhand.identity.facts import MirrorFacts
from deskhand.identity.resolver import Resolver
from deskhand.identity.settings import IdentitySettings
from deskhand.mirror.mirror import Mirror
from deskhand.records.database import Records, url_of
from deskhand.sdk.errors import ConnectorError, NotFoundError, UnavailableError
from deskhand.sdk.models import EvidenceKind, Person, Reference, TenantContext
from deskhand.sdk.roles import Directory
from tests.core.identity.cases import make_ticket
from tests.core.identity.world import PlainFacts, fill, settings


class PaperDirectory:
    """A directory role played from a table; the user directory of one client."""

    name = "directory_paper"

    def __init__(self, company: str, domain: str, failure: ConnectorError | None = None) -> None:
        self.company, self.domain, self.failure = company, domain, failure

    def check(self) -> str:
        return "fine"

    def close(self) -> None:
        """Hold nothing."""

    def verified_domains(self, tenant_id: str) -> tuple[str, ...]:
        self._refuse_others(tenant_id)
        return (self.domain,)

    def person(self, tenant_id: str, address: str) -> Person | None:
        self._refuse_others(tenant_id)
        return Person("u1", "Somebody") if address.startswith("known@") else None

    def people_named(self, tenant_id: str, name: str) -> tuple[Person, ...]:
        self._refuse_others(tenant_id)
        return (Person("u1", "Somebody"),) if name == "Somebody" else ()

    def groups_named(self, tenant_id: str, name: str) -> tuple[Reference, ...]:
        self._refuse_others(tenant_id)
        return (Reference("g1", name),) if name == "Everyone" else ()

    def _refuse_others(self, tenant_id: str) -> None:
        if self.failure:
            raise self.failure
        if tenant_id != self.company:
            raise NotFoundError(f"tenant {tenant_id} is not mapped")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    mirror = Mirror.open(tmp_path / "mirror.db")
    fill(mirror)
    yield mirror
    mirror.close()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records.open(url_of(tmp_path / "records.db"), clock=lambda: datetime.now(UTC))
    yield records
    records.close()


def facts(mirror: Mirror, records: Records, *directories: Directory) -> MirrorFacts:
    return MirrorFacts(mirror, records, settings(), connector="psa", directories=directories)


def test_the_mirror_is_read_as_the_facts_promise(mirror: Mirror, records: Records) -> None:
    read, plain = facts(mirror, records), PlainFacts()
    assert sorted(read.companies(), key=lambda each: each.id) == sorted(plain.companies(), key=lambda each: each.id)
    assert read.contact_domains() == plain.contact_domains()
    assert read.site_owners() == plain.site_owners()
    assert read.device_owners() == plain.device_owners()
    assert tuple(read.devices_by_name("dc01")) == tuple(plain.devices_by_name("dc01"))
    assert tuple(read.people_by_email("IMO@ledgerly.example")) == tuple(plain.people_by_email("imo@ledgerly.example"))
    assert read.person("101") == plain.person("101")
    assert read.rules() == ()
    assert read.ruling("7001") is None
    assert not read.is_in_directory("10", "known@alderfreight.example")


def test_a_directory_verifies_its_clients_domains(mirror: Mirror, records: Records) -> None:
    resolver = Resolver(facts(mirror, records, PaperDirectory("23", "hawthornpike.example")))
    found = resolver.resolve(make_ticket(company="2", **{"from": "new@hawthornpike.example"}), ())
    assert isinstance(found, TenantContext)
    assert [(each.kind, each.tenant.id) for each in found.evidence] == [(EvidenceKind.VERIFIED_DOMAIN, "23")]


def test_a_directory_confirms_a_filed_sender(mirror: Mirror, records: Records) -> None:
    resolver = Resolver(facts(mirror, records, PaperDirectory("23", "hawthornpike.example")))
    known = resolver.resolve(make_ticket(company="23", **{"from": "known@agency.example"}), ())
    stranger = resolver.resolve(make_ticket(company="23", **{"from": "other@agency.example"}), ())
    assert isinstance(known, TenantContext)
    assert EvidenceKind.DIRECTORY in {each.kind for each in known.evidence}
    assert isinstance(stranger, Ambiguity)


def test_a_directory_never_verifies_a_public_domain(mirror: Mirror, records: Records) -> None:
    resolver = Resolver(facts(mirror, records, PaperDirectory("23", "gmail.com")))
    found = resolver.resolve(make_ticket(company="2", **{"from": "anyone@gmail.com"}), ())
    assert isinstance(found, Ambiguity)
    assert found.kind is AmbiguityKind.PUBLIC_SENDER


def test_a_directory_that_cannot_be_reached_stops_new_facts_from_being_built(mirror: Mirror, records: Records) -> None:
    with pytest.raises(UnavailableError):
        facts(mirror, records, PaperDirectory("23", "hawthornpike.example", UnavailableError("down")))


def test_a_directory_that_fails_later_confirms_nobody(mirror: Mirror, records: Records) -> None:
    directory = PaperDirectory("23", "hawthornpike.example")
    resolver = Resolver(facts(mirror, records, directory))
    directory.failure = UnavailableError("down")
    found = resolver.resolve(make_ticket(company="23", **{"from": "known@agency.example"}), ())
    assert isinstance(found, Ambiguity)


def test_facts_without_any_client_resolve_nothing(tmp_path: Path, records: Records) -> None:
    empty = Mirror.open(tmp_path / "empty.db")
    resolver = Resolver(MirrorFacts(empty, records, IdentitySettings(), connector="psa"))
    assert isinstance(resolver.resolve(make_ticket(company="10", **{"from": "a@b.example"}), ()), Ambiguity)
    empty.close()
