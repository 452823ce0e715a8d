"""The people, devices and applications a ticket speaks of. References point at this client's own records only."""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from deskhand.knowledge.text import inert, visible
from deskhand.records.documents import Entity, EntityKind
from deskhand.sdk.models import Device, Person, TenantContext

MOST_ENTITIES = 12
_READ = 6000
_MOST_NAMES = 40
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_DEVICE = re.compile(r"\b(?=[\w-]*\d)[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*\b|\b[A-Z]{2,}(?:-[A-Z0-9]+)+\b")
_CERTAIN_DEVICE = re.compile(
    r"(?!KB|INV|PO|RE|ISO|MS|WIN|USB|COVID)(?:[A-Z]{2,}[A-Z0-9]*-[A-Z0-9-]*\d|[A-Z]{2,6}\d{2,4})"
)
_TITLED = re.compile(r"\b(?:mrs?|ms|miss|dr|herrn?|frau|kollegin|kollege)\.?\s+([A-ZÄÖÜ][\w'\u2019-]+)", re.IGNORECASE)
_APPLICATION = re.compile(
    r"\b(?:(?i:outlook|powerpoint|onedrive|onenote|sharepoint|microsoft 365|office 365|m365|power bi|visual studio"
    r"|exchange online|windows 1[01]|acrobat|adobe reader|photoshop|indesign|illustrator|creative cloud|firefox|chrome"
    r"|autocad|solidworks|revit|sketchup|citrix|forticlient|anyconnect|globalprotect|openvpn|wireguard|teamviewer"
    r"|anydesk|salesforce|hubspot|quickbooks|xero|navision|business central|dynamics 365|datev|lexware|addison"
    r"|jira|confluence|sql server|vmware|hyper-v|veeam|sophos|crowdstrike|sentinelone|bitlocker|intune|entra"
    r"|active directory|filezilla|dropbox|whatsapp|docusign|webex|3cx|elo|docuware|personio))\b"
    r"|\b(?:Excel|Word|Teams|Edge|Visio|Zoom|Slack|Sage|Safari|Access|Defender|Exchange|SAP|ERP|CRM|Windows)\b"
)
"""Names in the second group are common words too: they count only when written like a name."""


class Records(Protocol):
    """The part of the mirror that knows a client's people and devices."""

    def people(self, company_id: str) -> tuple[Person, ...]:
        """Return a client's contacts."""
        ...

    def people_by_email(self, address: str) -> tuple[Person, ...]:
        """Find every contact that has this address."""
        ...

    def devices_by_name(self, name: str) -> tuple[Device, ...]:
        """Find every machine of this name."""
        ...


def entities(context: TenantContext, text: str, records: Records) -> tuple[Entity, ...]:
    """Find what a ticket mentions, in the order people, devices, applications; each once, at most MOST_ENTITIES."""
    plain = visible(text[:_READ])
    found: dict[tuple[EntityKind, str], Entity] = {}
    for each in (*_people(context, plain, records), *_devices(context, plain, records), *_applications(plain)):
        found.setdefault((each.kind, each.text.casefold()), each)
    return tuple(found.values())[:MOST_ENTITIES]


def _people(context: TenantContext, text: str, records: Records) -> Iterator[Entity]:
    folded = text.casefold()
    words = set(re.findall(r"[^\W\d_]+", folded))
    known = [each for each in records.people(context.tenant.id) if each.is_active]
    for person in known:
        parts = person.name.casefold().split()
        if len(parts) > 1 and words.issuperset(re.findall(r"[^\W\d_]+", person.name.casefold())):
            orders = (" ".join(parts), f"{parts[-1]}, {' '.join(parts[:-1])}", f"{parts[-1]} {' '.join(parts[:-1])}")
            if any(order in folded for order in orders):
                yield _entity(EntityKind.PERSON, person.name, person.id)
    for surname in dict.fromkeys(_TITLED.findall(text)):
        bearers = [each for each in known if each.name.casefold().split()[-1:] == [surname.casefold()]]
        if len(bearers) == 1:
            yield _entity(EntityKind.PERSON, bearers[0].name, bearers[0].id)
    for address in _some(_ADDRESS.findall(text)):
        owners = [each for each in records.people_by_email(address) if _is_of(context, each)]
        if len(owners) == 1:
            yield _entity(EntityKind.PERSON, owners[0].name, owners[0].id)


def _devices(context: TenantContext, text: str, records: Records) -> Iterator[Entity]:
    for name in _some(_DEVICE.findall(_ADDRESS.sub(" ", text))):
        mine = [each for each in records.devices_by_name(name) if _is_of(context, each)]
        if len(mine) == 1:
            yield _entity(EntityKind.DEVICE, mine[0].name, mine[0].id)
        elif _CERTAIN_DEVICE.fullmatch(name):
            yield _entity(EntityKind.DEVICE, name, None)


def _applications(text: str) -> Iterator[Entity]:
    for name in _some(_APPLICATION.findall(text)):
        yield _entity(EntityKind.APPLICATION, name, None)


def _is_of(context: TenantContext, record: Person | Device) -> bool:
    return record.is_active and record.company is not None and record.company.id == context.tenant.id


def _some(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:_MOST_NAMES]


def _entity(kind: EntityKind, text: str, reference: str | None) -> Entity:
    return Entity(kind=kind, text=inert(text, 60), reference=reference)
