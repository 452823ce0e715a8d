"""Looks for known secrets in texts and bytes: an index of 8-grams tells at once where one could begin."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock

from pydantic import SecretStr

from deskhand.governance.leaks.forms import SHORTEST, forms

_GRAM = SHORTEST
_LONGEST_STRIDE = 16
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
    secret: str
    encoding: str
    form: str


@dataclass(slots=True)
class _Index:
    """Patterns by their 8-grams. Only every ``stride``-th place of a text is looked at, which no pattern can evade."""

    patterns: tuple[_Pattern, ...]
    stride: int = 1
    grams: dict[str, list[tuple[_Pattern, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shortest = min((len(each.form) for each in self.patterns), default=_GRAM)
        self.stride = min(shortest - _GRAM + 1, _LONGEST_STRIDE)
        for pattern in self.patterns:
            for offset in range(self.stride):
                gram = pattern.form[offset : offset + _GRAM]
                self.grams.setdefault(gram, []).append((pattern, offset))

    def find(self, text: str) -> Iterator[Leak]:
        grams = self.grams
        if not grams:
            return
        for place in range(0, len(text) - _GRAM + 1, self.stride):
            for pattern, offset in grams.get(text[place : place + _GRAM], ()):
                start = place - offset
                if start >= 0 and text.startswith(pattern.form, start):
                    yield Leak(pattern.secret, pattern.encoding, start, start + len(pattern.form))


class LeakScanner:
    """Finds the secrets it was told of. Thread-safe; secrets shorter than 8 characters cannot be looked for.

    ``too_short`` names those.
    """

    def __init__(self, secrets: Mapping[str, SecretStr]) -> None:
        self._lock = Lock()
        self._secrets: dict[str, SecretStr] = {}
        self._indexes: tuple[_Index, ...] = ()
        self._take({**secrets})

    @property
    def too_short(self) -> tuple[str, ...]:
        """Name the secrets that are too short to be looked for."""
        return tuple(sorted(name for name, each in self._secrets.items() if len(each.get_secret_value()) < SHORTEST))

    @property
    def longest(self) -> int:
        """How many characters the longest form has."""
        return max((len(each.form) for index in self._indexes for each in index.patterns), default=0)

    def watch(self, name: str, secret: SecretStr) -> None:
        """Look for one more secret from now on, such as a password that was just made."""
        with self._lock:
            self._take({**self._secrets, name: secret})

    def forget(self, name: str) -> None:
        """Look for a secret no longer."""
        with self._lock:
            self._take({known: each for known, each in self._secrets.items() if known != name})

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

    def _take(self, secrets: dict[str, SecretStr]) -> None:
        patterns = [
            _Pattern(name, encoding, form)
            for name, secret in secrets.items()
            for encoding, form in (
                forms(secret.get_secret_value()) if len(secret.get_secret_value()) >= SHORTEST else ()
            )
        ]
        self._secrets = secrets
        self._indexes = tuple(_Index(tuple(each)) for each in _by_length(patterns))


def _by_length(patterns: Iterable[_Pattern]) -> list[list[_Pattern]]:
    """Part short patterns from long ones, which can be looked for in longer strides."""
    short: list[_Pattern] = []
    long: list[_Pattern] = []
    for pattern in patterns:
        (long if len(pattern.form) >= _GRAM + _LONGEST_STRIDE - 1 else short).append(pattern)
    return [each for each in (short, long) if each]


Redact = Callable[[str], str]
"""Takes the secrets out of a text."""
