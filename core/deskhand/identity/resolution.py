"""A technician's decision made into a rule that is remembered, unless the rule would do harm later."""

from typing import Literal, TypeAlias

from deskhand.identity import evidence
from deskhand.identity.addresses import Address
from deskhand.identity.clients import Clients
from deskhand.identity.evidence import homes, people_at
from deskhand.identity.facts import Facts
from deskhand.identity.public_domains import is_service
from deskhand.records.quarantine import IdentityRule
from deskhand.sdk.models import Reference, Ticket

Remembered: TypeAlias = Literal["address", "domain", "device"]


class RuleRefusedError(ValueError):
    """The rule would be dangerous or could never take effect; the message says why, and what to do instead."""


def remember(kind: Remembered, ticket: Ticket, tenant: Reference, facts: Facts, *, device: str = "") -> IdentityRule:
    """Return the rule by which tickets like this one are ``tenant``'s from now on; nothing is stored.

    ``device`` names the machine where an alert's summary names several. Raises RuleRefusedError; the ticket itself can
    still be resolved without remembering anything.
    """
    clients = Clients(facts)
    owner = _living(tenant, clients)
    if kind == "device":
        return IdentityRule(kind, _device(ticket, owner, facts, clients, device), owner)
    sender = evidence.read(ticket, facts, clients).sender
    if sender is None:
        raise RuleRefusedError("the ticket has no plain sender's address to remember; resolve it without --remember")
    _refuse_others(sender.domain, owner, clients)
    if kind == "domain":
        return IdentityRule(kind, _domain(sender.domain, owner, clients), owner)
    return IdentityRule(kind, _address(sender, owner, facts, clients), owner)


def _living(tenant: Reference, clients: Clients) -> Reference:
    owner = clients.reference(tenant.id)
    if owner is None or owner.id in clients.catch_all or not clients.is_active(owner.id):
        raise RuleRefusedError(f"company {tenant.id} is no active client in the PSA; name one that is")
    return owner


def _refuse_others(domain: str, owner: Reference, clients: Clients) -> None:
    """Refuse what belongs to the MSP, is verified for somebody else, or imitates a client."""
    if clients.is_own_domain(domain) and owner.id not in clients.own:
        raise RuleRefusedError(f"{domain} is the MSP's own: staff write for every client; decide ticket by ticket")
    verified = clients.owners(domain).verified
    if verified and owner.id not in verified:
        others = ", ".join(sorted(verified))
        raise RuleRefusedError(
            f"{domain} is verified for company {others}; if it is {owner.id}'s as well, add it to its "
            "identity.verified_domains"
        )
    resembled = clients.resembled(domain)
    if resembled:
        raise RuleRefusedError(
            f"{domain} could be mistaken for the client domain {resembled}; if a client really owns it, add it to "
            "identity.verified_domains, which nobody does in a hurry"
        )


def _domain(domain: str, owner: Reference, clients: Clients) -> str:
    if owner.id in clients.own:
        raise RuleRefusedError("for the MSP itself only addresses are remembered; use --remember address")
    if clients.is_public_domain(domain):
        raise RuleRefusedError(f"anyone can have an address at {domain}; use --remember address")
    owners = clients.owners(domain)
    others = sorted((owners.verified | owners.recorded | owners.used) - {owner.id})
    if others:
        raise RuleRefusedError(f"company {', '.join(others)} writes from {domain} too; use --remember address")
    return domain


def _address(sender: Address, owner: Reference, facts: Facts, clients: Clients) -> str:
    mailbox = str(sender.untagged)
    if mailbox in facts.settings.shared_mailboxes:
        raise RuleRefusedError("several clients write from this mailbox, by identity.shared_mailboxes")
    if is_service(sender.domain):
        raise RuleRefusedError(f"{sender.domain} is a service that writes to every client; decide ticket by ticket")
    at = homes(people_at(sender, facts), clients)
    if at and owner.id not in at:
        raise RuleRefusedError(
            f"the PSA has the sender as a contact of company {', '.join(sorted(at))}; correct it there"
        )
    return mailbox


def _device(ticket: Ticket, owner: Reference, facts: Facts, clients: Clients, device: str) -> str:
    named = evidence.read(ticket, facts, clients).devices
    wanted = tuple(name for name in named if name == device.strip().casefold()) if device else named
    if len(wanted) != 1:
        raise RuleRefusedError(
            "the ticket does not name exactly one device in the summary of an alert; only tickets from "
            "identity.alert_sources are known by their device"
        )
    others = sorted(frozenset(facts.device_owners().get(wanted[0], ())) - {owner.id})
    if others:
        raise RuleRefusedError(f"company {', '.join(others)} has a device of this name too; rename one of them")
    return wanted[0]
