"""What a ticket's words point at: who is quoted, which domains and devices are named. Hostile, so only ever a doubt."""

import html
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deskhand.identity.addresses import Address, addresses_in, canonical_domain
from deskhand.sdk.models import Note, NoteKind, Ticket

READ_AT_MOST = 20_000
"""Characters that are looked at. Whoever hides words behind more than this could as well leave them out."""

_QUOTED_AT_MOST = 12
_DEVICES_AT_MOST = 40
_LINE_AT_MOST = 400
_SHORTEST_DEVICE, _LONGEST_DEVICE = 4, 63

_FORWARD_SUBJECT = re.compile(r"\s*(?:\[[^\]]{0,40}\]\s*)?(?:fwd?|wg|tr|rv|doorst|vs|enc|i)\s*:", re.IGNORECASE)
_FORWARD_MARKS = (
    "forwarded message",
    "original message",
    "weitergeleitete nachricht",
    "ursprüngliche nachricht",
    "message transféré",
    "message d'origine",
    "mensaje reenviado",
    "mensaje original",
    "messaggio inoltrato",
    "messaggio originale",
    "doorgestuurd bericht",
    "oorspronkelijk bericht",
)
_SENDER_LINE = re.compile(
    r"[\s>|*_]*(?:from|von|de|da|van|från|fra|od|sender|absender|reply-to|expéditeur)[\s*_]*:(.*)", re.IGNORECASE
)
_ATTRIBUTION = re.compile(
    r"\b(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev|napisał)\b", re.IGNORECASE
)
_MARK = re.compile(r"[\d-]")
_LETTER = re.compile(r"[^\W\d_]")
_NAME = re.compile(r"[^\W_][\w.-]*")


@dataclass(frozen=True, slots=True)
class Wording:
    """The part of a ticket's text that came from outside or was shown to the customer."""

    text: str
    is_forwarded: bool
    quoted: tuple[Address, ...]
    """Senders of the messages quoted inside, and authors of replies; not those merely mentioned."""

    devices: tuple[str, ...]
    """Names that are shaped like a device's, case-folded."""
    domains: tuple[str, ...]
    """Domains that occur anywhere, also within addresses and links."""


def wording(ticket: Ticket, notes: Sequence[Note]) -> Wording:
    """Read the summary and what customers wrote or saw; technicians' internal notes, and ours, are not read."""
    outside = [note for note in notes if note.from_customer or note.kind is NoteKind.DISCUSSION]
    text = html.unescape("\n".join([ticket.summary, *(note.text for note in outside)])[:READ_AT_MOST])
    authors = addresses_in("\n".join(note.author for note in outside)[:READ_AT_MOST], at_most=_QUOTED_AT_MOST)
    quoted = (*_quoted_senders(text.splitlines()), *authors)
    folded = text.casefold()
    is_forwarded = bool(_FORWARD_SUBJECT.match(ticket.summary)) or any(mark in folded for mark in _FORWARD_MARKS)
    return Wording(
        text=text,
        is_forwarded=is_forwarded,
        quoted=tuple(dict.fromkeys(quoted))[:_QUOTED_AT_MOST],
        devices=device_names(text),
        domains=tuple(dict.fromkeys(filter(None, map(canonical_domain, _dotted(text))))),
    )


def device_names(text: str) -> tuple[str, ...]:
    """Find the first distinct words shaped like a device's name (letters with a digit or a hyphen), case-folded."""
    spelled = (spelling for name in _names(text[:READ_AT_MOST]) for spelling in (name, name.partition(".")[0]))
    found = dict.fromkeys(spelling.casefold() for spelling in spelled if _is_device_shaped(spelling))
    return tuple(found)[:_DEVICES_AT_MOST]


def _quoted_senders(lines: Sequence[str]) -> Iterator[Address]:
    for line, following in itertools.pairwise([*lines, ""]):
        header = _SENDER_LINE.match(line[:_LINE_AT_MOST])
        if header:
            yield from addresses_in(header[1] if header[1].strip() else following[:_LINE_AT_MOST], at_most=2)
            continue
        both = f"{line[:_LINE_AT_MOST]} {following[:_LINE_AT_MOST]}"
        if "@" in both and _ATTRIBUTION.search(both):
            yield from addresses_in(both, at_most=2)


def _names(text: str) -> Iterable[str]:
    return dict.fromkeys(name.rstrip(".-_") for name in dict.fromkeys(_NAME.findall(text)))


def _dotted(text: str) -> Iterable[str]:
    return (name for name in _names(text) if "." in name and name.isascii())


def _is_device_shaped(name: str) -> bool:
    is_sized = _SHORTEST_DEVICE <= len(name) <= _LONGEST_DEVICE
    return is_sized and not name.isalpha() and bool(_MARK.search(name)) and bool(_LETTER.search(name))
