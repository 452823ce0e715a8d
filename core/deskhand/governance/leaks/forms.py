"""How a secret may look once something has passed it on: as it is, reversed, and in the encodings machines use."""

import base64
import html
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Characters below which a form is not looked for: it would be found everywhere."""


def forms(secret: str) -> Iterator[tuple[str, str]]:
    """Yield each form once, with the name of its encoding; forms shorter than SHORTEST are left out."""
    seen: set[str] = set()
    for encoding, form in _forms(secret):
        if len(form) >= SHORTEST and form not in seen:
            seen.add(form)
            yield encoding, form


def _forms(secret: str) -> Iterator[tuple[str, str]]:
    content = secret.encode()
    yield "plain", secret
    yield "plain", content.decode("latin-1")  # as bytes of a file are read
    yield "reversed", secret[::-1]
    yield "hex", content.hex()
    yield "hex", content.hex().upper()
    for escaped in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield "url", escaped
        yield "url", _lower_escapes(escaped)
    for is_ascii in (True, False):
        yield "json", json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
    yield "html", html.escape(secret)
    for shift in range(3):
        written = _in_base64(content, shift)
        yield "base64", written
        yield "base64", written.translate(str.maketrans("+/", "-_"))


def _in_base64(content: bytes, shift: int) -> str:
    """Return the part of base64 that is the same whatever stands before, ``shift`` bytes off, and after."""
    written = base64.b64encode(bytes(shift) + content).decode()
    return written[-(-shift * 8 // 6) : (shift + len(content)) * 8 // 6]


def _lower_escapes(escaped: str) -> str:
    parts = escaped.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])
