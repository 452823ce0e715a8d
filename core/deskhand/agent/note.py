"""The internal note a technician reads: the point first, then what it rests on, then what was left open and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deskhand.knowledge.text import inert
from deskhand.records.documents import Decision, FieldName, Handling, SimilarTicket, TicketKind, Triage

MOST_CHARACTERS = 1500
_LABEL = 40
_UNDER = " \u203a "
_LINE = 100
"""What a line is cut to in the rare note whose indispensable lines alone are too long."""
_RECOMMENDED = 220
_WORDS = ((0.9, "very likely"), (0.75, "likely"), (0.5, "probably"), (0.0, "a guess"))
_LANGUAGES = {"en": "English", "de": "German", "other": "another language"}
_PLACE = (FieldName.TYPE, FieldName.SUBTYPE, FieldName.ITEM)
_EXPLAINED = (*_PLACE, FieldName.KIND, FieldName.URGENCY, FieldName.IMPACT)
"""The fields whose evidence is shown, the most useful first."""
_LEVELS = (FieldName.IMPACT, FieldName.URGENCY)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the note; the higher its rank, the sooner it goes when the note is too long. Rank 0 stays."""

    text: str
    rank: int = 0


def render(
    triage: Triage,
    *,
    handling: Handling | None,
    applied: Sequence[FieldName] = (),
    desk_name: str = "deskhand",
    recommended: Sequence[str] = (),
) -> str:
    """Return the note: plain text, at most MOST_CHARACTERS, the same for the same arguments.

    Every line starts with a word of ours. What comes from tickets, people or the PSA is inert and stays on its line.
    """
    decided = [each for each in triage.decisions if each.is_made]
    return _fitted(
        [
            _Line(f"{inert(desk_name, _LABEL)} triage: {_point(triage)}"),
            *(_Line(f"Beware: {inert(each, 150)}") for each in triage.warnings[:3]),
            *(_Line(_decided(each, applied)) for each in decided),
            *(_Line(each) for each in _left_open(triage.decisions)),
            _Line(f"Status: {_status(handling, applied)}"),
            *(_Line(f"Automation that fits: {inert(each, _RECOMMENDED)}") for each in recommended[:2]),
            _Line(f"Customer ({_LANGUAGES.get(triage.language, 'unknown')}): {_quoted(triage.summary, 140)}", 1),
            *(_Line(_similar(each), 2 + 2 * place) for place, each in enumerate(triage.similar[:3])),
            *(_Line(each, 3) for each in _mentions(triage)),
            *(_Line(each, 4 + 2 * place) for place, each in enumerate(_evidence(decided))),
            _Line(f"Why: deskhand audit show --ticket {inert(triage.ticket_id, _LABEL)}"),
        ]
    )


def _point(triage: Triage) -> str:
    kind, priority = triage.decision(FieldName.KIND), triage.decision(FieldName.PRIORITY)
    if kind is not None and kind.value == TicketKind.NO_ACTION:
        return "nothing to do, by its wording (thanks, newsletter or automatic reply)"
    place = _UNDER.join(_value(triage, each) for each in _PLACE if _is_made(triage, each))
    kind_alone = f"{_value(triage, FieldName.KIND)}, type left open" if _is_made(triage, FieldName.KIND) else ""
    what = place or kind_alone or "left to you"
    if priority is None or not priority.is_made:
        return what
    levels = ", ".join(f"{each.value} {_value(triage, each)}" for each in _LEVELS)
    return f"{what} · {_value(triage, FieldName.PRIORITY)} ({levels})"


def _decided(decision: Decision, applied: Sequence[FieldName]) -> str:
    sureness = next(words for least, words in _WORDS if decision.confidence >= least)
    measured = "" if decision.is_calibrated else ", not measured here yet"
    written = " — set on the ticket" if decision.field in applied else ""
    value = inert(decision.label or decision.value or "", _LABEL)
    return f"{decision.field.value.capitalize()}: {value} ({sureness}, {decision.confidence:.0%}{measured}){written}"


def _left_open(decisions: Sequence[Decision]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for each in decisions:
        if not each.is_made:
            reasons.setdefault(each.abstained_because or "nothing speaks for a value", []).append(each.field.value)
    for reason, fields in reasons.items():
        yield f"Left open: {', '.join(fields)}, because {inert(reason, 150)}"


def _status(handling: Handling | None, applied: Sequence[FieldName]) -> str:
    if applied:
        return f"set on the ticket: {', '.join(each.value for each in applied)}; the rest is a suggestion"
    if handling is Handling.APPLY:
        return "nothing was set: no field that may be set was sure enough"
    return "a suggestion; nothing was set"


def _similar(past: SimilarTicket) -> str:
    minutes = f", {past.hours * 60:.0f} min" if past.hours else ""
    fix = f" — fixed by: {_quoted(past.fix, 120)}" if past.fix else ""
    return f"Similar: #{inert(past.ticket_id, 20)} {_quoted(past.summary, 80)} ({past.similarity:.0%}{minutes}){fix}"


def _mentions(triage: Triage) -> Iterator[str]:
    names = ", ".join(f"{each.kind.value} {inert(each.text, 30)}" for each in triage.entities)
    if names:
        yield f"Mentions: {inert(names, 200)}"


def _evidence(decided: Sequence[Decision]) -> Iterator[str]:
    explained = [each for each in decided if each.evidence and each.field in _EXPLAINED]
    for each in sorted(explained, key=lambda each: _EXPLAINED.index(each.field)):
        yield f"Evidence for {each.field.value}: {inert('; '.join(each.evidence[:2]), 200)}"


def _is_made(triage: Triage, field: FieldName) -> bool:
    decision = triage.decision(field)
    return decision is not None and decision.is_made


def _value(triage: Triage, field: FieldName) -> str:
    decision = triage.decision(field)
    return inert((decision.label or decision.value or "open") if decision else "open", _LABEL)


def _quoted(text: str, limit: int) -> str:
    """Quote a stranger's words; quotation marks among them cannot end the quotation."""
    return f"“{inert(text, limit).translate(_OUR_QUOTES)}”"


_OUR_QUOTES = str.maketrans("“”„", "'''")


def _fitted(lines: Sequence[_Line]) -> str:
    """Join the lines; while they are too long, the one of the highest rank goes."""
    kept = list(lines)
    while len(note := "\n".join(each.text for each in kept)) > MOST_CHARACTERS:
        expendable = max(kept, key=lambda each: each.rank)
        if expendable.rank == 0:
            return "\n".join(inert(each.text, _LINE) for each in kept)[:MOST_CHARACTERS]
        kept.remove(expendable)
    return note
