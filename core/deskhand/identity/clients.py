"""What is known about all clients at once, indexed: which are real, and whose a domain or a name is."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deskhand.identity.addresses import canonical_domain, parents
from deskhand.identity.facts import Facts
from deskhand.identity.lookalikes import LookAlikes
from deskhand.identity.public_domains import is_public
from deskhand.sdk.models import Company, Reference

_WORD = re.compile(r"\w+")
_SHORTEST_NAME = 6


@dataclass(frozen=True, slots=True)
class Owners:
    """The companies that may speak for a domain, by how well they can show it.

    ``verified``: proven to a directory or said in the configuration. ``recorded``: written in the PSA's company
    record, for this domain more exactly than any verified one. ``used``: a contact of theirs has an address there.
    """

    verified: frozenset[str] = frozenset()
    recorded: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        """Whoever claims the domain; its mere users only where nobody does."""
        return self.verified | self.recorded or self.used


_NOBODY = Owners()


class Clients:
    """All companies of the PSA and their domains. Immutable: build a new one when reference data changes."""

    def __init__(self, facts: Facts) -> None:
        settings, companies = facts.settings, facts.companies()
        self._settings = settings
        self._companies = {company.id: company for company in companies}
        self._by_key = _by_key(companies)
        self.catch_all = self._named(settings.catch_all_companies)
        self.own = self._named(settings.own_companies) | self._owning(settings.own_domains)
        self.unmatched = tuple(key for key in settings.verified_domains if len(self._named([key])) != 1)
        """Keys of the setting ``verified_domains`` that do not name one company: their domains count for nobody."""
        self._own_domains = frozenset(settings.own_domains) | self._domains_of(self._named(settings.own_companies))
        self._owners = self._claimed(facts.directory_domains(), facts.contact_domains())
        self._look_alikes = LookAlikes(self._owners)
        self._names = self._names_in_words()
        self._name_lengths = sorted({len(name) for name in self._names})

    def reference(self, company_id: str) -> Reference | None:
        """Return the company as the PSA names it, or None where the PSA has none."""
        company = self._companies.get(company_id)
        return Reference(company.id, company.name) if company else None

    def can_own_tickets(self, company_id: str) -> bool:
        """Tell whether this is a client, active or not: neither the MSP itself nor a collecting place."""
        return company_id in self._companies and company_id not in self.catch_all and company_id not in self.own

    def is_active(self, company_id: str) -> bool:
        """Tell whether the PSA has the company and calls it active."""
        company = self._companies.get(company_id)
        return company is not None and company.is_active

    def is_own_domain(self, domain: str) -> bool:
        """Tell whether the MSP's own staff write from this domain."""
        return any(above in self._own_domains for above in parents(domain))

    def is_public_domain(self, domain: str) -> bool:
        """Tell whether strangers share this domain."""
        return is_public(domain) or any(above in self._settings.public_domains for above in parents(domain))

    def owners(self, domain: str) -> Owners:
        """Return who may speak for a canonical domain: whoever claims it, or else the closest domain above it."""
        if self.is_public_domain(domain) or self.is_own_domain(domain):
            return _NOBODY
        found = _NOBODY
        for above in parents(domain):
            here = self._owners.get(above, _NOBODY)
            recorded = found.recorded or (frozenset() if here.verified else here.recorded)
            found = Owners(here.verified, recorded, found.used or here.used)
            if found.verified:
                break
        return found

    def resembled(self, domain: str) -> str | None:
        """Return the client's domain that a stranger's could be mistaken for."""
        if self.is_own_domain(domain) or self.is_public_domain(domain) or self.owners(domain) != _NOBODY:
            return None
        return self._look_alikes.resembled(domain)

    def named_in(self, text: str) -> frozenset[str]:
        """Return the companies whose whole name occurs in the text, whatever its case."""
        words = _words(text)
        runs = (words[place : place + length] for length in self._name_lengths for place in range(len(words)))
        return frozenset(company_id for run in runs for company_id in self._names.get(run, ()))

    def _named(self, keys: Iterable[str]) -> frozenset[str]:
        """Match companies by id, else by identifier or name, whatever the case; a shared name matches all of them."""
        return frozenset().union(*(self._by_key.get(key.strip().casefold(), frozenset()) for key in keys))

    def _owning(self, domains: Iterable[str]) -> frozenset[str]:
        wanted = frozenset(domains)
        return frozenset(each.id for each in self._companies.values() if wanted & _canonical(each.domains))

    def _domains_of(self, company_ids: frozenset[str]) -> frozenset[str]:
        domains = (domain for each in company_ids for domain in _canonical(self._companies[each].domains))
        return frozenset(domain for domain in domains if not self.is_public_domain(domain))

    def _claimed(
        self, directory_domains: Mapping[str, Iterable[str]], contact_domains: Mapping[str, Iterable[str]]
    ) -> dict[str, Owners]:
        verified = _inverted(directory_domains.items())
        for key, domains in self._settings.verified_domains.items():
            for company_id in self._only(self._named([key])):
                for domain in domains:
                    verified[domain].add(company_id)
        recorded = _inverted((company.id, company.domains) for company in self._companies.values())
        claimed = {
            domain: Owners(*(self._eligible(claim.get(domain, ())) for claim in (verified, recorded, contact_domains)))
            for domain in {*verified, *recorded, *contact_domains}
            if not self.is_own_domain(domain) and not self.is_public_domain(domain)
        }
        return {domain: owners for domain, owners in claimed.items() if owners.all}

    def _only(self, company_ids: frozenset[str]) -> frozenset[str]:
        return company_ids if len(company_ids) == 1 else frozenset()

    def _eligible(self, company_ids: Iterable[str]) -> frozenset[str]:
        """Keep clients; where one of them is active, a client that has left no longer speaks for the domain."""
        clients = frozenset(filter(self.can_own_tickets, company_ids))
        return frozenset(filter(self.is_active, clients)) or clients

    def _names_in_words(self) -> Mapping[tuple[str, ...], list[str]]:
        names: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for company in self._companies.values():
            words = _words(company.name)
            if self.can_own_tickets(company.id) and len("".join(words)) >= _SHORTEST_NAME:
                names[words].append(company.id)
        return names


def _by_key(companies: Sequence[Company]) -> Mapping[str, frozenset[str]]:
    named: defaultdict[str, set[str]] = defaultdict(set)
    for company in companies:
        for key in {company.identifier.strip().casefold(), company.name.strip().casefold()} - {""}:
            named[key].add(company.id)
    by_id = {company.id.casefold(): frozenset({company.id}) for company in companies}
    return {key: frozenset(ids) for key, ids in named.items()} | by_id


def _inverted(domains: Iterable[tuple[str, Iterable[str]]]) -> defaultdict[str, set[str]]:
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for company_id, listed in domains:
        for domain in _canonical(listed):
            owners[domain].add(company_id)
    return owners


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def _canonical(domains: Iterable[str]) -> frozenset[str]:
    """Read domains as a PSA writes them, web addresses among them."""
    read = map(canonical_domain, (domain.lower().removeprefix("www.") for domain in domains))
    return frozenset(domain for domain in read if domain)
