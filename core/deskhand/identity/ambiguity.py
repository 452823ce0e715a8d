"""Why it cannot be told whose a ticket is: the kinds of doubt, a sentence for each, and what settles it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from deskhand.sdk.models import Reference, TenantEvidence


class AmbiguityKind(StrEnum):
    """Every reason for which a ticket waits for a person."""

    NOTHING_KNOWN = "nothing known"
    CATCH_ALL = "catch-all company"
    OWN_COMPANY = "own company"
    OWN_STAFF = "own staff"
    UNKNOWN_COMPANY = "unknown company"
    INACTIVE_COMPANY = "inactive company"
    UNKNOWN_CONTACT = "unknown contact"
    INACTIVE_CONTACT = "inactive contact"
    UNKNOWN_SENDER = "unknown sender"
    PUBLIC_SENDER = "public sender"
    SERVICE_SENDER = "service"
    MALFORMED_SENDER = "malformed sender"
    LOOK_ALIKE = "look-alike domain"
    SHARED_MAILBOX = "shared mailbox"
    SHARED_DOMAIN = "shared domain"
    SHARED_DEVICE = "shared device"
    UNKNOWN_DEVICE = "unknown device"
    DEVICE_ONLY = "device only"
    TWO_CLIENTS = "person at two clients"
    CONTACT_ELSEWHERE = "contact elsewhere"
    DOMAIN_ELSEWHERE = "domain elsewhere"
    SITE_ELSEWHERE = "site elsewhere"
    DEVICE_ELSEWHERE = "device elsewhere"
    RULE_ELSEWHERE = "rule elsewhere"
    FORWARDED = "forwarded mail"
    QUOTED = "quoted mail"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason to wait, with what its sentence names: canonical domains and company ids, never the ticket's words."""

    kind: AmbiguityKind
    company: str = ""
    domain: str = ""
    resembled: str = ""


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A ticket whose tenant is not certain: why, whose it might be, what was found, and what settles it.

    ``candidates`` are for a person to judge: some may come from the ticket's own words.
    """

    kind: AmbiguityKind
    reason: str
    candidates: tuple[Reference, ...]
    evidence: tuple[TenantEvidence, ...]
    suggestion: str


_K = AmbiguityKind

_REASONS: Mapping[AmbiguityKind, str] = {
    _K.NOTHING_KNOWN: "The ticket has no company, no contact and no sender.",
    _K.CATCH_ALL: "The PSA could not place the ticket: it lies in the catch-all company {company}, without a sender.",
    _K.OWN_COMPANY: "The ticket is filed under the MSP's own company {company}, which is no client.",
    _K.OWN_STAFF: "The sender is the MSP's own staff ({domain}): they may write for themselves or for any client.",
    _K.UNKNOWN_COMPANY: "The PSA names company {company}, which the last reading of the company list did not have.",
    _K.INACTIVE_COMPANY: "Company {company} is inactive in the PSA.",
    _K.UNKNOWN_CONTACT: "The PSA names a contact that is not on file at any client.",
    _K.INACTIVE_CONTACT: "The contact is inactive in the PSA, and nothing else vouches for the sender.",
    _K.UNKNOWN_SENDER: "No active contact and no client's domain matches the sender ({domain}).",
    _K.PUBLIC_SENDER: "The sender is no contact, and anyone can have an address at {domain}.",
    _K.SERVICE_SENDER: "The sender is no contact, and {domain} is a service that writes to everyone.",
    _K.MALFORMED_SENDER: "The sender's address is not one plain address: it may be made to deceive.",
    _K.LOOK_ALIKE: "The sender's domain {domain} is nobody's, but could be mistaken for the client domain {resembled}.",
    _K.SHARED_MAILBOX: "Several clients write from this mailbox, by the setting identity.shared_mailboxes.",
    _K.SHARED_DOMAIN: "The domain {domain} belongs to several clients, and no contact has the sender's address.",
    _K.SHARED_DEVICE: "Monitoring names a device, but several clients have one of this name.",
    _K.UNKNOWN_DEVICE: "Monitoring names no device that a client is known to have.",
    _K.DEVICE_ONLY: "All there is to go by is a device's name in the text, and text moves no ticket to a client.",
    _K.TWO_CLIENTS: "The sender is on file as a contact of several clients.",
    _K.CONTACT_ELSEWHERE: "The contact is on file at another company than the PSA files the ticket under.",
    _K.DOMAIN_ELSEWHERE: "The sender's domain {domain} belongs to another client than the rest points at.",
    _K.SITE_ELSEWHERE: "The site belongs to another client than the rest of the ticket points at.",
    _K.DEVICE_ELSEWHERE: "The device named belongs to another client than the rest of the ticket points at.",
    _K.RULE_ELSEWHERE: "A remembered rule names another client than the rest of the ticket points at.",
    _K.FORWARDED: "The mail was forwarded, and its original sender belongs to another client.",
    _K.QUOTED: "The mail answers or quotes someone who belongs to another client.",
}

_RESOLVE = "`{resolve}`"
_CORRECT = "Correct the PSA's record, or decide for this ticket: `{resolve}`"
_BY_ADDRESS = (
    "If the sender always writes for one client: `{resolve} --remember address`; otherwise leave --remember out"
)
_SETTING = "If {domain} is the client's, add it to identity.verified_domains; for this ticket: `{resolve}`"

_SUGGESTIONS: Mapping[AmbiguityKind, str] = {
    _K.OWN_STAFF: "Say for whom: `{resolve}`; if the sender writes only for the MSP itself, name its own company "
    "and add --remember address",
    _K.UNKNOWN_COMPANY: "It is known after the next reading of the PSA's companies; for this ticket: `{resolve}`",
    _K.INACTIVE_COMPANY: "Reactivate the company in the PSA, or name the client that took it over: `{resolve}`",
    _K.INACTIVE_CONTACT: "Reactivate the contact in the PSA, or decide for this ticket: `{resolve}`",
    _K.UNKNOWN_SENDER: "If everyone at {domain} is one client's: `{resolve} --remember domain`; if only this "
    "sender is: --remember address; a vendor or a newsletter needs neither",
    _K.PUBLIC_SENDER: _BY_ADDRESS,
    _K.MALFORMED_SENDER: "Look at the sender before you decide: `{resolve}`",
    _K.LOOK_ALIKE: "Treat it as fraud until proven otherwise. If a client really owns {domain}, add it to "
    "identity.verified_domains; for this ticket: `{resolve}`",
    _K.SHARED_DOMAIN: _BY_ADDRESS,
    _K.SHARED_DEVICE: "Give the devices different names, or decide for this ticket: `{resolve}`",
    _K.UNKNOWN_DEVICE: "`{resolve} --remember device`, or add the device to its company in the PSA",
    _K.DEVICE_ONLY: "File such alerts under their company in the PSA, or list their source in identity.alert_sources; "
    "for this ticket: `{resolve}`",
    _K.TWO_CLIENTS: _BY_ADDRESS,
    _K.CONTACT_ELSEWHERE: _CORRECT,
    _K.DOMAIN_ELSEWHERE: _SETTING,
    _K.SITE_ELSEWHERE: _CORRECT,
    _K.DEVICE_ELSEWHERE: _CORRECT,
    _K.RULE_ELSEWHERE: "Remember it anew if the rule is out of date, or decide for this ticket: `{resolve}`",
}


def explain(
    doubt: Doubt, ticket_id: str, candidates: tuple[Reference, ...], evidence: tuple[TenantEvidence, ...]
) -> Ambiguity:
    """Put a doubt into words. The suggestion names the client where only one comes into question."""
    tenant = candidates[0].id if len(candidates) == 1 else "ID"
    resolve = shlex.join(["deskhand", "quarantine", "resolve", ticket_id, "--tenant", tenant])
    words = {"company": doubt.company, "domain": doubt.domain, "resembled": doubt.resembled}
    reason = _REASONS[doubt.kind].format(**words)
    suggestion = _SUGGESTIONS.get(doubt.kind, _RESOLVE).format(resolve=resolve, **words)
    return Ambiguity(doubt.kind, reason, candidates, evidence, f"{suggestion}.")
