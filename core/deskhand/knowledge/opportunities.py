"""Which recurring patterns to automate first: minutes by frequency by feasibility by safety, client by client."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from deskhand.knowledge.deeds import known_deeds
from deskhand.knowledge.doing import Doable, Line, NoteReader
from deskhand.knowledge.patterns import Pattern
from deskhand.sdk.actions import capability_of

SAFETY: Mapping[int, float] = {0: 1.0, 1: 1.0, 2: 0.8, 3: 0.5, 4: 0.0}
"""What is left of a gain by tier: a hard gate costs an approval and a proof each time, tier 4 is never automated."""
UNWRITTEN = 0.05
"""Feasibility where nobody wrote down what was done: low, and not nothing."""
UNTIMED = 10.0
"""Minutes assumed where the PSA has no time recorded for any of them."""
MOST_BY_HAND = 3

May = Callable[[str, str], bool]
"""Tells whether a client (its PSA id) may have an action (its name) automated."""


@dataclass(frozen=True, slots=True)
class Share:
    """An action, and in what share of the notes that were read it was taken, in [0, 1]."""

    action: Doable
    share: float


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A pattern with what automating it would take and bring. ``score`` is minutes a month, discounted."""

    pattern: Pattern
    steps: tuple[Share, ...]
    """The most usual first; those done in a quarter of the notes at least."""
    by_hand: tuple[str, ...]
    """Lines of notes that no action covers: what would stay with a person."""
    feasibility: float
    """How far people's notes are covered by the steps, before any client's policy, in [0, 1]; see `feasibility`."""
    tier: int
    """The highest of the steps."""
    safety: float
    minutes: float
    is_timed: bool
    """Whether ``minutes`` comes from recorded time; otherwise it is assumed."""
    forbidden: Mapping[str, tuple[str, ...]]
    """By client, the actions among the steps its policy does not allow: they earn nothing there."""
    score: float

    @property
    def minutes_a_month(self) -> float:
        """What people spend on it in thirty days."""
        return self.minutes * self.pattern.per_month

    def why(self) -> str:
        """Explain the rank in one sentence."""
        pattern = self.pattern
        time = f"{self.minutes:.0f} min each" if self.is_timed else f"{self.minutes:.0f} min each (assumed)"
        done = f"{self.feasibility:.0%} of what people did can be done" if pattern.resolutions else "nobody wrote how"
        return (
            f"{len(pattern.tickets)} tickets of {len(pattern.clients)} client(s), {pattern.per_month:.1f} a month, "
            f"{time}; {done}; tier {self.tier} keeps {self.safety:.0%}"
        )


OFTEN = 0.25


def ranked(found: Iterable[Pattern], doables: Sequence[Doable], may: May) -> list[Opportunity]:
    """Rank patterns, the most worthwhile first; those that would bring nothing anywhere come last."""
    reader = NoteReader(doables)
    opportunities = [_opportunity(each, reader, may) for each in found]
    return sorted(opportunities, key=lambda each: (-each.score, -each.minutes_a_month, each.pattern.id))


def _opportunity(pattern: Pattern, reader: NoteReader, may: May) -> Opportunity:
    notes = [note for each in pattern.resolutions if (note := reader.read(each))]
    steps = _steps(notes)
    usual = frozenset(each.action.action for each in steps)
    tier = max((each.action.tier for each in steps), default=0)
    minutes = UNTIMED if pattern.minutes is None else pattern.minutes
    forbidden = _forbidden(pattern, steps, may)
    worth = sum(
        count * feasibility(notes, usual.difference(forbidden.get(client, ())))
        for client, count in pattern.clients.items()
    )
    a_ticket = worth / max(sum(pattern.clients.values()), 1)
    return Opportunity(
        pattern=pattern,
        steps=steps,
        by_hand=_by_hand(notes),
        feasibility=feasibility(notes, usual),
        tier=tier,
        safety=SAFETY[tier],
        minutes=minutes,
        is_timed=pattern.minutes is not None,
        forbidden=forbidden,
        score=minutes * pattern.per_month * a_ticket * SAFETY[tier],
    )


def _steps(notes: Sequence[Sequence[Line]]) -> tuple[Share, ...]:
    taken = [{line.action for line in note if line.action is not None} for note in notes]
    counted = Counter(action for actions in taken for action in actions)
    shares = [Share(action, count / len(notes)) for action, count in counted.items()]
    often = [each for each in shares if each.share >= OFTEN]
    return tuple(sorted(often, key=lambda each: (-each.share, each.action.action)))


def _forbidden(pattern: Pattern, steps: Sequence[Share], may: May) -> dict[str, tuple[str, ...]]:
    names = [each.action.action for each in steps]
    refused = {client: tuple(each for each in names if not may(client, each)) for client in pattern.clients}
    return {client: actions for client, actions in refused.items() if actions}


def feasibility(notes: Sequence[Sequence[Line]], actions: frozenset[str]) -> float:
    """Tell how far actions cover what notes say was done, in [0, 1].

    A note counts half where an action does what the ticket was about, and for the other half by the share of its lines
    that are covered: findings and courtesies fill most notes, and are no work. What goes with any ticket, such as
    checking who somebody is, is not what it was about.
    """
    if not notes:
        return UNWRITTEN
    return sum(_covered(note, actions) for note in notes) / len(notes)


def _covered(note: Sequence[Line], actions: frozenset[str]) -> float:
    covered = [line.action.action for line in note if line.action is not None and line.action.action in actions]
    if not any(_is_telling(action) for action in covered):
        return 0.0
    return 0.5 + len(covered) / len(note) / 2


def _is_telling(action: str) -> bool:
    deed = known_deeds().get(capability_of(action))
    return deed is not None and not deed.generic


def _by_hand(notes: Sequence[Sequence[Line]]) -> tuple[str, ...]:
    counted = Counter(line.text for note in notes for line in note if line.action is None)
    return tuple(text for text, _ in counted.most_common(MOST_BY_HAND))
