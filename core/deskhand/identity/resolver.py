"""The one place that says whose a ticket is: a TenantContext with its evidence, or an Ambiguity with its reason."""

from collections.abc import Iterable, Iterator, Sequence

from deskhand.identity import evidence
from deskhand.identity.ambiguity import Ambiguity, AmbiguityKind, Doubt, explain
from deskhand.identity.clients import Clients
from deskhand.identity.doubts import Words, look_up, objection
from deskhand.identity.evidence import Reading, Voice
from deskhand.identity.facts import Facts
from deskhand.identity.judgement import judge
from deskhand.identity.wording import Wording, wording
from deskhand.sdk.models import Device, EvidenceKind, Note, Person, Reference, TenantContext, TenantEvidence, Ticket

__all__ = ["Ambiguity", "AmbiguityKind", "Resolver"]

_CANDIDATES_AT_MOST = 8
_SIGNATURES = frozenset(
    {
        EvidenceKind.PSA_CONTACT,
        EvidenceKind.VERIFIED_DOMAIN,
        EvidenceKind.RECORDED_DOMAIN,
        EvidenceKind.DIRECTORY,
        EvidenceKind.RULE,
    }
)


class Resolver:
    """Tells whose tickets are, from one set of facts. Thread-safe; build a new one when reference data changes.

    It is right or it abstains. A ticket's words can make it abstain, and can never change whom it names; the order
    of companies, people and rules makes no difference.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.clients = Clients(facts)

    def resolve(self, ticket: Ticket, notes: Sequence[Note]) -> TenantContext | Ambiguity:
        """Name the ticket's tenant, or say why that takes a person."""
        reading = evidence.read(ticket, self._facts, self.clients)
        said = wording(ticket, notes)
        words = look_up(said, self._facts, self.clients)
        ruling = self._facts.ruling(ticket.id)
        heard = (*_ruling(ruling), *evidence.voices(reading, self._facts, self.clients))
        verdict = self._obey(ruling) if ruling else self._judge(reading, heard, words)
        if isinstance(verdict, Doubt):
            return self._abstain(verdict, reading, heard, words)
        conflicts = (*self._evidence(heard, without=verdict.id), *self._pointed(words, without=verdict.id))
        return TenantContext(
            tenant=verdict,
            ticket_id=ticket.id,
            requester=self._requester(reading, verdict.id),
            evidence=tuple(each for each in self._evidence(heard) if each.tenant == verdict),
            device=self._device(said, verdict.id),
            site=_site(ticket, heard, verdict.id),
            conflicts=tuple(dict.fromkeys(conflicts)),
        )

    def _obey(self, ruling: Reference) -> Reference | Doubt:
        """Follow a technician's word about this very ticket, as long as there is such a client."""
        tenant = self.clients.reference(ruling.id)
        if tenant is None or tenant.id in self.clients.catch_all:
            return Doubt(AmbiguityKind.UNKNOWN_COMPANY, company=ruling.id)
        return tenant if self.clients.is_active(tenant.id) else Doubt(AmbiguityKind.INACTIVE_COMPANY, company=tenant.id)

    def _judge(self, reading: Reading, heard: Sequence[Voice], words: Words) -> Reference | Doubt:
        tenant_id = judge(reading, heard, self._facts.settings, self.clients)
        if isinstance(tenant_id, Doubt):
            is_nameless = tenant_id.kind in {AmbiguityKind.NOTHING_KNOWN, AmbiguityKind.CATCH_ALL}
            return Doubt(AmbiguityKind.DEVICE_ONLY) if is_nameless and words.devices else tenant_id
        is_signed = any(voice.kind in _SIGNATURES and tenant_id in voice.tenants for voice in heard)
        tenant = self.clients.reference(tenant_id) or Doubt(AmbiguityKind.UNKNOWN_COMPANY, company=tenant_id)
        return objection(words, tenant_id, is_signed=is_signed) or tenant

    def _abstain(self, doubt: Doubt, reading: Reading, heard: Sequence[Voice], words: Words) -> Ambiguity:
        neighbours = self.clients.owners(reading.sender.domain).used if reading.sender else frozenset()
        ranked = (*(voice.tenants for voice in heard), neighbours, *(pointer.tenants for pointer in words.all))
        candidates = dict.fromkeys(tenant for tenants in ranked for tenant in sorted(tenants))
        living = [each for each in candidates if self.clients.can_own_tickets(each) and self.clients.is_active(each)]
        named = tuple(filter(None, map(self.clients.reference, living)))[:_CANDIDATES_AT_MOST]
        found = dict.fromkeys((*self._evidence(heard), *self._pointed(words)))
        return explain(doubt, reading.ticket.id, named, tuple(found))

    def _evidence(self, heard: Iterable[Voice], *, without: str = "") -> Iterator[TenantEvidence]:
        for voice in heard:
            for tenant in filter(None, map(self.clients.reference, sorted(voice.tenants - {without}))):
                yield TenantEvidence(voice.kind, tenant, voice.detail)

    def _pointed(self, words: Words, *, without: str = "") -> Iterator[TenantEvidence]:
        """Turn what the text points at into evidence; what also points at ``without`` contradicts nothing."""
        for pointer in words.all:
            tenants = () if without in pointer.tenants else sorted(pointer.tenants)
            for tenant in filter(None, map(self.clients.reference, tenants)):
                yield TenantEvidence(EvidenceKind.TEXT, tenant, pointer.detail)

    def _requester(self, reading: Reading, tenant_id: str) -> Person | None:
        """Find the one contact of the tenant who signed; for a technician's ticket, whom the PSA names."""
        is_by_proxy = reading.is_own_sender and tenant_id not in self.clients.own
        named = (reading.contact,) if reading.contact and reading.contact.is_active else ()
        signers = named if reading.sender is None or is_by_proxy else reading.active_people
        at_tenant = [person for person in signers if person.company and person.company.id == tenant_id]
        if len(at_tenant) > 1:
            at_tenant = [person for person in at_tenant if person == reading.contact]
        return at_tenant[0] if at_tenant and not reading.is_malformed else None

    def _device(self, said: Wording, tenant_id: str) -> Device | None:
        """Find the one device of the tenant that the text names: a pick among its own, not evidence."""
        owners = self._facts.device_owners()
        names = [name for name in said.devices if tenant_id in owners.get(name, ())]
        named = [each for name in names for each in self._facts.devices_by_name(name)]
        own = {each.id: each for each in named if each.is_active and each.company and each.company.id == tenant_id}
        return next(iter(own.values())) if len(own) == 1 else None


def _ruling(ruling: Reference | None) -> tuple[Voice, ...]:
    if ruling is None:
        return ()
    return (Voice(EvidenceKind.TECHNICIAN, frozenset({ruling.id}), f"a technician said company {ruling.id}"),)


def _site(ticket: Ticket, heard: Iterable[Voice], tenant_id: str) -> Reference | None:
    """Keep the ticket's site unless it is, or may be, another client's."""
    known = next((voice.tenants for voice in heard if voice.kind is EvidenceKind.SITE), None)
    if known is not None:
        return ticket.site if tenant_id in known else None
    return ticket.site if ticket.company and ticket.company.id == tenant_id else None
