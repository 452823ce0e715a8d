"""Clauses that lean on their neighbours made whole: “and their sessions”, “to Sales”, “verify and text them”."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deskhand.agent.planning.clauses import Clause, Joint
from deskhand.agent.planning.hearing import Heard, Listener
from deskhand.agent.planning.lexicon import word_set
from deskhand.agent.planning.people import is_introduced
from deskhand.agent.planning.words import Kind, Word


@dataclass(frozen=True, slots=True)
class Piece:
    """A clause as it was heard. ``continues`` where it took its action from the piece before."""

    heard: Heard
    continues: bool = False


def assemble(found: Sequence[Clause], listener: Listener, names: frozenset[str]) -> tuple[Piece, ...]:
    """Hear every clause, each with what it leaves out taken from the one before, else from the one behind."""
    pieces: list[Piece] = []
    for at, clause in enumerate(found):
        heard = listener.hear(clause, names)
        if _stands_alone(heard):
            pieces.append(Piece(heard))
            continue
        before = pieces[-1].heard if pieces and clause.joint is not Joint.STOP else None
        merged = _merged(before, clause, listener, names)
        if merged is not None:
            pieces[-1] = replace(pieces[-1], heard=merged)
            continue
        borrowed = _borrowed(before, clause, listener, names) if before is not None else None
        if borrowed is not None:
            pieces.append(Piece(borrowed, continues=True))
            continue
        behind = found[at + 1] if at + 1 < len(found) and found[at + 1].joint in {Joint.PAUSE, Joint.AND} else None
        ahead = _ahead(clause, listener.hear(behind, names), listener, names) if behind is not None else None
        pieces.append(Piece(ahead or heard))
    return tuple(pieces)


def _stands_alone(heard: Heard) -> bool:
    return bool(
        heard.hearings
        or heard.is_blank
        or heard.role("condition")
        or heard.role("alternative")
        or heard.role("negation")
    )


def _merged(before: Heard | None, clause: Clause, listener: Listener, names: frozenset[str]) -> Heard | None:
    """Put “…, for Jane Doe” to the clause it belongs to."""
    if before is None or not before.hearings or clause.joint is not Joint.PAUSE:
        return None
    if clause.words[0].folded not in word_set("prepositions") and clause.words[0].kind is not Kind.QUOTE:
        return None
    whole = clause.sentence[before.clause.words[0].start : clause.words[-1].end]
    return listener.hear(replace(before.clause, words=(*before.clause.words, *clause.words), text=whole), names)


def _borrowed(before: Heard, clause: Clause, listener: Listener, names: frozenset[str]) -> Heard | None:
    """Take the verb, else the whole wording, from the clause before: for another object, or for another name."""
    bare = listener.hear(clause, names)
    if not bare.near and not _is_only_names(bare, names, is_group=bool(before.hearings and before.hearings[0].links)):
        return None
    explained = frozenset().union(*(hearing.explained for hearing in before.hearings[:1]))
    for indices in (before.acting & explained, explained):
        lent = tuple(before.clause.words[at] for at in sorted(indices))
        heard = _with(clause, lent, (), listener, names)
        if lent and heard.hearings:
            return heard
    return None


def _is_only_names(heard: Heard, names: frozenset[str], *, is_group: bool) -> bool:
    """Tell whether nothing but names is left in a clause; a group's may be written small."""
    grammar = heard.role("function") | heard.role("person") | frozenset(heard.vendors.values())
    words = heard.clause.words
    return all(
        at in grammar
        or words[at].kind is not Kind.WORD
        or words[at].folded in names
        or is_introduced(heard.clause, at)
        or is_group
        for at in range(len(words))
    )


def _ahead(clause: Clause, behind: Heard, listener: Listener, names: frozenset[str]) -> Heard | None:
    """Take the person, else the verb, from the clause behind: “block and sign out the user”, “Passwort und … ”."""
    bare = listener.hear(clause, names)
    if len(bare.known) < len(clause.words):
        return None
    people = tuple(behind.clause.words[at] for at in sorted(behind.role("person"))) if bare.acting else ()
    verbs = tuple(behind.clause.words[at] for at in sorted(behind.acting)) if bare.near else ()
    for lent in (people, verbs):
        heard = _with(clause, (), lent, listener, names)
        if lent and heard.hearings:
            return heard
    return None


def _with(
    clause: Clause, ahead: tuple[Word, ...], behind: tuple[Word, ...], listener: Listener, names: frozenset[str]
) -> Heard:
    return listener.hear(replace(clause, words=(*ahead, *clause.words, *behind)), names)
