"""The grammars a model may be made to follow: literals, choices, sequences, character sets, bounded repetition.

A small part of GBNF (https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md), since llama.cpp
crashes on a grammar that is wrong and on one that unfolds too far: no rule refers to another, so nothing recurs,
and the unfolded size is bounded. :func:`check` reads a grammar back before it reaches the model process.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LARGEST_WEIGHT: Final = 2000
DEEPEST_NESTING: Final = 64
_ROOT: Final = "root ::= "
_ESCAPES: Final = {"\n": "\\n", "\t": "\\t", "\\": "\\\\", '"': '\\"'}
_CLASS_ESCAPES: Final = {"\\": "\\\\", "[": "\\[", "]": "\\]", "-": "\\-"}
_UNESCAPED: Final = {"n": "\n", "t": "\t"}
_COUNTS: Final = re.compile(r"\{(\d{1,4}),(\d{1,4})\}")


class GrammarError(ValueError):
    """This is no grammar of the kind written here; the message says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a grammar: its source, how many symbols it unfolds to, and whether it can stand for nothing."""

    source: str
    weight: int
    may_be_empty: bool = False


def literal(text: str) -> Part:
    """Match exactly this text: one or more characters, of the control characters only newline and tab."""
    if not text or any(not _is_permitted(letter) for letter in text):
        raise GrammarError("a literal needs at least one character, and no control characters but newline and tab")
    return Part('"' + "".join(_ESCAPES.get(letter, letter) for letter in text) + '"', len(text))


def characters(letters: str, *, none_of_these: bool = False) -> Part:
    """Match one of these characters, or any printable character but these."""
    if not letters or any(not letter.isprintable() for letter in letters):
        raise GrammarError("a character set needs at least one character, and printable ones only")
    if letters == "^" and not none_of_these:
        return literal(letters)
    distinct = sorted(set(letters), key=lambda letter: (letter == "^", letter))  # a leading ^ would mean the opposite
    source = "".join(_CLASS_ESCAPES.get(letter, letter) for letter in distinct)
    return Part(f"[^{source}\\x00-\\x1F\\x7F]" if none_of_these else f"[{source}]", 1)


def sequence(*parts: Part) -> Part:
    """Match the parts one after another."""
    if not parts:
        raise GrammarError("a sequence needs a part")
    return _bounded(
        " ".join(part.source for part in parts),
        sum(part.weight for part in parts),
        may_be_empty=all(part.may_be_empty for part in parts),
        groups=len(parts) > 1,
    )


def one_of(*parts: Part) -> Part:
    """Match any one of the parts."""
    if not parts:
        raise GrammarError("a choice needs a part")
    return _bounded(
        " | ".join(part.source for part in parts),
        sum(part.weight for part in parts),
        may_be_empty=any(part.may_be_empty for part in parts),
        groups=len(parts) > 1,
    )


def repeat(part: Part, least: int, most: int) -> Part:
    """Match the part from ``least`` to ``most`` times."""
    if not 0 <= least <= most or most < 1:
        raise GrammarError(f"a repetition from {least} to {most} times is none")
    if part.may_be_empty:
        raise GrammarError("what is repeated has to stand for something")
    source = f"({part.source}){{{least},{most}}}"
    return _bounded(source, part.weight * most, may_be_empty=least == 0, groups=False)


def choice_object(questions: Sequence[tuple[str, Sequence[str]]]) -> Part:
    """Match a JSON object with one of the labels for each field, in order, without spare white space."""
    parts: list[Part] = []
    for at, (field, labels) in enumerate(questions):
        parts.append(literal(("{" if at == 0 else ", ") + f"{json.dumps(field, ensure_ascii=False)}: "))
        parts.append(one_of(*(literal(json.dumps(label, ensure_ascii=False)) for label in labels)))
    return sequence(*parts, literal("}"))


def text_line(least: int, most: int) -> Part:
    """Match one line of text of so many characters."""
    return repeat(characters("<>", none_of_these=True), least, most)


def write(part: Part) -> str:
    """Return the GBNF text of a grammar."""
    return _ROOT + part.source


def check(grammar: str) -> None:
    """Raise GrammarError unless this is a grammar as :func:`write` makes them, of bounded size."""
    if not grammar.startswith(_ROOT):
        raise GrammarError(f"it does not begin with {_ROOT!r}")
    reader = _Reader(grammar, len(_ROOT))
    reader.choice(0)
    if reader.at != len(grammar):
        raise GrammarError(f"it makes no sense at character {reader.at}")


def _bounded(source: str, weight: int, *, may_be_empty: bool, groups: bool) -> Part:
    if weight > LARGEST_WEIGHT:
        raise GrammarError(f"it unfolds to {weight} symbols; {LARGEST_WEIGHT} is the most llama.cpp bears")
    return Part(f"({source})" if groups else source, weight, may_be_empty)


def _is_permitted(letter: str) -> bool:
    return letter in "\n\t" or (letter >= " " and letter != "\x7f" and not "\ud800" <= letter <= "\udfff")


class _Reader:
    """Reads a grammar back into parts, so that every rule of the writer is applied to it again."""

    def __init__(self, text: str, at: int) -> None:
        self.at = at
        self._text = text

    def choice(self, depth: int) -> Part:
        if depth > DEEPEST_NESTING:
            raise GrammarError(f"it is nested more than {DEEPEST_NESTING} deep")
        parts = [self._run(depth)]
        while self._took(" | "):
            parts.append(self._run(depth))
        return one_of(*parts)

    def _run(self, depth: int) -> Part:
        parts = [self._repeated(depth)]
        while not self._text.startswith(" | ", self.at) and self._took(" "):
            parts.append(self._repeated(depth))
        return sequence(*parts)

    def _repeated(self, depth: int) -> Part:
        part = self._single(depth)
        counts = _COUNTS.match(self._text, self.at)
        if counts is None:
            return part
        self.at = counts.end()
        return repeat(part, int(counts[1]), int(counts[2]))

    def _single(self, depth: int) -> Part:
        if self._took("("):
            part = self.choice(depth + 1)
            if not self._took(")"):
                raise GrammarError(f"a bracket is open at character {self.at}")
            return part
        if self._took('"'):
            return literal(self._until('"'))
        if self._took("[^"):
            return self._excluding()
        if self._took("["):
            return characters(self._until("]"))
        raise GrammarError(f"it makes no sense at character {self.at}")

    def _excluding(self) -> Part:
        end = "\\x00-\\x1F\\x7F]"
        stop = self._text.find(end, self.at)
        if stop < 0:
            raise GrammarError("an excluding set has to exclude control characters")
        inner = _Reader(self._text[self.at : stop] + "]", 0)
        self.at = stop + len(end)
        return characters(inner._until("]"), none_of_these=True)

    def _until(self, end: str) -> str:
        """Take characters up to the closing one, undoing the writer's escapes and no others."""
        letters: list[str] = []
        while not self._took(end):
            letter = self._next()
            letters.append(self._escaped(end) if letter == "\\" else letter)
        return "".join(letters)

    def _escaped(self, end: str) -> str:
        letter = self._next()
        known = {'"': '\\"nt', "]": "\\[]-"}[end]
        if letter not in known:
            raise GrammarError(f"an unknown escape stands before character {self.at}")
        return _UNESCAPED.get(letter, letter) if end == '"' else letter

    def _next(self) -> str:
        if self.at >= len(self._text):
            raise GrammarError("it ends inside quotes or a set")
        self.at += 1
        return self._text[self.at - 1]

    def _took(self, expected: str) -> bool:
        if self._text.startswith(expected, self.at):
            self.at += len(expected)
            return True
        return False
