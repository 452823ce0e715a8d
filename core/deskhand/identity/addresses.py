"""E-mail addresses and domains in one canonical form, or refused: what looks the same compares equal or not at all."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import idna

_LONGEST_DOMAIN = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}")
_BARE = re.compile(r"(?:mailto:)?([^<>]+)|[^<>@]*<([^<>]+)>", re.IGNORECASE)
_LOOKS_LIKE_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"']{1,64}@[^\s@<>()\[\]\\,;:\"'/]{1,253}")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An e-mail address: ``local`` in ASCII lower case, ``domain`` as DNS carries it (lower case, IDNA 2008)."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def untagged(self) -> "Address":
        """The same mailbox without its ``+tag`` (RFC 5233)."""
        local = self.local.partition("+")[0]
        return Address(local, self.domain) if local else self

    @property
    def spellings(self) -> tuple[str, ...]:
        """How a PSA may have written this mailbox: as given, without its tag, and both in Unicode."""
        each = (self, self.untagged)
        written = [str(address) for address in each] + [f"{one.local}@{readable(one.domain)}" for one in each]
        return tuple(dict.fromkeys(written))


def canonical_domain(text: str) -> str | None:
    """Return a domain of two labels or more as DNS carries it, or None where it is none or tries to pass for another.

    One trailing dot is dropped. Refused are invisible characters and those that normalise to ASCII, such as
    full-width letters: no mail system writes them, and whoever does wants to be taken for someone else.
    """
    text = text.strip().removesuffix(".")
    if not text or len(text) > _LONGEST_DOMAIN or _is_disguised(text):
        return None
    try:
        encoded = _encoded(text)
    except (idna.IDNAError, UnicodeError):
        return None
    labels = encoded.split(".")
    is_whole = len(labels) == text.count(".") + 1 > 1 and all(_LABEL.fullmatch(label) for label in labels)
    return encoded if is_whole and not labels[-1].isdigit() else None


def readable(domain: str) -> str:
    """Return a canonical domain in Unicode, as a person would read it."""
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain)
    except (idna.IDNAError, UnicodeError):
        return domain


def parents(domain: str) -> Iterator[str]:
    """Yield the domain, then each domain above it, down to two labels."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        yield ".".join(labels[start:])


def parse(text: str) -> Address | None:
    """Return the one address in ``text``: bare, ``mailto:`` or ``Name <address>``; None for anything else.

    A name that itself holds an address is refused, as are quoted local parts: both exist to deceive a reader.
    """
    match = _BARE.fullmatch(text.strip())
    local, separator, host = (match[1] or match[2] or "").strip().partition("@") if match else ("", "", "")
    if not separator or not _LOCAL.fullmatch(local) or _is_disguised(local):
        return None
    domain = canonical_domain(host)
    return Address(_lower(unicodedata.normalize("NFC", local)), domain) if domain else None


def addresses_in(text: str, *, at_most: int) -> tuple[Address, ...]:
    """Find the first distinct addresses in free text, in order."""
    found: dict[Address, None] = {}
    for match in _LOOKS_LIKE_ADDRESS.finditer(text):
        address = parse(match[0].strip(".!?'*_|"))
        if address:
            found[address] = None
        if len(found) >= at_most:
            break
    return tuple(found)


def _encoded(domain: str) -> str:
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    return idna.encode(unicodedata.normalize("NFC", domain), uts46=True).decode("ascii").lower()


def _is_disguised(text: str) -> bool:
    return not text.isascii() and any(_is_disguise(character) for character in text)


def _is_disguise(character: str) -> bool:
    if character.isascii():
        return False
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Co", "Cn"}
        or unicodedata.normalize("NFKC", character).isascii()
    )


def _lower(text: str) -> str:
    """Lower ASCII letters only: ``str.lower`` would turn the Kelvin sign into a plain k."""
    return "".join(character.lower() if character.isascii() else character for character in text)
