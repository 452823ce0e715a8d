"""The rule that turns voices into one tenant or a doubt: all must agree, and one must suffice.

Every voice names the clients it is compatible with. The tenant lies in all of them, so that one more voice can only
take tenants away; and some voice must name it alone and be good enough to be believed alone.
"""

from collections.abc import Sequence

from deskhand.identity.ambiguity import AmbiguityKind, Doubt
from deskhand.identity.clients import Clients
from deskhand.identity.evidence import Reading, Voice, homes
from deskhand.identity.public_domains import is_service
from deskhand.identity.settings import IdentitySettings
from deskhand.sdk.models import EvidenceKind

_CONTRADICTIONS = {
    EvidenceKind.PSA_CONTACT: AmbiguityKind.CONTACT_ELSEWHERE,
    EvidenceKind.VERIFIED_DOMAIN: AmbiguityKind.DOMAIN_ELSEWHERE,
    EvidenceKind.RECORDED_DOMAIN: AmbiguityKind.DOMAIN_ELSEWHERE,
    EvidenceKind.SITE: AmbiguityKind.SITE_ELSEWHERE,
    EvidenceKind.DEVICE: AmbiguityKind.DEVICE_ELSEWHERE,
    EvidenceKind.RULE: AmbiguityKind.RULE_ELSEWHERE,
}
"""What the first voice that contradicts the ones before it is told as; filing and directory come first or agree."""


def judge(reading: Reading, heard: Sequence[Voice], settings: IdentitySettings, clients: Clients) -> str | Doubt:
    """Return the tenant's company id, or the first doubt found."""
    doubt = _distrust(reading, heard, settings, clients) or _contradiction(reading, heard)
    if doubt:
        return doubt
    tenants = frozenset().union(*(voice.tenants for voice in heard if voice.suffices))
    if len(tenants) != 1:
        return _insufficiency(reading, heard, clients)
    (tenant,) = tenants
    return tenant if clients.is_active(tenant) else Doubt(AmbiguityKind.INACTIVE_COMPANY, company=tenant)


def _distrust(reading: Reading, heard: Sequence[Voice], settings: IdentitySettings, clients: Clients) -> Doubt | None:
    """Find what makes every voice worthless."""
    company = reading.company
    if reading.is_malformed:
        return Doubt(AmbiguityKind.MALFORMED_SENDER)
    if reading.sender and str(reading.sender.untagged) in settings.shared_mailboxes:
        return Doubt(AmbiguityKind.SHARED_MAILBOX)
    if company and clients.reference(company.id) is None:
        return Doubt(AmbiguityKind.UNKNOWN_COMPANY, company=company.id)
    is_settled = any(voice.settles for voice in heard)
    is_divided = any(voice.kind is EvidenceKind.PSA_CONTACT and len(voice.tenants) > 1 for voice in heard)
    return _divided(reading, clients) if is_divided and not is_settled else None


def _divided(reading: Reading, clients: Clients) -> Doubt:
    """Tell a person at two clients from a contact record that does not fit the sender."""
    is_one_person = len(homes(reading.active_people, clients)) > 1
    return Doubt(AmbiguityKind.TWO_CLIENTS if is_one_person else AmbiguityKind.CONTACT_ELSEWHERE)


def _contradiction(reading: Reading, heard: Sequence[Voice]) -> Doubt | None:
    left: frozenset[str] | None = None
    for voice in heard:
        left = voice.tenants if left is None else left & voice.tenants
        if not left:
            return Doubt(_CONTRADICTIONS[voice.kind], domain=_domain(reading))
    return None


def _insufficiency(reading: Reading, heard: Sequence[Voice], clients: Clients) -> Doubt:
    """Say why what was heard is not enough."""
    left = _left_behind(reading, clients)
    if left:
        return left
    if reading.sender is None or reading.is_alert:
        return _unsigned(reading, heard, clients)
    if reading.is_own_sender:
        return Doubt(AmbiguityKind.OWN_STAFF, domain=reading.sender.domain)
    return _stranger(reading.sender.domain, clients)


def _stranger(domain: str, clients: Clients) -> Doubt:
    if len(clients.owners(domain).verified) > 1:
        return Doubt(AmbiguityKind.SHARED_DOMAIN, domain=domain)
    if is_service(domain):
        return Doubt(AmbiguityKind.SERVICE_SENDER, domain=domain)
    if clients.is_public_domain(domain):
        return Doubt(AmbiguityKind.PUBLIC_SENDER, domain=domain)
    resembled = clients.resembled(domain)
    if resembled:
        return Doubt(AmbiguityKind.LOOK_ALIKE, domain=domain, resembled=resembled)
    return Doubt(AmbiguityKind.UNKNOWN_SENDER, domain=domain)


def _left_behind(reading: Reading, clients: Clients) -> Doubt | None:
    """Find a company or a contact that is no longer active."""
    people = (*reading.people, *([reading.contact] if reading.contact else []))
    companies = sorted({person.company.id for person in people if person.company})
    filed = [reading.company.id] if reading.company else []
    for company in [*filed, *companies]:
        if clients.can_own_tickets(company) and not clients.is_active(company):
            return Doubt(AmbiguityKind.INACTIVE_COMPANY, company=company)
    is_former = people and not any(person.is_active for person in people)
    return Doubt(AmbiguityKind.INACTIVE_CONTACT) if is_former else None


def _unsigned(reading: Reading, heard: Sequence[Voice], clients: Clients) -> Doubt:
    company = reading.company.id if reading.company else ""
    if company in clients.own:
        return Doubt(AmbiguityKind.OWN_COMPANY, company=company)
    if reading.ticket.contact:
        return Doubt(AmbiguityKind.UNKNOWN_CONTACT)
    if any(voice.kind is EvidenceKind.DEVICE for voice in heard):
        return Doubt(AmbiguityKind.SHARED_DEVICE)
    if reading.devices:
        return Doubt(AmbiguityKind.UNKNOWN_DEVICE)
    return Doubt(AmbiguityKind.CATCH_ALL if company else AmbiguityKind.NOTHING_KNOWN, company=company)


def _domain(reading: Reading) -> str:
    return reading.sender.domain if reading.sender else ""
