"""Seeds a simulated PSA with the rehearsal MSP, and keeps what would be right for each ticket to itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from deskhand.demo import roster
from deskhand.demo.drafts import Draft, file_open_drafts, file_past_drafts, open_drafts, past_drafts, put
from deskhand.demo.places import Places, seed_places
from deskhand.demo.psa import SeedablePsa
from deskhand.demo.scoring import TicketTruth
from deskhand.demo.ticket_file import TicketFile
from deskhand.governance.policy import ClientPolicy
from deskhand.identity.settings import IdentitySettings

_SEED = 20_261


@dataclass(frozen=True, slots=True)
class SeededClient:
    """A client as it stands in the PSA."""

    key: str
    company_id: str
    identifier: str
    name: str
    policy: ClientPolicy


@dataclass(frozen=True, slots=True)
class RehearsalWorld:
    """What was seeded, and what only the rehearsal may know. Tickets are the PSA's ids, in the order they came in."""

    clients: tuple[SeededClient, ...]
    identity: IdentitySettings
    open_tickets: tuple[str, ...]
    closed_tickets: tuple[str, ...]
    truths: Mapping[str, TicketTruth]
    """For each open ticket; the PSA holds none of it."""
    boards: Mapping[str, int]
    contacts: Mapping[str, int]
    """By ``<company key>/<contact key>``."""

    @property
    def policies(self) -> dict[str, ClientPolicy]:
        """Each client's policy by its identifier, as a configuration lists them."""
        return {client.identifier: client.policy for client in self.clients}


def seed(psa: SeedablePsa, *, now: datetime, tickets: TicketFile | None = None) -> RehearsalWorld:
    """Fill an empty PSA as if ``now``, aware, were today; the same moment gives the same ids, times and texts.

    A file's tickets come in, in place of ours, from the rehearsal's own people at all four clients. Where the file has
    labels they go to a board with these as its types, with the file's history; else to each client's own board,
    with ours. Policies are then not limited to certain boards, so that every ticket of the file is handled.
    """
    places = seed_places(psa)
    chance = Random(_SEED)  # noqa: S311  # made-up dates, not secrets
    if tickets is None:
        closed = _closed(psa, past_drafts(places, now, chance))
        truths = _opened(psa, open_drafts(places, now, chance))
    else:
        boards = _file_boards(psa, places, tickets)
        past = file_past_drafts(tickets.history, boards, places, now, chance)
        closed = _closed(psa, past if tickets.types else past_drafts(places, now, chance))
        truths = _opened(psa, file_open_drafts(tickets.tickets, boards, places, now, chance))
    return RehearsalWorld(
        clients=tuple(_seeded(client, places, is_from_file=tickets is not None) for client in roster.clients()),
        identity=_identity(),
        open_tickets=tuple(truths),
        closed_tickets=closed,
        truths=truths,
        boards=places.boards,
        contacts={f"{company}/{contact}": number for (company, contact), number in places.contacts.items()},
    )


def _closed(psa: SeedablePsa, drafts: Iterable[Draft]) -> tuple[str, ...]:
    return tuple(put(psa, draft) for draft in drafts)


def _opened(psa: SeedablePsa, drafts: Iterable[tuple[Draft, TicketTruth]]) -> dict[str, TicketTruth]:
    numbered = ((put(psa, draft), truth) for draft, truth in drafts)
    return {number: replace(truth, ticket_id=number) for number, truth in numbered}


def _file_boards(psa: SeedablePsa, places: Places, tickets: TicketFile) -> dict[str, int]:
    if not tickets.types:
        return {client.key: places.board_of(client.key) for client in roster.clients()}
    offer = roster.psa()
    board = psa.seed_board(offer.file_board, types=tickets.types, items=(), statuses=offer.statuses)
    return dict.fromkeys(places.companies, board)


def _seeded(client: roster.Client, places: Places, *, is_from_file: bool) -> SeededClient:
    policy = client.policy.model_copy(update={"boards": None}) if is_from_file else client.policy
    return SeededClient(client.key, str(places.companies[client.key]), client.identifier, client.name, policy)


def _identity() -> IdentitySettings:
    own, offer = roster.own_company(), roster.psa()
    return IdentitySettings(
        own_domains=own.domains,
        own_companies=(own.identifier,),
        catch_all_companies=(offer.catch_all.identifier,),
        verified_domains={client.identifier: client.domains for client in roster.clients()},
        public_domains=offer.shared_domains,
        alert_sources=(offer.alert_source,),
    )
