"""A telephone number as the PSA's people typed it, in E.164 where that is certain."""

import re
from collections.abc import Iterable
from typing import Final

_SHAPE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_TRUNK: Final = re.compile(r"\(0\)")
_SPACING: Final = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")


def reachable(phones: Iterable[str]) -> tuple[str, str] | None:
    """Return the first number that can be reached, in E.164 and as it was typed; None where there is none."""
    return next(((number, typed) for typed in phones if (number := e164(typed)) is not None), None)


def e164(typed: str) -> str | None:
    """Return the number in E.164; None for a national number, whose country nobody wrote, and for an extension."""
    text = typed.strip()
    if text.startswith("00"):
        text = f"+{text[2:]}"
    plain = _SPACING.sub("", _TRUNK.sub("", text))
    return plain if _SHAPE.fullmatch(plain) else None
