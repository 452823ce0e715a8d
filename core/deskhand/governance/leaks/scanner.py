"""Looks for known secrets in texts and bytes: an index of 8-grams tells at once where one could begin.

It holds no secret, only what recognises one: keyed hashes of 8-grams and of each whole form, both under keys that end
with the process. Whoever reads those keys too can still guess a short or a weak secret, but finds none lying about.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from hmac import compare_digest
from secrets import token_bytes
from threading import Lock
from types import MappingProxyType
from typing import Self

from pydantic import SecretStr

from deskhand.governance.leaks.forms import SHORTEST, forms

_GRAM = SHORTEST
_LONGEST_STRIDE = 16
_KEY_BYTES = 32
_DIGEST_BYTES = 16
Place = tuple[int, int]


class LeakError(Exception):
    """A text holds a secret and must not go where it was meant to go; the message names the secret, never its value."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret that was found: its name, the encoding it is in, and where it stands."""

    secret: str
    encoding: str
    start: int
    end: int

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.secret}, {self.encoding}"


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A form of a secret, known by hashes alone: those of its first 8-grams, and a digest of the whole."""

    secret: str
    encoding: str
    length: int
    digest: bytes
    grams: tuple[int, ...]

    @classmethod
    def of(cls, secret: str, encoding: str, form: str, key: bytes) -> Self:
        places = range(min(len(form) - _GRAM + 1, _LONGEST_STRIDE))
        grams = tuple(hash(form[place : place + _GRAM]) for place in places)
        return cls(secret, encoding, len(form), _digest(form, key), grams)


@dataclass(slots=True)
class _Index:
    """Patterns by their 8-grams. Only every ``stride``-th place of a text is looked at, which no pattern can evade.

    ``hash`` is SipHash under a key that each process draws for itself (PEP 456).
    """

    patterns: tuple[_Pattern, ...]
    key: bytes
    stride: int = 1
    grams: dict[int, list[tuple[_Pattern, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stride = min((len(each.grams) for each in self.patterns), default=1)
        for pattern in self.patterns:
            for offset in range(self.stride):
                self.grams.setdefault(pattern.grams[offset], []).append((pattern, offset))

    def find(self, text: str) -> Iterator[Leak]:
        grams = self.grams
        if not grams:
            return
        for place in range(0, len(text) - _GRAM + 1, self.stride):
            if hash(text[place : place + _GRAM]) in grams:
                yield from self._found(text, place)

    def _found(self, text: str, place: int) -> Iterator[Leak]:
        for pattern, offset in self.grams[hash(text[place : place + _GRAM])]:
            start, end = place - offset, place - offset + pattern.length
            if compare_digest(_digest(text[start:end], self.key), pattern.digest):  # of nothing, past either end
                yield Leak(pattern.secret, pattern.encoding, start, end)


class LeakScanner:
    """Finds the secrets it was told of, and holds none of them. Thread-safe.

    Secrets shorter than 8 characters cannot be looked for; ``too_short`` names those.
    """

    def __init__(self, secrets: Mapping[str, SecretStr] = MappingProxyType({})) -> None:
        self._lock = Lock()
        self._key = token_bytes(_KEY_BYTES)
        self._known: dict[str, dict[bytes, tuple[_Pattern, ...]]] = {}
        self._indexes: tuple[_Index, ...] = ()
        for name, secret in secrets.items():
            self._add(name, secret.get_secret_value())
        self._arrange()

    @property
    def too_short(self) -> tuple[str, ...]:
        """Name the secrets that are too short to be looked for."""
        return tuple(sorted(name for name, values in self._known.items() if not all(values.values())))

    @property
    def longest(self) -> int:
        """How many characters the longest form has."""
        return max((each.length for index in self._indexes for each in index.patterns), default=0)

    def watch(self, name: str, secret: SecretStr) -> None:
        """Look for one more secret from now on, such as a password that was just made."""
        self.hear(name, secret.get_secret_value())

    def hear(self, name: str, value: str) -> None:
        """Look for a value of a secret from now on, beside those it had before. Cheap where it is known already."""
        if _digest(value, self._key) in self._known.get(name, {}):
            return
        with self._lock:
            self._add(name, value)
            self._arrange()

    def forget(self, name: str) -> None:
        """Look for a secret no longer."""
        with self._lock:
            self._known = {known: values for known, values in self._known.items() if known != name}
            self._arrange()

    def find(self, text: str) -> tuple[Leak, ...]:
        """Return every secret in a text, by where it stands."""
        found = {leak for index in self._indexes for leak in index.find(text)}
        return tuple(sorted(found, key=lambda leak: (leak.start, -leak.end)))

    def find_in_bytes(self, content: bytes) -> tuple[Leak, ...]:
        """Return every secret in bytes of whatever kind; text is looked for as UTF-8."""
        return self.find(content.decode("latin-1"))

    def redact(self, text: str) -> str:
        """Return a text with each secret replaced by its name in brackets."""
        leaks = self.find(text)
        if not leaks:
            return text
        pieces, end = [], 0
        for leak in leaks:
            if leak.start >= end:
                pieces += [text[end : leak.start], f"[{leak.secret}]"]
            end = max(end, leak.end)
        return "".join([*pieces, text[end:]])

    def refuse(self, text: str, where: str) -> None:
        """Raise LeakError where a text that is meant for ``where`` holds a secret."""
        leaks = self.find(text)
        if leaks:
            raise LeakError(f"{where} would hold a secret ({leaks[0]}) and is not written")

    def _add(self, name: str, value: str) -> None:
        written = forms(value) if len(value) >= SHORTEST else ()
        patterns = tuple(_Pattern.of(name, encoding, form, self._key) for encoding, form in written)
        self._known = {**self._known, name: {**self._known.get(name, {}), _digest(value, self._key): patterns}}

    def _arrange(self) -> None:
        patterns = [each for values in self._known.values() for found in values.values() for each in found]
        self._indexes = tuple(_Index(tuple(each), self._key) for each in _by_length(patterns))


def _digest(text: str, key: bytes) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES, key=key).digest()


def _by_length(patterns: Iterable[_Pattern]) -> list[list[_Pattern]]:
    """Part short patterns from long ones, which can be looked for in longer strides."""
    short: list[_Pattern] = []
    long: list[_Pattern] = []
    for pattern in patterns:
        (long if len(pattern.grams) == _LONGEST_STRIDE else short).append(pattern)
    return [each for each in (short, long) if each]


Redact = Callable[[str], str]
"""Takes the secrets out of a text."""
