"""An invented MSP's closed tickets, few words each, whose types can be told by them."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from deskhand.knowledge.history import History
from deskhand.knowledge.training import train
from deskhand.mirror.mirror import PastTicket
from deskhand.sdk.models import Level, Reference, Ticket

START = datetime(2026, 1, 5, tzinfo=UTC)
BOARD = Reference("b1", "Service")
SUBJECTS: dict[str, dict[str, tuple[str, ...]]] = {
    "Identity": {
        "Password": ("password expired", "forgot my password", "locked out of account", "reset login"),
        "Codes": ("authenticator lost", "no code on phone", "second factor fails", "token app empty"),
    },
    "Printing": {
        "Paper": ("paper jam again", "tray stuck", "jam in the printer"),
        "Toner": ("toner empty", "faded prints toner", "cartridge leaking"),
    },
    "Network": {
        "Wireless": ("wifi drops", "wireless gone", "no wifi upstairs"),
        "Tunnel": ("vpn fails", "tunnel resets", "vpn timeout at home"),
    },
}
_PADDING = ("please help", "since monday", "in the office", "colleague says so", "for me", "again today", "kind of odd")
TYPES = {name: Reference(f"t{place}", name) for place, name in enumerate(SUBJECTS)}
SUBTYPES = {name: Reference(f"s-{name}", name) for subtypes in SUBJECTS.values() for name in subtypes}


@cache
def untaught() -> History:
    """What deskhand knows before it has seen a single ticket."""
    return train([])


def past(count: int, *, seed: int = 1, board: Reference = BOARD, impact: Level | None = None) -> list[PastTicket]:
    """Make closed tickets, oldest first."""
    dice = random.Random(seed)  # a fixed seed, no secret
    return [_one(place, dice, board, impact) for place in range(count)]


def ticket(ticket_id: str, summary: str, **fields: object) -> Ticket:
    """Make an open ticket."""
    values: dict[str, object] = {
        "id": ticket_id,
        "version": "1",
        "summary": summary,
        "board": BOARD,
        "status": Reference("n", "New"),
        "is_closed": False,
        "created_at": START,
        "updated_at": START,
        **fields,
    }
    return Ticket(**values)  # type: ignore[arg-type]  # a test's shorthand


def labels(tickets: Sequence[PastTicket]) -> list[str]:
    return [each.ticket.type.id for each in tickets if each.ticket.type]


def _one(place: int, dice: random.Random, board: Reference, impact: Level | None) -> PastTicket:
    name = dice.choice(list(SUBJECTS))
    subtype = dice.choice(list(SUBJECTS[name]))
    words = f"{dice.choice(SUBJECTS[name][subtype])} {dice.choice(_PADDING)}"
    moment = START + timedelta(hours=place)
    closed = ticket(
        f"{board.id}-{place}",
        words,
        board=board,
        is_closed=True,
        company=Reference(f"c{place % 3}", f"Client {place % 3}"),
        type=TYPES[name],
        subtype=SUBTYPES[subtype],
        impact=impact,
        created_at=moment,
        updated_at=moment,
        closed_at=moment,
    )
    return PastTicket(closed, f"{words}\n{words} {dice.choice(_PADDING)}", None)
