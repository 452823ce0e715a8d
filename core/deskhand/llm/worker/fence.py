"""The fence around a ticket's text, which nothing in the text can close."""

import re
from typing import Final

OPENING: Final = "<<<TICKET\n"
CLOSING: Final = "\nTICKET>>>"
LEFT_OUT: Final = "\n[... the middle of this text was left out ...]\n"
_MARKS: Final = re.compile(r"<{3,}|>{3,}")


def fenced(text: str) -> str:
    """Return text without a mark that could open or close the fence it will stand in."""
    return _MARKS.sub(lambda marks: marks.group()[:2], text)
