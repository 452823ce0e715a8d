"""What a ticket's words put in doubt. They never speak for a tenant, only against the one the fields point at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deskhand.identity.addresses import Address
from deskhand.identity.ambiguity import AmbiguityKind, Doubt
from deskhand.identity.clients import Clients
from deskhand.identity.evidence import homes, people_at
from deskhand.identity.facts import Facts
from deskhand.identity.wording import Wording


@dataclass(frozen=True, slots=True)
class Pointer:
    """Something in the text that belongs to clients; ``detail`` says what, in identifiers."""

    tenants: frozenset[str]
    detail: str


@dataclass(frozen=True, slots=True)
class Words:
    """Where a ticket's words point: senders quoted inside, devices, and whatever else is mentioned."""

    is_forwarded: bool
    quoted: tuple[Pointer, ...]
    devices: tuple[Pointer, ...]
    mentioned: tuple[Pointer, ...]

    @property
    def all(self) -> tuple[Pointer, ...]:
        """Every pointer, the weightiest first."""
        return (*self.quoted, *self.devices, *self.mentioned)


def look_up(wording: Wording, facts: Facts, clients: Clients) -> Words:
    """Find whose the things named in the text are."""
    return Words(
        is_forwarded=wording.is_forwarded,
        quoted=tuple(_pointing(_quoted(each, facts, clients) for each in wording.quoted)),
        devices=tuple(_pointing(_device(name, facts, clients) for name in wording.devices)),
        mentioned=tuple(_pointing(_mentioned(wording, clients))),
    )


def objection(words: Words, tenant: str, *, is_signed: bool) -> Doubt | None:
    """Find what in the text forbids to settle on this tenant.

    A quoted sender at another client always does: the one who wrote may not be the one who needs help. Another
    client's device does where no requester backs the PSA's filing. Anything else is only worth a mention.
    """
    if any(tenant not in pointer.tenants for pointer in words.quoted):
        return Doubt(AmbiguityKind.FORWARDED if words.is_forwarded else AmbiguityKind.QUOTED)
    is_own_device_named = any(tenant in pointer.tenants for pointer in words.devices)
    if words.devices and not is_own_device_named and not is_signed:
        return Doubt(AmbiguityKind.DEVICE_ELSEWHERE)
    return None


def _pointing(pointers: Iterable[Pointer]) -> Iterator[Pointer]:
    return (pointer for pointer in pointers if pointer.tenants)


def _quoted(address: Address, facts: Facts, clients: Clients) -> Pointer:
    if clients.is_own_domain(address.domain):
        return Pointer(frozenset(), "")
    tenants = homes(people_at(address, facts), clients) or clients.owners(address.domain).all
    return Pointer(tenants, f"someone at {address.domain} is quoted")


def _device(name: str, facts: Facts, clients: Clients) -> Pointer:
    owners = frozenset(filter(clients.can_own_tickets, facts.device_owners().get(name, ())))
    return Pointer(owners, f"{name} is named, a device of company {', '.join(sorted(owners))}")


def _mentioned(wording: Wording, clients: Clients) -> Iterator[Pointer]:
    for domain in wording.domains:
        yield Pointer(clients.owners(domain).all, f"the domain {domain} is mentioned")
    for company in sorted(clients.named_in(wording.text)):
        yield Pointer(frozenset({company}), "the client's name is mentioned")
