"""The words of a document that people approve: each character of them can be seen."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field


def legible(text: str) -> str:
    """Return the text. Raises ValueError where a person who approves it would not see all of it."""
    hidden = next((each for each in text if not each.isprintable() and each != "\n"), None)
    if hidden is not None:
        raise ValueError(f"holds a character nobody can see (U+{ord(hidden):04X}): take it out")
    if not text.strip():
        raise ValueError("has no words in it")
    return text


Line: TypeAlias = Annotated[str, Field(max_length=160, pattern=r"^[^\n]*$"), AfterValidator(legible)]
"""One line of words."""
Prose: TypeAlias = Annotated[str, Field(max_length=2_000), AfterValidator(legible)]
"""Words on one line or several."""
MatchWord: TypeAlias = Annotated[str, Field(pattern=r"^[^\W_]{2,40}\*?$"), AfterValidator(lambda word: word.casefold())]
"""One word as tickets write it, without accents; with ``*`` at its end, every word that begins so."""
