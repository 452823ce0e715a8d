"""What each of a ticket's own fields says about its tenant: one small function a field. The text is not read here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deskhand.identity.addresses import Address, parse
from deskhand.identity.clients import Clients
from deskhand.identity.facts import Facts
from deskhand.identity.wording import device_names
from deskhand.records.quarantine import IdentityRule
from deskhand.sdk.models import EvidenceKind, Person, Reference, Ticket

_NO_ADDRESS = frozenset({"", "-", "n/a", "na", "none", "no email", "unknown"})
"""What technicians type where they must type something."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What one source says: the tenant is among ``tenants``, never outside them.

    ``suffices``: this source alone is enough, provided no other contradicts it; it then names exactly one tenant.
    ``settles``: it also says for which of several clients a person on file at all of them writes.
    """

    kind: EvidenceKind
    tenants: frozenset[str]
    detail: str
    suffices: bool = False
    settles: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A ticket's fields, looked up once.

    ``contact`` is the record the PSA names, in whatever state; ``people`` are all contacts with the sender's address.
    """

    ticket: Ticket
    sender: Address | None
    is_malformed: bool
    is_own_sender: bool
    contact: Person | None
    people: tuple[Person, ...]
    is_alert: bool
    devices: tuple[str, ...]
    """Device-like names in an alert's summary, which only monitoring can write; empty for any other ticket."""

    @property
    def company(self) -> Reference | None:
        """The company the PSA files the ticket under."""
        return self.ticket.company

    @property
    def active_people(self) -> tuple[Person, ...]:
        """The active contacts with the sender's address."""
        return tuple(person for person in self.people if person.is_active)


def read(ticket: Ticket, facts: Facts, clients: Clients) -> Reading:
    """Look up what the ticket's fields point at."""
    sender = parse(ticket.contact_email)
    is_alert = _is_alert(ticket, facts.settings.alert_sources)
    return Reading(
        ticket=ticket,
        sender=sender,
        is_malformed=sender is None and ticket.contact_email.strip().casefold() not in _NO_ADDRESS,
        is_own_sender=sender is not None and clients.is_own_domain(sender.domain),
        contact=facts.person(ticket.contact.id) if ticket.contact else None,
        people=people_at(sender, facts) if sender else (),
        is_alert=is_alert,
        devices=device_names(ticket.summary) if is_alert else (),
    )


def people_at(address: Address, facts: Facts) -> tuple[Person, ...]:
    """Find the contacts with this mailbox, however the PSA spells it, by id."""
    found = {person.id: person for spelling in address.spellings for person in facts.people_by_email(spelling)}
    return tuple(found[person_id] for person_id in sorted(found))


def voices(reading: Reading, facts: Facts, clients: Clients) -> tuple[Voice, ...]:
    """Hear every source that has something to say, the PSA's own filing first."""
    rules = _applicable(reading, facts.rules(), clients)
    is_settled = any(rule.kind == "address" for rule in rules)
    heard = (
        _psa_company(reading, clients),
        _psa_contact(reading, clients),
        _verified_domain(reading, clients),
        None if is_settled else _recorded_domain(reading, clients),
        _directory(reading, facts, clients),
        _site(reading, facts, clients),
        *_devices(reading, facts, clients),
        *map(_rule, rules),
    )
    return tuple(voice for voice in heard if voice is not None and voice.tenants)


def homes(people: Iterable[Person], clients: Clients) -> frozenset[str]:
    """Return the active clients these contacts are on file at."""
    at = (person.company.id for person in people if person.company)
    return frozenset(each for each in at if clients.can_own_tickets(each) and clients.is_active(each))


def is_staff_on_file_at_a_client(reading: Reading, clients: Clients) -> bool:
    """Tell whether the PSA may have filed a technician's own mail under a client, by mistaking them for its contact."""
    if not reading.is_own_sender:
        return False
    addresses = filter(None, map(parse, reading.contact.emails if reading.contact else ()))
    is_own_contact = any(clients.is_own_domain(address.domain) for address in addresses)
    return bool(homes(reading.people, clients)) or (is_own_contact and bool(_filed_at(reading, clients)))


def _psa_company(reading: Reading, clients: Clients) -> Voice | None:
    """Enough by itself only where a technician or monitoring filed it: mail is filed by its sender, which may lie."""
    company = reading.company
    if company is None or not (clients.can_own_tickets(company.id) or company.id in clients.own):
        return None
    is_unsigned = reading.sender is None and reading.ticket.contact is None
    is_filed_knowingly = is_unsigned or reading.is_alert or _is_by_staff(reading, clients)
    suffices = is_filed_knowingly and company.id not in clients.own
    detail = f"the PSA files the ticket under company {company.id}"
    return Voice(EvidenceKind.PSA_COMPANY, frozenset({company.id}), detail, suffices)


def _is_by_staff(reading: Reading, clients: Clients) -> bool:
    is_contact_known = reading.ticket.contact is None or reading.contact is not None
    is_for_nobody = is_contact_known and not _filed_at(reading, clients)
    return reading.is_own_sender and is_for_nobody and not is_staff_on_file_at_a_client(reading, clients)


