"""How an effect is found again: a line in what was written, which the idempotency key is part of."""

import re


def mark(key: str) -> str:
    """Write the line an effect is found by."""
    return f"deskhand ref {key}"


def is_marked(text: str, key: str) -> bool:
    """Tell whether a text ends with the line; PSA may have turned line breaks into spaces."""
    return re.search(rf"(?:^|\s){re.escape(mark(key))}$", text.rstrip()) is not None


def plain(text: str) -> str:
    """Reduce a text to its words, as PSA's own handling of white space is not documented."""
    return " ".join(text.split())
