"""Fills a PSA with the rehearsal's companies, people, devices and boards, and remembers what became of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deskhand.demo import roster
from deskhand.demo.psa import SeedablePsa


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything of the roster went: the PSA's ids by the roster's own keys and names."""

    catch_all: int
    companies: dict[str, int]
    contacts: dict[tuple[str, str], int]
    """By company key and contact key."""
    boards: dict[str, int]
    technicians: dict[str, int]

    def board_of(self, company: str | None) -> int:
        """Return the board a company's tickets usually go to; the first client's where it is none of the clients."""
        usual = {client.key: client.boards[0].name for client in roster.clients()}
        return self.boards[usual.get(company or "", next(iter(usual.values())))]


def seed_places(psa: SeedablePsa) -> Places:
    """Fill an empty PSA; the same ids every time."""
    offer = roster.psa()
    for name in offer.priorities:
        psa.seed_priority(name, is_default=name == offer.usual_priority)
    psa.seed_source(offer.alert_source)
    technicians = {each.key: psa.seed_member(each.key, each.name, email=each.email) for each in offer.technicians}
    boards = {
        board.name: psa.seed_board(board.name, types=board.types, items=board.items, statuses=offer.statuses)
        for client in roster.clients()
        for board in client.boards
    }
    catch_all = psa.seed_company(offer.catch_all.name, identifier=offer.catch_all.identifier, website="", sites=())
    companies: dict[str, int] = {}
    contacts: dict[tuple[str, str], int] = {}
    for company in (roster.own_company(), *roster.clients()):
        companies[company.key] = number = _seed_company(psa, company)
        contacts.update(_seed_contacts(psa, company, number))
        for device in company.devices:
            _seed_device(psa, device, number, contacts.get((company.key, device.contact or "")))
    return Places(catch_all, companies, contacts, boards, technicians)


def requesters(client: roster.Client) -> Sequence[roster.Contact]:
    """Return the contacts who write for this client alone, from addresses of its own."""
    return [
        contact
        for contact in client.contacts
        if not contact.is_shared_mailbox and contact.email.partition("@")[2] in client.domains
    ]


def _seed_company(psa: SeedablePsa, company: roster.Company) -> int:
    website = f"https://www.{company.domains[0]}"
    return psa.seed_company(company.name, identifier=company.identifier, website=website, sites=company.sites)


def _seed_contacts(psa: SeedablePsa, company: roster.Company, number: int) -> Iterator[tuple[tuple[str, str], int]]:
    for contact in company.contacts:
        yield (
            (company.key, contact.key),
            psa.seed_contact(
                contact.name,
                company=number,
                emails=(contact.email,),
                phones=(contact.phone,),
                title=contact.title,
                site=contact.site,
            ),
        )


def _seed_device(psa: SeedablePsa, device: roster.Machine, company: int, contact: int | None) -> None:
    psa.seed_configuration(
        device.name,
        company=company,
        type=device.kind,
        contact=contact,
        site=device.site,
        serial_number=device.serial,
    )
