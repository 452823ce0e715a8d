"""Domains made to be mistaken for a client's: homoglyphs, typing slips, other endings, the name inside another."""

import unicodedata
from collections.abc import Iterable, Iterator

from deskhand.identity.addresses import readable
from deskhand.identity.public_domains import name_of

# A handful of Unicode's confusables (UTS 39): Cyrillic, Greek and Latin letters, and digits, by what they pass for.
_PASSES_FOR = {
    "a": "\u0430\u03b1\u0251\u04d9",
    "b": "\u0432\u03b2\u042c\u0253",
    "c": "\u0441\u03f2\u1d04\u00e7",
    "d": "\u0501\u0257",
    "e": "\u0435\u03b5\u0454\u0259\u04393",
    "g": "\u0261\u018d9",
    "h": "\u04bb\u043d\u0570",
    "i": "\u0456\u03b9\u0131\u026a1l|\u04cf\u0142",
    "j": "\u0458\u03f3",
    "k": "\u043a\u03ba\u0138",
    "m": "\u043c\u028d",
    "n": "\u0578\u043f\u03b7",
    "o": "\u043e\u03bf\u03c3\u0585\u00f80",
    "p": "\u0440\u03c1",
    "q": "\u051b",
    "r": "\u0433\u1d26",
    "s": "\u0455\ua7315",
    "t": "\u0442\u03c4\u01677",
    "u": "\u03c5\u057d",
    "v": "\u03bd\u0475",
    "w": "\u051d\u0461\u03c9",
    "x": "\u0445\u03c7",
    "y": "\u0443\u03b3\u04af",
    "z": "\u1d22\u01b62",
}
_CONFUSABLES = str.maketrans({seen: meant for meant, all_seen in _PASSES_FOR.items() for seen in all_seen})
_SHAPES = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("nn", "m"))
_SHORTEST_FOR_ONE_SLIP = 5
_SHORTEST_FOR_TWO_SLIPS = 9
_SHORTEST_PART = 5
_SHORTEST_INSIDE = 6


def skeleton(text: str) -> str:
    """Reduce text to what the eye takes it for: :func:`letters`, and pairs that look like one letter made one."""
    drawn = letters(text)
    for seen, meant in _SHAPES:
        drawn = drawn.replace(seen, meant)
    return drawn


def letters(text: str) -> str:
    """Reduce text to plain letters: no case, no accents, no hyphens, confusable characters made one."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in parts if not unicodedata.combining(each)).translate(_CONFUSABLES).replace("-", "")


class LookAlikes:
    """Knows which client's domain a stranger's domain resembles. Immutable: build a new one when domains change."""

    def __init__(self, domains: Iterable[str]) -> None:
        """Take the canonical domains of all clients."""
        self._known = frozenset(domains)
        named = [(readable(name_of(domain)), domain) for domain in sorted(self._known, reverse=True)]
        self._by_skeleton = {skeleton(name): domain for name, domain in named}
        self._typed = [(letters(name), _letter_set(letters(name)), domain) for name, domain in reversed(named)]

    def resembled(self, domain: str) -> str | None:
        """Return the client's domain that a canonical domain could be mistaken for, or None.

        None also for a client's own domain. The closest wins, and among equals the first in the alphabet.
        """
        if domain in self._known:
            return None
        name = readable(name_of(domain))
        same = self._by_skeleton.get(skeleton(name))
        return same or self._containing(readable(domain).split(".")) or self._slipped(letters(name))

    def _containing(self, labels: list[str]) -> str | None:
        """Find a client's name inside: as a part between hyphens, or, where it is long enough, anywhere."""
        parts = {skeleton(run) for label in labels for run in _runs(label.split("-"))}
        whole = [skeleton(label) for label in labels]
        inside = (
            name
            for name in self._by_skeleton
            if (len(name) >= _SHORTEST_PART and name in parts)
            or (len(name) >= _SHORTEST_INSIDE and any(name in label for label in whole))
        )
        longest = max(sorted(inside), key=len, default=None)
        return self._by_skeleton[longest] if longest else None

    def _slipped(self, name: str) -> str | None:
        present = _letter_set(name)
        near = []
        for known, known_present, domain in self._typed:
            allowed = _slips_allowed(min(len(known), len(name)))
            if allowed < abs(len(known) - len(name)) or (present ^ known_present).bit_count() > 2 * allowed:
                continue
            if (slips := distance(name, known)) <= allowed:
                near.append((slips, domain))
        return min(near)[1] if near else None


def distance(left: str, right: str) -> int:
    """Count the typing slips between two words: insert, delete, replace, swap neighbours (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        following = [i]
        for j, other in enumerate(right, 1):
            cost = min(row[j] + 1, following[j - 1] + 1, row[j - 1] + (letter != other))
            if i > 1 < j and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        before, row = row, following
    return row[-1]


def _slips_allowed(length: int) -> int:
    if length >= _SHORTEST_FOR_TWO_SLIPS:
        return 2
    return 1 if length >= _SHORTEST_FOR_ONE_SLIP else 0


def _letter_set(text: str) -> int:
    """Return the set of letters as bits, so that unlike words are told apart without aligning them."""
    bits = 0
    for letter in text:
        bits |= 1 << (ord(letter) & 63)
    return bits


def _runs(parts: list[str]) -> Iterator[str]:
    for start in range(min(len(parts), 8)):
        for end in range(start + 1, min(len(parts), 8) + 1):
            yield "".join(parts[start:end])
