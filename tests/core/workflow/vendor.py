"""A vendor of one kind of thing, notices on a board, small enough to count every effect; and actions over it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from deskhand.sdk.actions import Action, AnyAction, Arguments, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import UncertainError

TENANT = "7"
Where = Literal["inspect", "before", "after", "verify", "probe"]


class Death(BaseException):
    """The process ends here."""


@dataclass
class Board:
    """A connector: notices by number with their text, the owner of each ticket, and one thing that goes wrong next."""

    name: str = "psa_board"
    owners: dict[str, str] = field(default_factory=dict)
    notices: list[tuple[str, str, str]] = field(default_factory=list)
    colour: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    trouble: dict[Where, BaseException] = field(default_factory=dict)
    is_deaf: bool = False
    """It answers with success and does nothing."""
    on_apply: Callable[[], None] = lambda: None

    def check(self) -> str:
        return "a board"

    def close(self) -> None:
        pass

    def owner(self, ticket: str) -> str:
        self._meet("inspect")
        return self.owners.get(ticket, TENANT)

    def post(self, ticket: str, text: str, key: str) -> str:
        self._meet("before")
        self.on_apply()
        if not self.is_deaf:
            self.notices.append((ticket, text, key))
        self._meet("after")
        return str(len(self.notices))

    def paint(self, ticket: str, colour: str) -> None:
        self._meet("before")
        if not self.is_deaf:
            self.colour[ticket] = colour
        self._meet("after")

    def holds(self, ticket: str, text: str) -> bool:
        self._meet("verify")
        return any(notice[:2] == (ticket, text) for notice in self.notices)

    def is_painted(self, ticket: str, colour: str) -> bool:
        self._meet("verify")
        return self.colour.get(ticket) == colour

    def find(self, key: str) -> str | None:
        self._meet("probe")
        return next((str(place) for place, notice in enumerate(self.notices, 1) if notice[2] == key), None)

    @property
    def changes(self) -> list[str]:
        """The calls that could have changed something."""
        return [each for each in self.calls if each == "before"]

    def _meet(self, where: Where) -> None:
        self.calls.append(where)
        error = self.trouble.pop(where, None)
        if error is not None:
            raise error


class Notice(Arguments):
    ticket_id: str
    text: str


class Colour(Arguments):
    ticket_id: str
    colour: str


class Untargeted(Arguments):
    text: str


def _apply(board: Board, call: Notice, key: str) -> Receipt:
    return Receipt(board.post(call.ticket_id, call.text, key), {"length": len(call.text)})


def _probe(board: Board, call: Notice, key: str) -> Receipt | None:
    del call
    found = board.find(key)
    return Receipt(found) if found is not None else None


def _paint(board: Board, call: Colour, key: str) -> Receipt:
    del key
    board.paint(call.ticket_id, call.colour)
    return Receipt(call.ticket_id)


def _unpaint(board: Board, call: Colour, prior: Mapping[str, JsonValue], receipt: Receipt) -> None:
    raise AssertionError((board, call, prior, receipt))


def notice_action(tier: Tier = Tier.PSA_REVERSIBLE, *, with_probe: bool = True) -> AnyAction:
    return Action(
        name="psa_board.post_notice",
        title="Post a notice",
        arguments=Notice,
        tier=tier,
        effect=Effect.ONCE,
        permission="notices",
        documentation="https://vendor.example/notices",
        inspect=lambda board, call: Inspection(board.owner(call.ticket_id), (Change("notice", "", call.text),)),
        apply=_apply,
        verify=lambda board, call, _receipt: board.holds(call.ticket_id, call.text),
        probe=_probe if with_probe else None,
        irreversible="a notice that was read was read",
    )


PAINT: AnyAction = Action(
    name="psa_board.paint_ticket",
    title="Paint a ticket",
    arguments=Colour,
    tier=Tier.PSA_REVERSIBLE,
    effect=Effect.IDEMPOTENT,
    permission="colours",
    documentation="https://vendor.example/colours",
    inspect=lambda board, call: Inspection(board.owner(call.ticket_id), (Change("colour", "", call.colour),)),
    apply=_paint,
    verify=lambda board, call, _receipt: board.is_painted(call.ticket_id, call.colour),
    undo=_unpaint,
)


def answer_lost() -> UncertainError:
    return UncertainError("POST /notices: the connection broke before an answer came")
