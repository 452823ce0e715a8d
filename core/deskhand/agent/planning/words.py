"""A sentence as words, with quoted text in one piece: what stands in quotes is data, whatever it says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from deskhand.agent.planning.legible import IllegibleError, folded

_ADDRESS = r"[^\s@<>()\[\],;:\"“”„«»]+@[^\s@<>()\[\],;:\"“”„«»]+\.[^\W_]+"
_NUMBER = r"\+?\(?\d(?:[ ()./-]{0,3}\d){6,}"
_TITLE = r"\b(?:[Mm]rs?|[Mm]s|[Dd]r|[Hh]r|[Ff]r|[Mm]me|[Ss]ra?|[Dd]hr|[Mm]evr)\."
_TOKEN: Final = re.compile(
    rf"({_ADDRESS})|({_NUMBER})|({_TITLE}|\d{{1,3}}[.,]\d{{1,2}}(?!\w)|[^\W_]+(?:['’][^\W_]+)*)|(\S|\n)"
)
_CLOSERS: Final = {"“": "”", "„": "“”", "«": "»", "»": "«", "‹": "›", "‘": "’", "‚": "‘’"}
_STRAIGHT: Final = "\"'`"
_FENCE: Final = "```"
_QUOTED_LINES = re.compile(r"(?:^[ ]*>.*(?:\n|$))+", re.MULTILINE)
_ELISIONS: Final = frozenset({"l", "d", "s", "n", "c", "j", "m", "t", "qu", "lorsqu", "puisqu", "jusqu"})
_CONTRACTED: Final = frozenset(
    {"dont", "cant", "wont", "shouldnt", "mustnt", "doesnt", "didnt", "isnt", "arent", "neednt"}
)


class Kind(StrEnum):
    """What a piece of a sentence is."""

    WORD = "word"
    ADDRESS = "address"
    NUMBER = "number"
    """Seven digits or more: a telephone number, a code, a date; never something to act on."""
    QUOTE = "quote"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of a sentence and where it stands; for a quotation ``text`` is what is inside the quotes."""

    kind: Kind
    text: str
    folded: str
    start: int
    end: int


def words_of(text: str) -> tuple[Word, ...]:
    """Read a legible sentence. Raises IllegibleError where it is unclear what is quoted."""
    found: list[Word] = []
    at = 0
    for start, end, inside in _quotations(text):
        found.extend(_plain(text, at, start))
        found.append(Word(Kind.QUOTE, inside, "", start, end))
        at = end
    found.extend(_plain(text, at, len(text)))
    return tuple(found)


def _plain(text: str, start: int, end: int) -> Iterator[Word]:
    for match in _TOKEN.finditer(text, start, end):
        kind = (Kind.ADDRESS, Kind.NUMBER, Kind.WORD, Kind.MARK)[(match.lastindex or 1) - 1]
        if kind is Kind.WORD and ("'" in match[0] or "’" in match[0]):
            yield from _parted(match[0], match.start())
        else:
            yield Word(kind, match[0], folded(match[0].rstrip(".")), match.start(), match.end())


def _parted(text: str, start: int) -> Iterator[Word]:
    """Take off elided articles and the possessive; keep what belongs to a name, such as O'Neil."""
    joined = folded(text.replace("'", "").replace("’", ""))
    if joined in _CONTRACTED:
        yield Word(Kind.WORD, text, joined, start, start + len(text))
        return
    first = re.split(r"['’]", text, maxsplit=1)[0]
    if folded(first) in _ELISIONS:
        yield Word(Kind.WORD, first, folded(first), start, start + len(first))
        text, start = text[len(first) + 1 :], start + len(first) + 1
    possessive = re.fullmatch(r"(.+)['’][sS]", text)
    stem = possessive[1] if possessive else text
    yield Word(Kind.WORD, stem, folded(stem.replace("’", "'")), start, start + len(stem))
    if possessive:
        yield Word(Kind.MARK, "'s", "'s", start + len(stem), start + len(text))


def _quotations(text: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    lines = {match.start(): match.end() for match in _QUOTED_LINES.finditer(text)}
    while at < len(text):
        if at in lines:
            inside = "\n".join(line.lstrip().removeprefix(">").strip() for line in text[at : lines[at]].splitlines())
            yield at, lines[at], inside
            at = lines[at]
        elif text.startswith(_FENCE, at):
            end = _end(text, text.find(_FENCE, at + 3), at)
            yield at, end + 3, text[at + 3 : end].strip()
            at = end + 3
        elif text[at] in _CLOSERS and (text[at] != "»" or _opens(text, at)):
            end = _end(text, _matching(text, at), at)
            yield at, end + 1, text[at + 1 : end].strip()
            at = end + 1
        elif text[at] in _STRAIGHT and _opens(text, at):
            end = _end(text, _next_straight(text, at), at)
            yield at, end + 1, text[at + 1 : end].strip()
            at = end + 1
        else:
            at += 1


def _matching(text: str, at: int) -> int:
    """Find where a quotation ends that may hold others of its kind."""
    opener, closers, depth = text[at], _CLOSERS[text[at]], 1
    for position in range(at + 1, len(text)):
        if text[position] in closers and not (text[position] == "’" and _is_inside_a_word(text, position)):
            depth -= 1
            if depth == 0:
                return position
        elif text[position] == opener:
            depth += 1
    return -1


def _next_straight(text: str, at: int) -> int:
    for position in range(at + 1, len(text)):
        if text[position] != text[at] or _is_inside_a_word(text, position):
            continue
        if not _closes(text, position):
            if text[at] == "'":
                continue
            raise IllegibleError(
                f"it is unclear what stands in quotes around character {position + 1}: "
                "put quoted text between “ and ”, or between lines of ```"
            )
        return position
    return -1


def _end(text: str, end: int, start: int) -> int:
    if end < 0:
        raise IllegibleError(f"the quotation that begins at character {start + 1} ({text[start]}) does not end")
    return end


def _opens(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if text[at] == "'":
        return not before.isalnum() and after.isalnum() and re.search(r"[^\s]'(?!\w)", text[at + 1 :]) is not None
    return not before.isalnum()


def _closes(text: str, at: int) -> bool:
    """Tell whether a straight quote ends what it began: text before it, and no word right behind it."""
    return not text[at - 1].isspace() and not text[at + 1 : at + 2].isalnum()


def _is_inside_a_word(text: str, at: int) -> bool:
    return text[at - 1].isalnum() and text[at + 1 : at + 2].isalnum()