def _psa_contact(reading: Reading, clients: Clients) -> Voice | None:
    known = reading.active_people
    tenants = homes(known, clients) | _filed_at(reading, clients)
    people = sorted({*(person.id for person in known), *([reading.contact.id] if reading.contact else [])})
    is_live = bool(known) or (reading.contact is not None and reading.contact.is_active)
    is_genuine = is_live and _is_accounted_for(reading, tenants, clients)
    detail = f"contact {', '.join(people)} is on file at company {', '.join(sorted(tenants))}"
    return Voice(EvidenceKind.PSA_CONTACT, tenants, detail, suffices=len(tenants) == 1 and is_genuine)


def _filed_at(reading: Reading, clients: Clients) -> frozenset[str]:
    company = reading.contact.company if reading.contact else None
    return frozenset({company.id}) if company and clients.can_own_tickets(company.id) else frozenset()


def _is_accounted_for(reading: Reading, tenants: frozenset[str], clients: Clients) -> bool:
    """Tell whether the address agrees with the contact: a record and a stranger's address do not make a requester."""
    if reading.sender is None:
        return not reading.is_malformed
    if reading.is_own_sender:
        return not is_staff_on_file_at_a_client(reading, clients)
    owners = clients.owners(reading.sender.domain)
    return bool(homes(reading.active_people, clients) or tenants & (owners.verified | owners.recorded))


def _verified_domain(reading: Reading, clients: Clients) -> Voice | None:
    if reading.sender is None:
        return None
    owners = clients.owners(reading.sender.domain).verified
    detail = f"{reading.sender.domain} is verified for company {', '.join(sorted(owners))}"
    return Voice(EvidenceKind.VERIFIED_DOMAIN, owners, detail, suffices=len(owners) == 1)


def _recorded_domain(reading: Reading, clients: Clients) -> Voice | None:
    """Unverified: it confirms what the PSA filed, and contradicts, but names nobody by itself."""
    if reading.sender is None:
        return None
    owners = clients.owners(reading.sender.domain).recorded
    filed = frozenset({reading.company.id}) if reading.company else frozenset()
    detail = f"{reading.sender.domain} is in the PSA's record of company {', '.join(sorted(owners))}"
    return Voice(EvidenceKind.RECORDED_DOMAIN, owners, detail, suffices=owners == filed)


def _directory(reading: Reading, facts: Facts, clients: Clients) -> Voice | None:
    """Only the filed company's directory is asked: another's may list this person as a guest."""
    company, sender = reading.company, reading.sender
    if company is None or sender is None or reading.is_own_sender or not clients.can_own_tickets(company.id):
        return None
    if not facts.is_in_directory(company.id, str(sender.untagged)):
        return None
    detail = f"the directory of company {company.id} has the sender"
    return Voice(EvidenceKind.DIRECTORY, frozenset({company.id}), detail, suffices=True)


def _site(reading: Reading, facts: Facts, clients: Clients) -> Voice | None:
    site = reading.ticket.site
    if site is None:
        return None
    owners = frozenset(filter(clients.can_own_tickets, facts.site_owners().get(site.id, ())))
    return Voice(EvidenceKind.SITE, owners, f"site {site.id} is used by company {', '.join(sorted(owners))}")


def _devices(reading: Reading, facts: Facts, clients: Clients) -> Iterator[Voice]:
    for name in reading.devices:
        owners = frozenset(filter(clients.can_own_tickets, facts.device_owners().get(name, ())))
        detail = f"monitoring names {name}, a device of company {', '.join(sorted(owners))}"
        yield Voice(EvidenceKind.DEVICE, owners, detail, suffices=len(owners) == 1)


def _applicable(reading: Reading, rules: Iterable[IdentityRule], clients: Clients) -> tuple[IdentityRule, ...]:
    """Choose the rules about this ticket. An address outranks its domain: whoever remembered it meant the exception."""
    matching = [rule for rule in rules if _is_about(rule, reading) and _may_speak(rule, reading, clients)]
    has_address = any(rule.kind == "address" for rule in matching)
    return tuple(rule for rule in matching if rule.kind != "domain" or not has_address)


def _rule(rule: IdentityRule) -> Voice:
    detail = f"a technician said that this {rule.kind} is company {rule.tenant.id}"
    return Voice(EvidenceKind.RULE, frozenset({rule.tenant.id}), detail, suffices=True, settles=rule.kind == "address")


def _is_about(rule: IdentityRule, reading: Reading) -> bool:
    if rule.kind == "device":
        return rule.value in reading.devices
    if reading.sender is None:
        return False
    return rule.value in (reading.sender.spellings if rule.kind == "address" else (reading.sender.domain,))


def _may_speak(rule: IdentityRule, reading: Reading, clients: Clients) -> bool:
    """Disregard rules that later facts made dangerous: about the MSP's own staff, a public domain, a client gone."""
    if rule.tenant.id in clients.own:
        return rule.kind == "address"
    is_public = rule.kind == "domain" and clients.is_public_domain(rule.value)
    return (
        clients.can_own_tickets(rule.tenant.id)
        and not is_public
        and (rule.kind == "device" or not reading.is_own_sender)
    )


def _is_alert(ticket: Ticket, sources: Iterable[str]) -> bool:
    wanted = {source.strip().casefold() for source in sources}
    return ticket.source is not None and bool(
        {ticket.source.id.casefold(), ticket.source.name.strip().casefold()} & wanted
    )
