"""A sentence as it may be read: of bounded length, with nothing invisible in it, each word in one alphabet."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

LONGEST_SENTENCE: Final = 2_000
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that show nothing although Unicode does not call them invisible."""
_WORD = re.compile(r"[^\W\d_]+")
_LATIN: Final = "LATIN"


class IllegibleError(ValueError):
    """The sentence is not one a person could have read as it stands; the message says where, and what to do."""


def legible(sentence: str) -> str:
    """Return the sentence in NFC, with plain spaces and line breaks. Raises IllegibleError."""
    text = unicodedata.normalize("NFC", sentence[: 4 * LONGEST_SENTENCE]).replace("\r\n", "\n").replace("\r", "\n")
    plain = "".join(" " if each == "\t" or unicodedata.category(each) == "Zs" else each for each in text).strip()
    if not plain:
        raise IllegibleError("there are no words: write what should be done, such as “reset the password”")
    if len(plain) > LONGEST_SENTENCE:
        raise IllegibleError(f"it is longer than {LONGEST_SENTENCE:,} characters: say it in shorter ones")
    _refuse_hidden(plain)
    _refuse_mixed(plain)
    return plain


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Reduce text to what is compared: no case, no accents, compatibility forms made plain."""
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(each for each in parts if unicodedata.category(each) != "Mn")


def _refuse_hidden(text: str) -> None:
    if text.replace("\n", " ").isprintable() and _BLANK_LETTERS.isdisjoint(text):
        return
    for at, each in enumerate(text):
        if each != "\n" and (unicodedata.category(each) in _HIDDEN or each in _BLANK_LETTERS):
            raise IllegibleError(f"character {at + 1} (U+{ord(each):04X}) cannot be seen: type the sentence anew")


def _refuse_mixed(text: str) -> None:
    if text.isascii():
        return
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text)):
        alphabets = {_alphabet(each) for each in match[0] if not each.isascii()} - {""}
        if any(each.isascii() for each in match[0]):
            alphabets.add(_LATIN)
        if _LATIN in alphabets and len(alphabets) > 1:
            raise IllegibleError(f"“{match[0][:40]}” mixes letters of several alphabets: type the word anew")


@lru_cache(maxsize=4096)
def _alphabet(letter: str) -> str:
    return "" if unicodedata.category(letter).startswith("M") else unicodedata.name(letter, "UNKNOWN").split()[0]
